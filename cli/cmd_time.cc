#include <memory>

#include "base/encoding.h"
#include "base/io.h"
#include "bundle/freshness.h"
#include "bundle/import.h"
#include "cli/gates.h"
#include "cli/time_proofs.h"

namespace airlock::cli {
namespace {

struct TimeOptions {
  ProofOptions proof;
  std::string file, bundle, output, from;
  bool replace = false, check = false, roughtime = false;
};

Json roots_json(const manifests::TimeRoots& roots) {
  Json tsa = Json::array(), roughtime = Json::array();
  for (const auto& authority : roots.tsa) tsa.push_back(authority.name);
  for (const auto& authority : roots.roughtime) roughtime.push_back({{"name", authority.name}, {"publicKey", to_base64(authority.public_key)}});
  return {{"tsa", std::move(tsa)}, {"roughtime", std::move(roughtime)}};
}

std::string roots_text(const manifests::TimeRoots& roots) {
  std::string text;
  for (const auto& authority : roots.tsa) text += "root       " + authority.name + " (RFC 3161)\n";
  for (const auto& authority : roots.roughtime) text += "root       " + authority.name + " (Roughtime)\n";
  return text;
}

Result<int> init(Shell& shell, const TimeOptions& o) {
  manifests::TimeRoots roots = TRY(roots_of(o.proof));
  if (!o.from.empty()) roots = TRY(manifests::parse_time_roots(TRY(read_file(o.from, Limits{}.metadata_bytes))));
  TRY(verify::TimeAuthorities::read(roots));  // what cannot be read now would only be found out at an import
  const std::string text = TRY(manifests::write_time_roots(roots));
  const HomePaths home = TRY(shell.prepared_home());
  TRY(change_trust(shell, "trust.time_roots", "trust:time", [&]() -> Result<Json> {
    if (o.replace) TRY(write_file_durably(home.time_roots(), text));
    else if (const auto made = create_file_durably(home.time_roots(), text); !made)
      return fail(made.error().code, made.error().context + " (--replace overwrites it)");
    return roots_json(roots);
  }));
  TRY(shell.emit(roots_json(roots), roots_text(roots)));
  return 0;
}

Json age_json(const verify::Staleness& s) {
  Json out{{"category", s.category},
           {"state", to_string(s.freshness)},
           {"warn", s.budget.warn_seconds},
           {"breach", s.budget.breach_seconds}};
  if (s.anchor) {
    out["anchorTime"] = s.anchor->text();
    out["age_seconds"] = s.age_seconds;
    out["seconds_remaining"] = s.seconds_remaining;
  }
  return out;
}

std::vector<std::string> age_row(const std::string& of, const verify::Staleness& s) {
  const auto seconds = [](std::uint64_t n) { return human_duration(static_cast<std::int64_t>(n) * 1000); };
  return {of, s.category, std::string(to_string(s.freshness)), s.anchor ? s.anchor->text() : "-", s.anchor ? seconds(s.age_seconds) : "-",
          seconds(s.budget.breach_seconds), s.anchor ? seconds(s.seconds_remaining) : "-"};
}

// Status: it answers whatever is wrong. With --check the exit status says whether something is.
Result<int> show(Shell& shell, const TimeOptions& o) {
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  const TimeReading reading = TRY(read_time(shell, site.ledger));
  const verify::TrustedTime& time = reading.time;
  const auto roots = TRY(load_time_roots(site.home));
  const auto anchor = TRY(bundle::anchor_age(site.ledger, tenant, time.now));
  const auto ages = TRY(bundle::content_ages(site.ledger, tenant, time.now));

  Json out{{"trustedNow", time.now.text()}, {"clock", time.wall.text()}, {"rolledBack", time.rolled_back}, {"anchor", age_json(anchor)}};
  if (time.floor) out["floor"] = time.floor->text();
  if (const auto row = TRY(ledger::newest_anchor(site.ledger, tenant)))
    out["anchor"].update({{"source", row->source}, {"bundleId", row->bundle.str()}, {"generation", row->generation},
                          {"tokenDigest", row->token_digest.prefixed()}, {"signatureFingerprint", row->signature_fingerprint.prefixed()}});
  out["roots"] = roots ? roots_json(*roots) : Json();
  Json list = Json::array();
  Table table({"BUNDLE", "CATEGORY", "STATE", "ANCHORED", "AGE", "BUDGET", "LEFT"});
  table.add(age_row("(newest)", anchor));
  std::optional<Error> breach;
  for (const auto& age : ages) {
    Json item = age_json(age.staleness);
    item["bundleId"] = age.bundle.str();
    item["generation"] = age.generation;
    list.push_back(std::move(item));
    table.add(age_row(age.bundle.str(), age.staleness));
    if (age.staleness.freshness == verify::Freshness::kBreach && !breach) breach = Error{Code::kStale, age.bundle.str(), age.staleness.category};
  }
  out["categories"] = std::move(list);
  std::string text = "trusted    " + time.now.text() + "\nclock      " + time.wall.text() + (time.rolled_back ? "  (set back)" : "") + "\n";
  if (time.floor) text += "floor      " + time.floor->text() + "\n";
  text += roots ? roots_text(*roots) : "root       none: `airlock time init` configures them\n";
  TRY(shell.emit(out, text + table.text()));
  if (!o.check) return 0;
  TRY(time.require_clock());
  if (breach) return fail(*breach);
  return 0;
}

Result<int> verify_proof(Shell& shell, const TimeOptions& o) {
  const auto authorities = TRY(authorities_for(shell, o.proof));
  const ProofSeen seen = TRY(verify_proof_file(o.file, o.proof, authorities));
  TRY(shell.emit(seen.json, seen.text));
  return 0;
}

Result<int> request(Shell& shell, const TimeOptions& o) {
  const auto manifest = TRY(bundle::inspect_untrusted(o.bundle));  // the publisher's own: what it says is what is stamped
  std::string bytes = o.roughtime ? verify::roughtime_request(verify::roughtime_hash(manifest.payload, 32))
                                  : TRY(verify::timestamp_request(manifest.manifest_sha256, shell.entropy.bytes(8)));
  TRY(write_file_durably(o.output, bytes));
  TRY(shell.emit({{"file", o.output}, {"manifestSha256", manifest.manifest_sha256.hex()}},
                 o.output + ": a request about manifest " + manifest.manifest_sha256.prefixed() + "\n"));
  return 0;
}

Result<int> anchor(Shell& shell, const TimeOptions& o) {
  const auto manifest = TRY(bundle::inspect_untrusted(o.bundle));
  const auto authorities = TRY(authorities_for(shell, o.proof));
  const AnchorFiles files = TRY(make_anchor(o.file, o.proof, manifest.payload, authorities));
  const std::string folder = o.output + "/time";
  TRY(make_dirs(folder));
  TRY(write_file_durably(folder + "/" + files.proof_name, files.proof));
  TRY(write_file_durably(folder + "/anchor.json", files.anchor));
  const Json document = TRY(parse_json(files.anchor, "anchor"));
  TRY(shell.emit({{"folder", folder}, {"anchor", document}},
                 folder + ": anchored, " + files.vouched_by + "\nbuild the bundle again, with the same createdAt, to carry it\n"));
  return 0;
}

Result<int> reset(Shell& shell) {
  const TenantId tenant = TRY(shell.tenant());
  if (shell.options.reason.empty() || shell.options.ticket.empty()) return fail(Code::kReasonRequired, "time reset");
  Site site = TRY(open_site(shell));
  const Instant wall = shell.clock.now();
  TRY(site.ledger.write(wall, [&](ledger::Tx& tx) { return ledger::reset_high_water(tx, tenant, {wall, read_boot_moment()}, who(shell)); }));
  const TimeReading reading = TRY(read_time(shell, site.ledger));
  TRY(shell.emit({{"trustedNow", reading.time.now.text()}, {"rolledBack", reading.time.rolled_back}}, "trusted    " + reading.time.now.text() + "\n"));
  TRY(reading.time.require_clock());  // an anchor stands: what an authority has vouched for is not reset
  return 0;
}

}  // namespace

void register_time(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("time", "what time it is, who vouches for it, and how old content is");
  group->require_subcommand(1);
  auto o = std::make_shared<TimeOptions>();
  CLI::App* make = add_command(*group, shell, "init", "trust these time authorities", [&shell, o] { return init(shell, *o); });
  add_root_options(*make, o->proof);
  make->add_option("--from", o->from, "a time-roots.json to take instead");
  make->add_flag("--replace", o->replace, "overwrite the roots that are there");
  CLI::App* look = add_command(*group, shell, "show", "print trusted time, anchors and what is left of every budget", [&shell, o] { return show(shell, *o); });
  look->add_flag("--check", o->check, "exit with 6 when the clock was set back or a budget is used up");
  CLI::App* check = add_command(*group, shell, "verify", "check a time-stamp token, a Roughtime answer or a report", [&shell, o] { return verify_proof(shell, *o); });
  check->add_option("file", o->file, "the token or response (.tsr), the answer, or the report (.roughtime)")->required();
  add_root_options(*check, o->proof);
  add_subject_options(*check, o->proof);
  CLI::App* ask = add_command(*group, shell, "request", "write the request that a time authority answers (connected side)", [&shell, o] { return request(shell, *o); });
  ask->add_option("bundle", o->bundle, "the bundle to anchor")->required();
  ask->add_option("-o,--output", o->output, "the request file")->required();
  ask->add_flag("--roughtime", o->roughtime, "a Roughtime request instead of an RFC 3161 one");
  CLI::App* fix = add_command(*group, shell, "anchor", "put an authority's answer into a bundle's folder (connected side)", [&shell, o] { return anchor(shell, *o); });
  fix->add_option("file", o->file, "the authority's answer")->required();
  fix->add_option("--bundle", o->bundle, "the bundle it is about")->required();
  fix->add_option("-o,--output", o->output, "the folder the bundle was built from")->required();
  add_root_options(*fix, o->proof);
  fix->add_option("--request", o->proof.request, "the Roughtime request that was answered");
  add_command(*group, shell, "reset", "set the high-water mark back to the clock; needs --reason and --ticket", [&shell] { return reset(shell); });
}

}  // namespace airlock::cli
