#include "tests/audit/site.h"

#include <stdlib.h>

#include <algorithm>
#include <fstream>

#include "audit/files.h"
#include "audit/pack.h"
#include "audit/verify/source.h"
#include "base/io.h"
#include "base/merkle.h"
#include "jobs/jobs.h"
#include "ledger/governance.h"
#include "ledger/history.h"
#include "ledger/runs.h"
#include "verify/dsse.h"

namespace airlock::audit::test {
namespace {

ledger::Ledger open_ledger(const std::string& path, const Signer& signer) {
  ledger::Options options;
  options.create = true;
  options.signer = &signer;
  return must(ledger::Ledger::open(path, options));
}

Json evidence(int attempt) {
  return {{"layers", {"namespaces", "seccomp", "landlock"}}, {"peakMemory", 1048576 * attempt}, {"cpuMs", 12.5}, {"oomKilled", false}};
}

// The number of lines and their tree, counted here and not by the code under test.
manifests::AuditFile describe_file(const std::string& path, const std::string& text) {
  CompactRange tree;
  std::size_t at = 0;
  while (at < text.size()) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    tree.append(merkle_leaf(std::string_view(text).substr(at, end - at)));
    at = end + 1;
  }
  return {path, Digest::of(text), text.size(), tree.size(), tree.root()};
}

}  // namespace

TempDir::TempDir() : path_("/tmp/airlock-audit-XXXXXX") {
  if (::mkdtemp(path_.data()) == nullptr) throw std::runtime_error("mkdtemp");
}
TempDir::~TempDir() { (void)remove_tree(path_); }

verify::PrivateKey key_of(char seed) { return must(verify::PrivateKey::from_seed(std::string(32, seed))); }

Site::Site()
    : key(key_of('s')), auditor(key_of('a')), stranger(key_of('x')), tenant(must(TenantId::parse("acme"))),
      clock(must(Instant::parse("2026-11-21T08:00:00Z"))), ledger(open_ledger(folder / "ledger.db", key)) {}

ledger::Who Site::who() const { return {"user:\"olga\" \xC3\xA9", std::nullopt, std::nullopt, std::string(32, 'c')}; }

RunId Site::create(int steps, std::optional<RunId> replay_of) {
  const JobId job = must(JobId::parse(uuid7(clock.now(), entropy)));
  const RunId run = must(RunId::parse(uuid7(clock.now(), entropy)));
  ledger::NewRun fresh{.id = run, .job = job, .dag = must(DagId::parse("advisory-match")), .dag_version = "1.2.0",
                       .dag_digest = Digest::of("dag"), .plan = R"({"steps":[]})", .inputs = {{"severity", "high"}},
                       .run_token = "token-" + run.str(), .rationale = "weekly refresh", .replay_of = replay_of, .steps = {}};
  for (int i = 0; i < steps; ++i) fresh.steps.push_back({must(StepId::parse(std::string(1, static_cast<char>('a' + i)))), "noop@1.0.0"});
  write([&](ledger::Tx& tx) -> Result<void> {
    const jobs::JobRequest request{
        .id = job, .type = "pack-run", .source = "operator", .payload = {{"run", run.str()}}, .idempotency_key = "key-" + run.str()};
    TRY(jobs::submit(tx, tenant, request, who()));
    TRY(ledger::create_run(tx, tenant, fresh, who()));
    return {};
  });
  return run;
}

void Site::run_step(const RunId& run, const StepId& step, int attempts) {
  for (int attempt = 1; attempt <= attempts; ++attempt) {
    const auto number = static_cast<std::uint32_t>(attempt);
    const bool ok = attempt == attempts;
    write([&](ledger::Tx& tx) {
      return ledger::start_step(tx, tenant, run, step, number, Digest::of("step" + step.str()), Digest::of("in" + step.str()), who());
    });
    write([&](ledger::Tx& tx) -> Result<void> {
      const ledger::AttemptRow row{.run = run, .step = step, .attempt = number, .outcome = ok ? "succeeded" : "failed",
                                   .exit = {{"code", ok ? 0 : 75}}, .started_at = tx.now(), .ended_at = tx.now(),
                                   .evidence = evidence(attempt), .outputs_hash = std::nullopt, .error = std::nullopt};
      TRY(ledger::record_attempt(tx, tenant, row, who()));
      if (!ok) return {};
      return ledger::succeed_step(tx, tenant, run, step, Digest::of("step" + step.str()),
                                  {{{"out.json", Digest::of(step.str()), 17, false}, "application/json"}}, std::nullopt, who());
    });
  }
}

