#include "trust/bundle_check.h"

#include "trust/root_change.h"
#include "verify/tuf/paths.h"

namespace airlock::trust {
namespace {

namespace tuf = verify::tuf;

// A bundle carries one state of the repository, so all but roots go without their version.
class MemberSource : public tuf::Source {
 public:
  explicit MemberSource(MetadataFiles files) : files_(std::move(files)) {}

  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) override {
    auto it = files_.find(name);
    if (it == files_.end() && !name.ends_with(".root.json")) it = files_.find(without_version(name));
    if (it == files_.end()) return std::nullopt;
    if (it->second.size() > limit) return fail(Code::kTooLarge, name);
    return std::optional(it->second);
  }
  Result<std::optional<std::string>> target(const std::string&, std::uint64_t) override { return std::nullopt; }

 private:
  static std::string without_version(const std::string& name) {
    const auto dot = name.find_first_not_of("0123456789");
    return dot != 0 && dot != std::string::npos && name[dot] == '.' ? name.substr(dot + 1) : name;
  }
  MetadataFiles files_;
};

std::string number(std::uint64_t value) { return std::to_string(value); }

std::string describe_trusted(const tuf::TrustedSet& trusted, const tuf::FoundTarget& target, std::size_t new_roots) {
  return "root " + number(trusted.root().version) + (new_roots > 0 ? " (" + number(new_roots) + " new)" : "") + ", timestamp " +
         number(trusted.timestamp()->version) + " until " + trusted.timestamp()->expires.text() + ", snapshot " +
         number(trusted.snapshot()->version) + ", " + printable(target.role) + " names \"" + target.path + "\"";
}

}  // namespace

std::string manifest_target(const BundleId& bundle, std::uint64_t generation) { return bundle.str() + "/" + number(generation) + ".json"; }

Result<void> CheckedMetadata::commit() {
  TRY(keeper_->commit());
  return new_roots().empty() ? Result<void>{} : repository_->clear_pending_root();
}

Result<CheckedMetadata> check_bundle_metadata(Repository& repository, MetadataFiles files, const BundleClaim& claim, Instant now) {
  if (!files.contains(tuf::file_name(tuf::kTimestamp))) return fail(Code::kTufRequired, "repository " + repository.name().str());
  MemberSource source(std::move(files));
  auto keeper = std::make_unique<StagedKeeper>(repository.store());
  tuf::Updater updater = TRY(tuf::Updater::start(source, *keeper, now));
  TRY(updater.refresh());
  const tuf::FoundTarget target = TRY(updater.find(manifest_target(claim.bundle, claim.generation)));
  if (const auto same = tuf::check_content(claim.payload, target.file.length, target.file.hashes, target.path); !same)
    return fail(Code::kTufTarget, same.error().context);
  std::string seen = describe_trusted(updater.trusted(), target, keeper->roots().size());
  const auto& trusted = updater.trusted();
  Json facts{{"root", trusted.root().version}, {"newRoots", keeper->roots().size()}, {"timestamp", trusted.timestamp()->version},
             {"timestampExpires", trusted.timestamp()->expires.text()}, {"snapshot", trusted.snapshot()->version},
             {"role", printable(target.role)}, {"target", target.path}};
  return CheckedMetadata(repository, std::move(keeper), std::move(seen), std::move(facts));
}

Result<std::string> check_rotation(Repository& repository, const std::vector<std::string>& new_roots, bool keep_pending) {
  if (new_roots.empty()) return std::string("no new root");
  const auto trusted = TRY(repository.store().load(tuf::kRoot));
  if (!trusted) return fail(Code::kTufMissing, "no root is trusted yet");
  auto before = TRY(tuf::parse_root(*trusted));
  for (const std::string& bytes : new_roots) {
    auto after = TRY(tuf::parse_root(bytes));
    if (describe_change(before, after).empty()) return fail(Code::kRotationNoChange, "root " + number(after.version));
    before = std::move(after);
  }
  const Digest digest = Digest::of(new_roots.back());
  const auto people = TRY(repository.approvers_of(digest));
  const std::string state = "root " + number(before.version) + ", " + digest.prefixed() + ": approved by " + number(people.size()) + " of " +
                            number(repository.config().approvals);
  if (people.size() >= repository.config().approvals) return state;
  if (keep_pending) TRY(repository.set_pending_root(new_roots.back()));
  return fail(Code::kRotationUnapproved, state + " people, repository " + repository.name().str());
}

Result<MetadataFiles> metadata_for_bundle(const TufRepo& repo, const BundleClaim& claim) {
  MetadataFiles files = TRY(repo.published_files());
  const std::string path = manifest_target(claim.bundle, claim.generation);
  const auto targets = TRY(tuf::parse_targets(files[tuf::file_name(tuf::kTargets)], tuf::kTargets)).body.targets;
  const auto found = targets.find(path);
  if (found == targets.end()) return fail(Code::kTufTarget, path);
  if (const auto same = tuf::check_content(claim.payload, found->second.length, found->second.hashes, path); !same)
    return fail(Code::kTufTarget, same.error().context);
  return files;
}

}  // namespace airlock::trust
