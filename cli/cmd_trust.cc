#include <memory>

#include "base/io.h"
#include "cli/site.h"
#include "trust/bundle_check.h"
#include "trust/root_change.h"
#include "verify/keys.h"

namespace airlock::cli {
namespace {

namespace tuf = verify::tuf;

constexpr Millis kDefaultWindow{365LL * 86'400'000};

struct TrustOptions {
  std::vector<std::string> keys, bundles;
  std::uint64_t threshold = 1, approvals = 2;
  std::string from, until, tuf_root, repository, source, digest;
  bool replace = false, optional = false;
};

Json describe_roots(const manifests::TrustRoots& roots) {
  Json keys = Json::array();
  for (const auto& key : roots.keys) keys.push_back({{"keyid", key.keyid}, {"name", key.name.value_or("")}});
  return {{"threshold", roots.threshold}, {"keys", keys}, {"validFrom", roots.valid_from.text()}, {"validUntil", roots.valid_until.text()}};
}

std::string roots_text(const manifests::TrustRoots& roots) {
  std::string text = "threshold  " + std::to_string(roots.threshold) + " of " + std::to_string(roots.keys.size()) + "\nvalid      " +
                     roots.valid_from.text() + " until " + roots.valid_until.text() + "\n";
  for (const auto& key : roots.keys) text += "key        " + key.keyid + "  " + printable(key.name.value_or("")) + "\n";
  return text;
}

// A repository as `show` and its siblings print it.
struct Description {
  Json json;
  std::string text;
};

// A root that waits, what it would change, and who agreed so far.
Result<void> describe_pending(const trust::Repository& repository, const tuf::Document<tuf::Root>& trusted, Description& out) {
  const auto pending = TRY(repository.pending_root());
  if (!pending) return {};
  const auto next = TRY(tuf::parse_root(*pending));
  const Digest digest = Digest::of(*pending);
  const auto people = TRY(repository.approvers_of(digest));
  const auto changes = trust::describe_change(trusted, next);
  out.json["pendingRoot"] = {{"version", next.version}, {"sha256", digest.hex()}, {"changes", changes}, {"approvedBy", people}};
  out.text += "  pending  root " + std::to_string(next.version) + "  " + digest.prefixed() + "\n";
  for (const std::string& change : changes) out.text += "           " + change + "\n";
  out.text += "           approved by " + std::to_string(people.size()) + " of " + std::to_string(repository.config().approvals);
  for (const std::string& person : people) out.text += " " + printable(person);
  out.text += "\n";
  return {};
}

Result<Description> describe(trust::Repository& repository) {
  const auto& config = repository.config();
  const auto bytes = TRY(repository.store().load(tuf::kRoot));
  if (!bytes) return fail(Code::kTufMissing, "repository " + repository.name().str() + " has no root");
  const auto root = TRY(tuf::parse_root(*bytes));
  Description out{{{"repository", repository.name().str()}, {"bundles", config.bundles}, {"approvals", config.approvals},
                   {"required", config.required}, {"root", {{"version", root.version}, {"expires", root.expires.text()}, {"sha256", Digest::of(*bytes).hex()}}}},
                  ""};
  out.text = "TUF        " + repository.name().str() + ", for";
  for (const std::string& id : config.bundles) out.text += " " + id;
  out.text += std::string(config.required ? ", required" : ", optional") + ", a new root needs " + std::to_string(config.approvals) +
              (config.approvals == 1 ? " person\n" : " people\n");
  out.text += "  root     " + std::to_string(root.version) + " until " + root.expires.text() + "\n";
  for (const auto& [name, role] : root.body.roles)
    out.text += "           " + printable(name.substr(0, 40)) + ": " + std::to_string(role.threshold) + " of " + std::to_string(role.keyids.size()) + " keys\n";
  if (const auto timestamp = TRY(repository.store().load(tuf::kTimestamp))) {
    const auto document = TRY(tuf::parse_timestamp(*timestamp));
    out.json["timestamp"] = {{"version", document.version}, {"expires", document.expires.text()}};
    out.text += "  fresh    timestamp " + std::to_string(document.version) + " until " + document.expires.text() + "\n";
  }
  TRY(describe_pending(repository, root, out));
  return out;
}

std::string subject_of(const trust::RepositoryName& repository) { return "trust:tuf/" + repository.str(); }

// --repository NAME; without it the only one there is.
Result<trust::Repository> pick_repository(const HomePaths& home, const std::string& given) {
  if (!given.empty()) return trust::Repository::open(home.trust(), TRY(trust::RepositoryName::parse(given)));
  auto all = TRY(load_repositories(home));
  if (all.empty()) return fail(Code::kNotFound, "this site follows no TUF repository; `airlock trust init --tuf-root FILE` begins to");
  if (all.size() > 1) return fail(Code::kUsage, "this site follows " + std::to_string(all.size()) + " TUF repositories: give --repository NAME");
  return std::move(all.front());
}

Result<manifests::TrustRoots> init_keys(const HomePaths& home, const TrustOptions& o, Instant now) {
  manifests::TrustRoots roots{o.threshold, {}, now, now + kDefaultWindow};
  if (!o.from.empty()) roots.valid_from = TRY(Instant::parse(o.from));
  if (!o.until.empty()) roots.valid_until = TRY(Instant::parse(o.until));
  for (const std::string& file : o.keys) {
    const auto key = TRY(verify::PublicKey::from_pem(TRY(read_file(file, 64 * kKiB))));
    roots.keys.push_back({key.key_id(), key.pem(), file.substr(file.rfind('/') + 1)});
  }
  const std::string text = TRY(manifests::write_trust_roots(roots));
  if (o.replace) TRY(write_file_durably(home.trust_roots(), text));
  else if (const auto made = create_file_durably(home.trust_roots(), text); !made)
    return fail(made.error().code, made.error().context + " (--replace overwrites it)");
  return manifests::parse_trust_roots(text);
}

Result<trust::Repository> init_repository(const HomePaths& home, const trust::RepositoryName& name, const TrustOptions& o, Instant now) {
  const std::string root = TRY(read_file(o.tuf_root, tuf::UpdateLimits{}.root_bytes));
  const trust::RepositoryConfig config{o.bundles.empty() ? std::vector<std::string>{"*"} : o.bundles, o.approvals, !o.optional};
  return trust::Repository::create(home.trust(), name, config, root, now, o.replace);
}

Result<int> init(Shell& shell, const TrustOptions& o) {
  if (o.keys.empty() && o.tuf_root.empty()) return fail(Code::kUsage, "give --key, --tuf-root, or both");
  const HomePaths home = TRY(shell.prepared_home());
  const Instant now = shell.clock.now();
  Json json = Json::object();
  std::string text;
  if (!o.keys.empty()) {
    TRY(change_trust(shell, "trust.keys", "trust:keys", [&]() -> Result<Json> {
      const auto roots = TRY(init_keys(home, o, now));
      text = roots_text(roots);
      return json = describe_roots(roots);
    }));
  }
  if (!o.tuf_root.empty()) {
    const auto name = TRY(trust::RepositoryName::parse(o.repository.empty() ? "default" : o.repository));
    TRY(change_trust(shell, "trust.repository", subject_of(name), [&]() -> Result<Json> {
      auto repository = TRY(init_repository(home, name, o, now));
      Description about = TRY(describe(repository));
      json["repositories"] = Json::array({about.json});
      text += about.text;
      return std::move(about.json);
    }));
  }
  TRY(shell.emit(json, text));
  return 0;
}

Result<int> show(const Shell& shell) {
  const HomePaths home = TRY(shell.home());
  auto repositories = TRY(load_repositories(home));
  const auto roots = TRY(load_trust_roots(home));
  if (!roots && repositories.empty()) return fail(Code::kTrustRootsRequired, home.trust_roots());
  Json json = roots ? describe_roots(*roots) : Json::object();
  std::string text = roots ? roots_text(*roots) : "";
  json["repositories"] = Json::array();
  for (trust::Repository& repository : repositories) {
    const Description about = TRY(describe(repository));
    json["repositories"].push_back(about.json);
    text += about.text;
  }
  TRY(shell.emit(json, text));
  return 0;
}

// From a folder that crossed the gap without a bundle around it: the same checks, the same approvals.
Result<int> refresh(Shell& shell, const TrustOptions& o) {
  const HomePaths home = TRY(shell.prepared_home());
  auto repository = TRY(pick_repository(home, o.repository));
  const auto store = TRY(open_store(home));
  const auto turn = TRY(store->lock(Wait::kYes));  // an import changes what is trusted, too
  trust::FolderSource source(o.source);
  trust::StagedKeeper staged(repository.store());
  tuf::Updater updater = TRY(tuf::Updater::start(source, staged, shell.clock.now()));
  TRY(updater.refresh());
  (void)TRY(trust::check_rotation(repository, staged.roots(), true));
  const bool rotated = !staged.roots().empty();
  Description about;
  TRY(change_trust(shell, "trust.refreshed", subject_of(repository.name()), [&]() -> Result<Json> {
    TRY(staged.commit());
    if (rotated) TRY(repository.clear_pending_root());
    about = TRY(describe(repository));
    return about.json;
  }));
  TRY(shell.emit(about.json, about.text));
  return 0;
}

Result<int> approve_root(Shell& shell, const TrustOptions& o) {
  const HomePaths home = TRY(shell.prepared_home());
  auto repository = TRY(pick_repository(home, o.repository));
  const auto store = TRY(open_store(home));
  const auto turn = TRY(store->lock(Wait::kYes));
  const Digest root = TRY(Digest::parse(o.digest));
  Description about;
  TRY(change_trust(shell, "trust.root_approved", subject_of(repository.name()), [&]() -> Result<Json> {
    (void)TRY(repository.approve(root, shell.actor(), shell.clock.now(), shell.options.reason));
    about = TRY(describe(repository));
    return about.json;
  }));
  TRY(shell.emit(about.json, about.text));
  return 0;
}

void register_repository_options(CLI::App& make, const std::shared_ptr<TrustOptions>& o) {
  make.add_option("--tuf-root", o->tuf_root, "root.json of a TUF repository to follow");
  make.add_option("--repository", o->repository, "its name on this site (default: default)");
  make.add_option("--bundle", o->bundles, "bundle id that it speaks for (repeat for more; default: all)");
  make.add_option("--approvals", o->approvals, "how many different people approve a new root, 1 or 2 (default 2)");
  make.add_flag("--optional", o->optional, "accept bundles without TUF metadata, too");
}

}  // namespace

void register_trust(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("trust", "whose bundles this site accepts; the publisher's TUF repository");
  group->require_subcommand(1);
  auto o = std::make_shared<TrustOptions>();
  CLI::App* make = add_command(*group, shell, "init", "trust the publishers with these public keys, or a TUF repository", [&shell, o] { return init(shell, *o); });
  make->add_option("--key", o->keys, "public key of a publisher (repeat for more)");
  make->add_option("--threshold", o->threshold, "how many different keys must have signed (default 1)");
  make->add_option("--valid-from", o->from, "UTC time from which the keys are trusted (default: now)");
  make->add_option("--valid-until", o->until, "UTC time until which they are (default: one year)");
  make->add_flag("--replace", o->replace, "overwrite the roots that are there");
  register_repository_options(*make, o);
  add_command(*group, shell, "show", "print the trusted publishers, TUF repositories and pending roots", [&shell] { return show(shell); });
  CLI::App* fresh = add_command(*group, shell, "refresh", "update trusted TUF metadata from a folder", [&shell, o] { return refresh(shell, *o); });
  fresh->add_option("--from", o->source, "folder with metadata/, as the publisher's repository has it")->required();
  fresh->add_option("--repository", o->repository, "which repository (default: the only one)");
  CLI::App* agree = add_command(*group, shell, "approve-root", "agree, as --actor, to a new TUF root that waits", [&shell, o] { return approve_root(shell, *o); });
  agree->add_option("digest", o->digest, "sha256 of the pending root, compared by another way than the media")->required();
  agree->add_option("--repository", o->repository, "which repository (default: the only one)");
  register_trust_repo(*group, shell);
}

}  // namespace airlock::cli