RunId Site::run(int steps, ledger::RunState end) {
  const RunId run = create(steps, std::nullopt);
  write([&](ledger::Tx& tx) { return ledger::transition_run(tx, tenant, run, ledger::RunState::kRunning, who()); });
  for (int i = 0; i < steps; ++i) run_step(run, must(StepId::parse(std::string(1, static_cast<char>('a' + i)))), 1 + i % 2);
  Json data = Json::object();
  if (end == ledger::RunState::kSucceeded) data["outputsHash"] = Digest::of(run.str()).hex();
  else data["error"] = {{"code", "step:exit"}, {"message", "exit 3"}};
  write([&](ledger::Tx& tx) { return ledger::transition_run(tx, tenant, run, end, who(), data); });
  return run;
}

RunId Site::replay(const RunId& of) {
  const RunId run = create(1, of);
  write([&](ledger::Tx& tx) { return ledger::transition_run(tx, tenant, run, ledger::RunState::kRunning, who()); });
  run_step(run, must(StepId::parse("a")), 1);
  write([&](ledger::Tx& tx) -> Result<void> {
    TRY(ledger::transition_run(tx, tenant, run, ledger::RunState::kSucceeded, who(), {{"outputsHash", Digest::of("o").hex()}}));
    return ledger::record_replay(tx, tenant, run, {{"replayOf", of.str()}, {"identical", true}, {"planHash", Digest::of("p").hex()}}, who());
  });
  return run;
}

