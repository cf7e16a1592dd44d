#include <fcntl.h>

#include "base/io.h"
#include "bundle/layout.h"
#include "bundle/import.h"
#include "bundle/prove.h"
#include "verify/dsse.h"

namespace airlock::bundle {
namespace {

std::string number(std::uint64_t value) { return std::to_string(value); }

// "12 of 340 members carried, 3 patched, 325 from acme-kit generation 4". `held`: the base is there, and was read.
std::string members_text(const MembersSeen& seen, const manifests::BundleManifest& manifest, bool held) {
  const std::string of = number(seen.members) + " of " + number(manifest.entries.size()) + " members", bytes = number(seen.bytes) + " bytes";
  if (!manifest.base) return of + ", " + bytes + ", each with its signed digest";
  const std::string name = name_of_base(*manifest.base);
  if (held)
    return of + " carried, " + number(seen.patched) + " patched, " + number(seen.in_base) + " from " + name + ", " + bytes +
           " carried whole; each with its signed digest";
  return of + " carried, " + bytes + ", each with its signed digest; " + number(seen.patched) + " as patches, which are whole; " + number(seen.in_base) +
         " NOT CARRIED AND NOT LOOKED AT: this is a delta kit, they are in " + name;
}

}  // namespace

Result<UniqueFd> open_bundle_file(const std::string& path) {
  if (path.empty()) return fail(Code::kBundlePathRequired, "no path given");
  auto opened = open_read(path);
  if (!opened) return fail(Code::kBundlePathRequired, opened.error().context);
  UniqueFd file = std::move(*opened);
  ::posix_fadvise(file.get(), 0, 0, POSIX_FADV_SEQUENTIAL);  // ignoring: only a hint
  return file;
}

Result<void> check_trust_window(const std::optional<manifests::TrustRoots>& roots, Instant now) {
  if (!roots) return fail(Code::kTrustRootsRequired, "");
  if (roots->valid_at(now)) return {};
  return fail(Code::kInvalidTrustWindow, "now " + now.text() + ", valid from " + roots->valid_from.text() + " until " +
                                             roots->valid_until.text());
}

Result<verify::SignedStatement> prove_signature(archive::ArchiveReader& reader, const manifests::TrustRoots& roots, Instant now,
                                                const Limits& limits, CheckLog& log) {
  const std::string envelope = TRY(log.note(kCheckArchive, read_envelope_untrusted(reader, limits)));
  auto statement = TRY(log.note(kCheckSignature, verify::check_bundle_signature(envelope, roots, now, limits)));
  std::string keys;
  for (const std::string& id : statement.key_ids()) keys += (keys.empty() ? "" : ", ") + id.substr(0, 16);
  log.passed(kCheckSignature, {number(statement.key_ids().size()) + " trusted keys signed, " + number(roots.threshold) + " needed: " + keys,
                               {{"keyIds", statement.key_ids()}, {"threshold", roots.threshold}}});
  return statement;
}

Result<verify::VerifiedBundleManifest> prove_manifest(verify::SignedStatement statement, const Limits& limits, CheckLog& log) {
  auto manifest = TRY(log.note(kCheckManifest, verify::read_bundle_manifest(std::move(statement), limits)));
  TRY(log.note(kCheckManifest, check_layout(manifest.get())));
  log.set_bundle(manifest.get().bundle_id, manifest.get().version.str(), manifest.get().generation, manifest.manifest_sha256());
  return manifest;
}

Result<Documents> prove_members(archive::ArchiveReader& reader, const manifests::BundleManifest& manifest, const Limits& limits,
                                const Progress& progress, const SideGate& gate, const MemberRules& rules, const DeltaBase* base,
                                StoreBatch* batch, CheckLog& log) {
  MemberIntake intake(reader, manifest, limits, progress, gate, rules, base);
  const MembersSeen seen = TRY(log.note(kCheckMembers, intake.run(batch)));
  log.passed(kCheckArchive, {number(reader.file_bytes()) + " bytes, " + number(reader.unpacked_bytes()) + " unpacked, nothing after the end",
                             {{"fileBytes", reader.file_bytes()}, {"unpackedBytes", reader.unpacked_bytes()}}});
  log.passed(kCheckMembers, {members_text(seen, manifest, base != nullptr),
                             {{"listed", manifest.entries.size()}, {"carried", seen.members}, {"bytes", seen.bytes},
                              {"patched", seen.patched}, {"inBase", seen.in_base}}});
  Documents documents;
  std::map<std::string, std::string> sigstore;
  for (auto& [path, bytes] : intake.take_documents()) {
    if (rules.wants(path)) sigstore.emplace(path, bytes);
    if (SpecSet::wants(path)) documents.emplace_back(path, std::move(bytes));
  }
  if (!rules.empty()) log.passed(kCheckSigstore, TRY(log.note(kCheckSigstore, rules.check(manifest, sigstore))));
  return documents;
}

Result<std::optional<trust::CheckedMetadata>> prove_metadata(std::vector<trust::Repository>* repositories,
                                                             const trust::BundleClaim& claim, const SideFiles& files,
                                                             Instant now, CheckLog& log) {
  static constexpr std::string_view kFolder = "trust/";
  trust::Repository* repository = repositories == nullptr ? nullptr : trust::repository_for(*repositories, claim.bundle);
  if (repository == nullptr) return std::nullopt;
  trust::MetadataFiles metadata;
  for (const auto& [path, bytes] : files)
    if (path.starts_with(kFolder)) metadata.emplace(path.substr(kFolder.size()), bytes);
  if (metadata.empty() && !repository->config().required) return std::nullopt;
  auto checked = TRY(trust::check_bundle_metadata(*repository, std::move(metadata), claim, now));
  Json facts = checked.facts();
  facts["repository"] = repository->name().str();
  log.passed(kCheckTuf, {repository->name().str() + ": " + checked.seen(), std::move(facts)});
  return checked;
}

trust::BundleClaim claim_of(const verify::VerifiedBundleManifest& manifest) {
  return {manifest.get().bundle_id, manifest.get().generation, manifest.payload()};
}

Result<SpecSet> parse_specs(Documents documents, const Limits& limits) {
  SpecSet specs;
  for (auto& [path, bytes] : documents) TRY(specs.add(path, std::move(bytes), limits));
  return specs;
}

Verdict verify_bundle(const VerifyRequest& request, const std::optional<manifests::TrustRoots>& trust_roots, Instant now,
                      std::vector<trust::Repository>* repositories) {
  Verdict verdict;
  verdict.file = request.path.substr(request.path.rfind('/') + 1);
  CheckLog log(verdict, request.on_check);
  const auto outcome = [&]() -> Result<void> {
    TRY(log.note(kCheckPlan, check_trust_window(trust_roots, now)));
    const UniqueFd file = TRY(log.note(kCheckPlan, open_bundle_file(request.path)));
    auto reader = TRY(log.note(kCheckArchive, archive::ArchiveReader::open(file.get(), {request.limits, true})));
    log.set_file_bytes(reader.file_bytes());
    log.passed(kCheckPlan, {"trust roots valid until " + trust_roots->valid_until.text(), {{"validUntil", trust_roots->valid_until.text()}}});
    auto statement = TRY(prove_signature(reader, *trust_roots, now, request.limits, log));
    const auto manifest = TRY(prove_manifest(std::move(statement), request.limits, log));
    const SideGate gate = [&](const SideFiles& files) -> Result<void> {
      (void)TRY(prove_metadata(repositories, claim_of(manifest), files, now, log));
      return {};
    };
    auto documents = TRY(prove_members(reader, manifest.get(), request.limits, request.progress, gate, MemberRules{}, nullptr, nullptr, log));
    const SpecSet specs = TRY(log.note(kCheckSpecs, parse_specs(std::move(documents), request.limits)));
    const auto summary = TRY(log.note(kCheckSpecs, specs.check(manifest.get(), std::nullopt, nullptr)));
    log.passed(kCheckSpecs, {number(summary.dags) + " DAGs, " + number(summary.plugins) +
                                 " plugins; what other bundles must hold was not looked for",
                             {{"dags", summary.dags}, {"plugins", summary.plugins}}});
    return {};
  }();
  if (!outcome) verdict.refusal = outcome.error();
  return verdict;
}

Result<UntrustedManifest> inspect_untrusted(const std::string& path, const Limits& limits) {
  const UniqueFd file = TRY(open_bundle_file(path));
  auto reader = TRY(archive::ArchiveReader::open(file.get(), {limits, false}));
  const verify::Envelope envelope =
      TRY(verify::parse_envelope(TRY(read_envelope_untrusted(reader, limits)), manifests::kManifestPath, limits));
  UntrustedManifest out{TRY(manifests::parse_bundle_statement(envelope.payload, limits)), {}, Digest::of(envelope.payload),
                        envelope.payload, reader.file_bytes()};
  for (const verify::EnvelopeSignature& signature : envelope.signatures) out.keyid_hints.push_back(signature.keyid);
  return out;
}

}  // namespace airlock::bundle
