#include <memory>

#include "bundle/build.h"
#include "bundle/import.h"
#include "bundle/prune.h"
#include "bundle/sign.h"
#include "cli/cmd_bundle_parts.h"
#include "cli/cmd_sigstore.h"
#include "cli/gates.h"
#include "cli/passphrase.h"
#include "cli/site.h"
#include "ledger/catalog.h"
#include "trust/bundle_check.h"

namespace airlock::cli {
namespace {

struct BundleOptions {
  std::string path, output, created_at, tuf_repo, base;
  std::vector<std::string> files;  // of import: one bundle, or parts of one
  std::vector<std::string> keys, base_keys, limits;
  std::uint64_t threshold = 1;
  int level = 3;
  std::optional<std::uint64_t> generation;
  std::uint64_t keep = 2;
  std::vector<std::string> allow_stale;
  bool dry_run = false, force = false, repair = false, no_wait = false;
};

// Whose bundle may be built upon: the keys given for it, else whoever signs this one.
Result<bundle::BuildBase> base_of(const BundleOptions& o, const std::vector<verify::PrivateKey>& signers) {
  bundle::BuildBase base{o.base, {}};
  for (const std::string& file : o.base_keys) {
    const auto key = TRY(load_public_key(file));
    base.keys.push_back({key.key_id(), key.pem(), file});
  }
  if (o.base_keys.empty())
    for (const verify::PrivateKey& key : signers) base.keys.push_back({key.key_id(), key.public_key().pem(), std::nullopt});
  return base;
}

Json delta_json(const bundle::BuiltDelta& d) {
  return {{"base", {{"bundleId", d.base.bundle_id.str()}, {"generation", d.base.generation}, {"manifestSha256", d.base.manifest_sha256.hex()}}},
          {"carried", d.carried}, {"patched", d.patched}, {"unchanged", d.unchanged}, {"patchBytes", d.patch_bytes}, {"savedBytes", d.saved_bytes}};
}

std::string delta_text(const bundle::BuiltDelta& d) {
  return "  delta of " + d.base.bundle_id.str() + " generation " + std::to_string(d.base.generation) + ": " + std::to_string(d.carried) +
         " members carried whole, " + std::to_string(d.patched) + " patched (" + human_bytes(d.patch_bytes) + "), " + std::to_string(d.unchanged) +
         " unchanged; " + human_bytes(d.saved_bytes) + " saved\n";
}

Result<int> build(Shell& shell, const BundleOptions& o) {
  std::vector<verify::PrivateKey> keys;
  for (const std::string& file : o.keys) keys.push_back(TRY(load_signing_key(shell, file)));
  std::vector<const Signer*> signers;
  for (const auto& key : keys) signers.push_back(&key);
  const auto line = status_line(shell);
  bundle::BuildRequest request{o.path, o.output, signers, std::nullopt, o.generation, o.level, {}, byte_progress(shell, "packing", line)};
  if (!o.created_at.empty()) request.created_at = TRY(Instant::parse(o.created_at));
  std::optional<trust::TufRepo> repo;
  if (!o.tuf_repo.empty()) {
    repo = TRY(trust::TufRepo::open(o.tuf_repo));
    request.side_files = [&repo](const manifests::BundleManifest& manifest, const std::string& statement) -> Result<bundle::SideFiles> {
      bundle::SideFiles files;
      for (auto& [name, bytes] : TRY(trust::metadata_for_bundle(*repo, {manifest.bundle_id, manifest.generation, statement})))
        files.emplace("trust/" + name, std::move(bytes));
      return files;
    };
  }
  if (!o.base.empty()) request.base = TRY(base_of(o, keys));
  else if (!o.base_keys.empty()) return fail(Code::kUsage, "--base-key without --base");
  const bundle::Built built = TRY(bundle::build_bundle(request));
  line->clear();
  Json json = {{"file", o.output}, {"bundleId", built.bundle_id}, {"version", built.version}, {"generation", built.generation},
                  {"entries", built.entries}, {"unpackedBytes", built.unpacked_bytes}, {"fileBytes", built.file_bytes},
                  {"manifestSha256", built.manifest_sha256.hex()}, {"fileSha256", built.file_sha256.hex()}};
  if (built.delta) json["delta"] = delta_json(*built.delta);
  TRY(shell.emit(json,
                 o.output + ": " + built.bundle_id + " " + built.version + ", generation " + std::to_string(built.generation) +
                     "\n  " + std::to_string(built.entries) + " entries, " + human_bytes(built.unpacked_bytes) + " packed into " +
                     human_bytes(built.file_bytes) + ", signed by " + std::to_string(keys.size()) + (keys.size() == 1 ? " key" : " keys") + "\n" +
                     (built.delta ? delta_text(*built.delta) : "") + "  manifest " + built.manifest_sha256.prefixed() + "\n  file     " + built.file_sha256.prefixed() + "\n"));
  return 0;
}

Result<int> sign(Shell& shell, const BundleOptions& o) {
  std::vector<verify::PrivateKey> keys;
  for (const std::string& file : o.keys) keys.push_back(TRY(load_signing_key(shell, file)));
  std::vector<const Signer*> signers;
  for (const auto& key : keys) signers.push_back(&key);
  const Limits limits = TRY(shell.limits(o.limits));
  const bundle::Signed done = TRY(bundle::sign_bundle({o.path, signers, limits}));
  Json ids = Json::array();
  for (const auto& key : keys) ids.push_back(key.key_id());
  TRY(shell.emit({{"file", o.path}, {"bundleId", done.bundle_id}, {"version", done.version}, {"generation", done.generation},
                  {"manifestSha256", done.manifest_sha256.hex()}, {"fileSha256", done.file_sha256.hex()}, {"keyIds", ids},
                  {"signatures", done.signatures}, {"copiedBytes", done.copied_bytes}},
                 o.path + ": " + done.bundle_id + " " + done.version + ", generation " + std::to_string(done.generation) + ", " +
                     std::to_string(done.signatures) + (done.signatures == 1 ? " signature" : " signatures") + "\n  manifest " +
                     done.manifest_sha256.prefixed() + "\n  file     " + done.file_sha256.prefixed() + "\n"));
  return 0;
}

// A verdict for people, check by check while the bundle is read; for programs it comes as a whole at the end.
class LiveVerdict {
 public:
  LiveVerdict(const Shell& shell, StatusLine& progress, const std::string& path) : shell_(shell), progress_(progress) {
    print(path.substr(path.rfind('/') + 1) + "\n");
  }
  bundle::CheckObserver observer() {
    return [this](const bundle::Check& check) {
      progress_.clear();
      print(check_line({check.name, check.ok, check.seen.text}, kNameWidth, shell_.terminal.stdout_colour));
    };
  }
  // The first error is what was not told.
  Result<void> end(const Json& whole, const std::string& conclusion) {
    if (!told_) return fail(told_.error());
    return shell_.emit(whole, conclusion);
  }