void Site::failed_job() {
  const JobId job = must(JobId::parse(uuid7(clock.now(), entropy)));
  write([&](ledger::Tx& tx) -> Result<void> {
    const jobs::JobRequest request{.id = job, .type = "feed", .source = "mirror", .idempotency_key = "feed-" + job.str()};
    TRY(jobs::submit(tx, tenant, request, who()));
    return {};
  });
  for (const ledger::JobState end : {ledger::JobState::kFailed, ledger::JobState::kSucceeded}) {
    write([&](ledger::Tx& tx) -> Result<void> {
      TRY(jobs::mark_eligible(tx, tenant, who()));
      const auto leases = TRY(jobs::claim(tx, tenant, {.worker = "w1", .job = job}, entropy));
      if (leases.empty()) return fail(Code::kInternal, "nothing to claim");
      TRY(jobs::start(tx, tenant, job, leases[0].token, who()));
      jobs::Completion done;
      done.status = end;
      TRY(jobs::complete(tx, tenant, job, leases[0].token, done, who()));
      return {};
    });
    clock.advance(Millis(600'000));
  }
}

void Site::event(const ledger::NewEvent& event) {
  write([&](ledger::Tx& tx) -> Result<void> {
    TRY(tx.append(tenant, event));
    return {};
  });
}

void Site::governance(bool with_ticket) {
  ledger::NewEvent change{.kind = "throttle.changed", .subject = "throttle:source:mirror",
                          .who = {"user:sam", "feed is broken", std::nullopt, std::nullopt}};
  if (with_ticket) change.who.ticket = "OPS-17";
  change.after = Json{{"paused", true}};
  change.data = {{"scope", "source:mirror"}, {"kind", "pauseSource"}};
  event(change);
}

void Site::incident() {
  write([&](ledger::Tx& tx) -> Result<void> {
    TRY(ledger::open_incident(tx, tenant, "stale", "category:advisories", "older than the budget", who()));
    return {};
  });
}

void Site::bundle_imported() {
  ledger::NewEvent rejected{.kind = "bundle.rejected", .subject = "bundle:unknown", .who = who()};
  rejected.data = {{"accepted", false}, {"code", "dsse:threshold"}, {"checks", Json::array()}, {"file", "kit.tar.zst"}};
  event(rejected);
}

void Site::everything() {
  const RunId first = run(3);
  failed_job();
  governance();
  bundle_imported();
  run(2, ledger::RunState::kFailed);
  incident();
  replay(first);
}

ExportRequest Site::request(const std::string& output) const {
  return {.tenant = tenant, .from_seq = std::nullopt, .to_seq = std::nullopt, .since = std::nullopt, .until = std::nullopt,
          .previous = std::nullopt, .output = output, .signers = {&key}, .now = must(Instant::parse("2027-01-01T00:00:00Z"))};
}

std::string Site::export_to(const std::string& name, const ExportRequest& wanted) {
  ExportRequest with_output = wanted;
  with_output.output = folder / name;
  return must(export_audit(ledger, with_output)).path;
}

VerifyOptions Site::trust() const {
  VerifyOptions options;
  options.keys.push_back(key.public_key());
  return options;
}

std::uint64_t Site::events() const { return must(ledger::log_head(ledger, tenant)).size(); }

Bundle Bundle::load(const std::string& path) {
  Bundle out;
  const auto source = must(open_source(path));
  while (const auto entry = must(source->next())) out.files[entry->path] = must(source->read_all(1ULL << 30));
  return out;
}

void Bundle::save_folder(const std::string& path) const {
  for (const auto& [name, bytes] : files) {
    const std::string full = path + "/" + name;
    must(make_dirs(full.substr(0, full.rfind('/'))));
    std::ofstream(full, std::ios::binary) << bytes;   // not synced: a test folder need not survive a power cut
  }
}

void Bundle::save(const std::string& path) const {
  const TempDir folder;
  save_folder(folder.path());
  std::vector<std::string> paths;
  for (const auto& [name, bytes] : files) paths.push_back(name);
  std::ranges::sort(paths, manifests::audit_path_less);
  must(pack(folder.path(), paths, path));
}

std::vector<std::string> Bundle::lines(std::string_view path) const {
  std::vector<std::string> out;
  const std::string& text = files.at(std::string(path));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    out.push_back(text.substr(at, end - at));
    at = end + 1;
  }
  return out;
}

void Bundle::set_lines(std::string_view path, const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += line + "\n";
  at(path) = text;
}

void Bundle::edit_line(std::string_view path, std::size_t number, const std::string& from, const std::string& to) {
  std::vector<std::string> all = lines(path);
  std::string& line = all.at(number - 1);
  const std::size_t at = line.find(from);
  if (at == std::string::npos) throw std::runtime_error(from + " is not in line " + std::to_string(number) + ": " + line);
  line.replace(at, from.size(), to);
  set_lines(path, all);
}

void Bundle::reseal(const std::vector<const Signer*>& signers) {
  manifests::AuditManifest manifest = must(manifests::parse_audit_manifest(at(manifests::audit_path::kManifest)));
  for (auto& [path, text] : files) {
    if (!path.ends_with(".jsonl")) continue;
    std::string digests;
    const auto all = lines(path);
    for (std::size_t i = 0; i < all.size(); ++i) {
      if (i > 0 && i % manifests::kLineDigestsPerLine == 0) digests += "\n";
      digests += manifests::line_digest_text(merkle_leaf(all[i]));
    }
    files[manifests::line_digest_path(path)] = digests.empty() ? "" : digests + "\n";
  }
  manifest.files.clear();
  for (const auto& [path, text] : files)
    if (path != manifests::audit_path::kManifest && path != manifests::audit_path::kSignatures)
      manifest.files.push_back(describe_file(path, text));
  at(manifests::audit_path::kManifest) = manifests::write_audit_manifest(manifest);
  at(manifests::audit_path::kSignatures) =
      must(verify::sign_envelope("application/vnd.in-toto+json",
                                 manifests::write_audit_statement(manifest, Digest::of(at(manifests::audit_path::kManifest))), signers));
}

Report verified(const std::string& path, const VerifyOptions& options) { return must(verify_audit(path, options)); }

}  // namespace airlock::audit::test