 private:
  static constexpr std::size_t kNameWidth = 10;  // of "generation"
  void print(const std::string& text) {
    if (!shell_.machine() && !shell_.options.quiet && told_) told_ = write_stdout(text);
  }
  const Shell& shell_;
  StatusLine& progress_;
  Result<void> told_;
};

std::string name_of(const bundle::Verdict& v) {
  return v.bundle_id.value_or("?") + " " + v.version.value_or("?") + ", generation " + std::to_string(v.generation.value_or(0));
}

Result<int> import(Shell& shell, const BundleOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  Site site = TRY(open_site(shell));
  const auto store = TRY(open_store(site.home));
  const auto roots = TRY(load_trust_roots(site.home));
  auto repositories = TRY(load_repositories(site.home));
  bundle::Quarantine quarantine(site.home.quarantine());
  const auto line = status_line(shell);
  std::optional<bundle::Force> force;
  if (o.force) {
    if (shell.options.reason.empty() || shell.options.ticket.empty()) return fail(Code::kReasonRequired, "--force-activate");
    force = bundle::Force{shell.options.reason, shell.options.ticket};
  }
  const Limits limits = TRY(shell.limits(o.limits));
  std::optional<bundle::StaleOverride> allow_stale;
  if (!o.allow_stale.empty()) {
    if (shell.options.reason.empty() || shell.options.ticket.empty()) return fail(Code::kReasonRequired, "--allow-stale");
    allow_stale = bundle::StaleOverride{{o.allow_stale.begin(), o.allow_stale.end()}, shell.options.reason, shell.options.ticket};
  }
  const auto time_roots = TRY(load_time_roots(site.home));
  const auto sigstore_rules = TRY(load_sigstore_rules(site.home));
  const Wait wait = o.no_wait ? Wait::kNo : Wait::kYes;
  ImportSource source = TRY(ImportSource::take(shell, site.home.incoming(), o.files, limits, wait));
  LiveVerdict live(shell, *line, source.path());
  const bundle::ImportRequest request{.path = source.path(), .tenant = tenant, .actor = shell.actor(), .repair = o.repair, .dry_run = o.dry_run, .force = force, .allow_stale = allow_stale,
                                      .trace_id = who(shell).trace_id, .wait = wait,
                                      .limits = limits, .progress = byte_progress(shell, o.dry_run ? "checking" : "importing", line),
                                      .on_check = live.observer()};
  const auto outcome = bundle::import_bundle(request, {*store, site.ledger, quarantine, roots, shell.clock, shell.entropy, &repositories,
                                                      time_roots, sigstore_rules, read_boot_moment(), bundle::KnownFiles(site.home.bundles())});
  line->clear();
  source.settle(shell, outcome);

  Json json = outcome.verdict.to_json();
  json["alreadyActive"] = outcome.already_active;
  json["newBlobs"] = outcome.new_blobs;
  json["repairedBlobs"] = outcome.repaired_blobs;
  if (outcome.quarantined) json["quarantined"] = *outcome.quarantined;
  std::string text;
  const std::string repaired = outcome.repaired_blobs == 0 ? "" : ", " + std::to_string(outcome.repaired_blobs) + " damaged blobs replaced";
  if (outcome.verdict.accepted() && outcome.already_active)
    text += name_of(outcome.verdict) + " is already active" + (repaired.empty() ? ": nothing to do\n" : repaired + "\n");
  else if (outcome.verdict.accepted() && o.dry_run) text += name_of(outcome.verdict) + " would be accepted (dry run: nothing was stored)\n";
  else if (outcome.verdict.accepted())
    text += name_of(outcome.verdict) + " is active for tenant " + tenant.str() + " (" + std::to_string(outcome.new_blobs) + " new blobs" + repaired + ")\n";
  const auto told = live.end(json, text);
  if (outcome.quarantined) shell.say("kept as evidence in " + *outcome.quarantined);
  if (outcome.unrecorded) return fail(*outcome.unrecorded);
  // A refusal is the answer, also where nobody listens to the rest.
  if (outcome.verdict.refusal) return fail(*outcome.verdict.refusal);
  if (!told) return fail(told.error());
  return 0;
}

Result<int> verify_only(Shell& shell, const BundleOptions& o) {
  std::optional<manifests::TrustRoots> roots;
  std::vector<trust::Repository> repositories;
  const Instant now = shell.clock.now();
  if (o.keys.empty()) {
    const HomePaths home = TRY(shell.home());
    roots = TRY(load_trust_roots(home));
    repositories = TRY(load_repositories(home));
  } else {  // only these keys count, whatever the site trusts
    roots = manifests::TrustRoots{o.threshold, {}, now, now + Millis(1)};
    for (const std::string& file : o.keys) {
      const auto key = TRY(load_public_key(file));
      roots->keys.push_back({key.key_id(), key.pem(), file});
    }
    if (o.threshold < 1 || o.threshold > roots->keys.size())
      return fail(Code::kUsage, "--threshold " + std::to_string(o.threshold) + " with " + std::to_string(roots->keys.size()) + " keys");
  }
  const auto line = status_line(shell);
  const Limits limits = TRY(shell.limits(o.limits));
  LiveVerdict live(shell, *line, o.path);
  const auto verdict = bundle::verify_bundle({o.path, limits, byte_progress(shell, "verifying", line), live.observer()}, roots, now, &repositories);
  line->clear();
  const auto told = live.end(verdict.to_json(), verdict.accepted() ? name_of(verdict) + ": every check holds\n" : "");
  if (verdict.refusal) return fail(*verdict.refusal);
  if (!told) return fail(told.error());
  return 0;
}

std::string delta_base_text(const manifests::BundleBase& base) {
  return base.bundle_id.str() + " generation " + std::to_string(base.generation) + ", manifest " + base.manifest_sha256.prefixed() + ", with " +
         std::to_string(base.patches.size()) + " patches; carries only what changed";
}

Result<int> inspect(const Shell& shell, const BundleOptions& o) {
  const auto seen = TRY(bundle::inspect_untrusted(o.path, TRY(shell.limits(o.limits))));
  const auto& m = seen.manifest;
  std::uint64_t bytes = 0;
  Json entries = Json::array();
  Table table({"SIZE", "MODE", "SHA256", "PATH"});
  for (const auto& entry : m.entries) {
    bytes += entry.size;
    entries.push_back({{"path", entry.path}, {"size", entry.size}, {"sha256", entry.sha256.hex()}});
    table.add({std::to_string(entry.size), entry.executable ? "0755" : "0644", entry.sha256.hex().substr(0, 16), entry.path});
  }
  shell.say(paint("NOTHING WAS VERIFIED: this is what the file claims. `airlock bundle verify` checks it.", Tone::kWarn,
                  shell.terminal.stderr_colour));
  Json json = {{"verified", false}, {"bundleId", m.bundle_id.str()}, {"version", m.version.str()}, {"generation", m.generation},
                  {"createdAt", m.created_at.text()}, {"producer", m.producer}, {"tenants", m.tenants}, {"entries", entries},
                  {"keyidHints", seen.keyid_hints}, {"manifestSha256", seen.manifest_sha256.hex()}};
  if (m.base)
    json["base"] = {{"bundleId", m.base->bundle_id.str()}, {"generation", m.base->generation}, {"manifestSha256", m.base->manifest_sha256.hex()},
                    {"patches", m.base->patches.size()}};
  TRY(shell.emit(json,
                 "claims to be  " + m.bundle_id.str() + " " + m.version.str() + ", generation " + std::to_string(m.generation) + "\ncreated       " +
                     m.created_at.text() + " by " + printable(m.producer) + (m.base ? "\ndelta of      " + delta_base_text(*m.base) : "") + "\nentries       " + std::to_string(m.entries.size()) + ", " +
                     human_bytes(bytes) + "\n" + table.text()));
  return 0;
}

Result<int> list(const Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  std::vector<Json> items;
  Table table({"BUNDLE", "VERSION", "GENERATION", "STATE", "IMPORTED", "MANIFEST"});
  for (const auto& row : TRY(ledger::list_bundles(site.ledger, tenant))) {
    items.push_back({{"bundleId", row.bundle.str()}, {"version", row.version}, {"generation", row.generation}, {"kind", row.kind},
                     {"active", row.active}, {"importedAt", row.imported_at.text()}, {"manifestSha256", row.manifest_sha256.hex()}});
    table.add({row.bundle.str(), row.version, std::to_string(row.generation), row.active ? "active" : "kept", row.imported_at.text(),
               row.manifest_sha256.hex().substr(0, 16)});
  }
  TRY(shell.emit_list(items, table, "no bundles: `airlock bundle import FILE --tenant " + tenant.str() + "` brings one in"));
  return 0;
}

Result<int> prune(Shell& shell, const BundleOptions& o) {
  bundle::PruneRequest request{TRY(shell.tenant()), std::nullopt, o.keep, who(shell), o.dry_run, o.no_wait ? Wait::kNo : Wait::kYes};
  if (!o.path.empty()) request.bundle = TRY(BundleId::parse(o.path));
  Site site = TRY(open_site(shell));
  const auto store = TRY(open_store(site.home));
  const auto report = TRY(bundle::prune_bundles(request, *store, site.ledger, shell.clock.now()));
  Json rows = Json::array();
  std::string text;
  for (const auto& row : report.pruned) {
    rows.push_back({{"bundleId", row.bundle.str()}, {"generation", row.generation}, {"version", row.version}});
    text += (o.dry_run ? "would go  " : "gone  ") + row.bundle.str() + " " + row.version + ", generation " + std::to_string(row.generation) + "\n";
  }
  text += std::to_string(report.pruned.size()) + " generations, " + std::to_string(report.blobs_removed) + " blobs, " +
          human_bytes(report.bytes_removed) + (o.dry_run ? " (dry run)\n" : "\n");
  Json images = Json::array();
  for (const Digest& image : report.images.images) images.push_back(image.hex());
  if (!images.empty()) text += std::to_string(images.size()) + " unpacked images, " + human_bytes(report.images.bytes) + "\n";
  TRY(shell.emit({{"pruned", rows}, {"blobs", report.blobs_removed}, {"bytes", report.bytes_removed}, {"images", images},
                  {"imageBytes", report.images.bytes}, {"dryRun", o.dry_run}}, text));
  return 0;
}

}  // namespace

void register_bundle(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("bundle", "build, check, import and list bundles");
  group->require_subcommand(1);
  auto o = std::make_shared<BundleOptions>();
  CLI::App* make = add_command(*group, shell, "build", "pack and sign a folder (connected side)", [&shell, o] { return build(shell, *o); });
  make->add_option("folder", o->path, "folder with bundle.json, dags/, plugins/, data/")->required();
  make->add_option("-o,--output", o->output, "the bundle file, NAME-VERSION.airlock.tar.zst")->required();
  make->add_option("--key", o->keys, "private key to sign with (repeat for more)")->required();
  make->add_option("--base", o->base, "an older bundle file: carry only what changed since (a delta kit); sites need that bundle to import it");
  make->add_option("--base-key", o->base_keys, "public key that must have signed the base (repeat for more: any of them; default: the --key ones)");
  make->add_option("--tuf-repo", o->tuf_repo, "TUF repository whose published targets name this bundle; its metadata goes along");
  make->add_option("--created-at", o->created_at, "UTC time to write as createdAt (default: bundle.json, SOURCE_DATE_EPOCH)");
  make->add_option("--generation", o->generation, "generation to write (default: bundle.json)");
  make->add_option("--level", o->level, "zstd level")->check(CLI::Range(1, 19));
  const auto add_limits = [o](CLI::App& command) {
    command.add_option("--limit", o->limits, "NAME=VALUE: what a bundle may cost, such as memberBytes=16GiB (repeat for more)")->allow_extra_args(false);
  };
  CLI::App* more = add_command(*group, shell, "sign", "add a signature to a built bundle; its members stay byte for byte", [&shell, o] { return sign(shell, *o); });
  more->add_option("file", o->path, "the bundle, replaced as a whole")->required();
  more->add_option("--key", o->keys, "private key to sign with (repeat for more)")->required();
  add_limits(*more);
  CLI::App* look = add_command(*group, shell, "inspect", "show what a file claims to be, verifying nothing", [&shell, o] { return inspect(shell, *o); });
  look->add_option("file", o->path, "the bundle")->required();
  add_limits(*look);
  CLI::App* check = add_command(*group, shell, "verify", "check a bundle against keys, storing nothing", [&shell, o] { return verify_only(shell, *o); });
  check->add_option("file", o->path, "the bundle")->required();
  add_limits(*check);
  check->add_option("--key", o->keys, "public key to trust, instead of the site's roots (repeat for more)");
  check->add_option("--threshold", o->threshold, "how many of these keys must have signed (default 1)");
  CLI::App* in = add_command(*group, shell, "import", "verify a bundle, store it and make it active", [&shell, o] { return import(shell, *o); });
  in->add_option("file", o->files, "the bundle; or parts of one, in any order and in as many commands as it takes")->required();
  add_limits(*in);
  in->add_flag("--dry-run", o->dry_run, "make every check, change nothing");
  in->add_flag("--repair", o->repair, "read the file of an active bundle once more, and replace blobs that the disk has damaged");
  in->add_flag("--force-activate", o->force, "accept a generation that is not newer; needs --reason and --ticket");
  in->add_option("--allow-stale", o->allow_stale, "accept this content category past its budget (repeat for more); needs --reason and --ticket")
      ->allow_extra_args(false);
  in->add_flag("--no-wait", o->no_wait, "fail at once when another import is running");
  CLI::App* old = add_command(*group, shell, "prune", "remove old generations and the blobs only they need", [&shell, o] { return prune(shell, *o); });
  old->add_option("bundle", o->path, "only this bundle (default: all of the tenant's)");
  old->add_option("--keep", o->keep, "newest generations to keep of each (default 2)")->check(CLI::Range(1, 1000));
  old->add_flag("--dry-run", o->dry_run, "say what would go");
  old->add_flag("--no-wait", o->no_wait, "fail at once when an import is running");
  register_bundle_split(*group, shell);
  register_bundle_parts(*group, shell);
  register_bundle_diff(*group, shell);
  add_sigstore_command(*group, shell);
  add_command(*group, shell, "list", "list the bundles of a tenant", [&shell] { return list(shell); });
}

}  // namespace airlock::cli
