// What the tests of ledger/ and jobs/ share: a folder that goes away, a site key, ids, and a ledger with a
// bit of everything.
#pragma once

#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>
#include <fstream>
#include <string>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"
#include "jobs/jobs.h"
#include "ledger/catalog.h"
#include "ledger/check.h"
#include "ledger/governance.h"
#include "ledger/runs.h"
#include "verify/keys.h"
#include "verify/note.h"

namespace airlock::testing {

using ledger::Ledger;
using ledger::Options;
using ledger::Tx;

class TempDir {
 public:
  TempDir() {
    std::string name = (std::filesystem::temp_directory_path() / "airlock-test-XXXXXX").string();
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    path_ = name;
  }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  ~TempDir() { (void)remove_tree(path_); }  // ignoring: the next run has its own
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

template <class T>
T value(Result<T> result) {
  if (!result) FAIL(describe(result.error()) << " (" << code_info(result.error().code).text << ")");
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

template <class T>
Code code_of(const Result<T>& result) {
  REQUIRE_FALSE(result);
  return result.error().code;
}

inline const Instant kStart = Instant::from_millis(1'790'000'000'000);
inline const ledger::Who kAlice{"alice"};

inline TenantId tenant(const std::string& name = "acme") { return value(TenantId::parse(name)); }
inline StepId step_id(const std::string& name) { return value(StepId::parse(name)); }
inline DagId dag_id(const std::string& name = "advisory-match") { return value(DagId::parse(name)); }
inline BundleId bundle_id(const std::string& name = "acme-kit") { return value(BundleId::parse(name)); }
template <class T>
T new_id(Entropy& entropy, Instant now = kStart) {
  return value(T::parse(uuid7(now, entropy)));
}

inline const verify::PrivateKey& site_key() {
  static SeededEntropy entropy(7);
  static const verify::PrivateKey key = value(verify::PrivateKey::generate(entropy));
  return key;
}

inline Options writable(const Signer* signer = nullptr) {
  Options options;
  options.create = true;
  options.signer = signer;
  return options;
}

inline Ledger open(const std::string& path, const Options& options = writable(&site_key())) {
  return value(Ledger::open(path, options));
}

// As an auditor would: signature by the site key, and the text says what the row says.
inline Result<void> check_note(const ledger::Checkpoint& checkpoint, const std::string& origin) {
  const verify::PublicKey key = TRY(verify::PublicKey::from_raw_ed25519(site_key().raw_public_key()));
  const auto note = TRY(
      verify::verify_checkpoint(checkpoint.note, origin.substr(0, origin.rfind('/')), std::span(&key, 1)));
  if (note.get().origin != origin || note.get().size != checkpoint.size || note.get().root != checkpoint.root)
    return fail(Code::kNoteMalformed, "the note names another head");
  return {};
}

inline ledger::CheckReport check(const Ledger& ledger) {
  return value(ledger::verify_history(ledger, std::nullopt, check_note));
}

inline std::string text_of(const ledger::CheckReport& report) {
  std::string text;
  const auto add = [&](const std::optional<ledger::Finding>& finding) {
    if (finding)
      text += finding->tenant + (finding->seq ? " seq " + std::to_string(*finding->seq) : "") + ": " +
              finding->what + "\n";
  };
  add(report.schema);
  for (const auto& log : report.logs) add(log.finding);
  return text;
}

inline void require_sound(const Ledger& ledger) {
  const auto report = check(ledger);
  INFO(text_of(report));
  REQUIRE(report.ok());
}

inline jobs::JobRequest pack_run(JobId id, const std::string& key) {
  return {.id = std::move(id),
          .type = "pack-run",
          .source = "operator",
          .payload = {{"dagId", "advisory-match"}, {"key", key}},
          .idempotency_key = key};
}

inline ledger::NewRun two_step_run(RunId id, JobId job, const std::string& token) {
  return {.id = std::move(id),
          .job = std::move(job),
          .dag = dag_id(),
          .dag_version = "1.0.0",
          .dag_digest = Digest::of("spec"),
          .plan = R"({"steps":["index","match"]})",
          .inputs = {{"severity", "medium"}},
          .run_token = token,
          .rationale = "weekly",
          .replay_of = std::nullopt,
          .steps = {{step_id("index"), "osv-index@1.0.0"}, {step_id("match"), "sbom-match@1.0.0"}}};
}

struct JobAndRun {
  JobId job;
  RunId run;
};

// Submits a job, leases and starts it, and creates and starts its run: two commits.
inline JobAndRun begin_run(Ledger& ledger, const std::string& token, Entropy& entropy, Instant now = kStart,
                           const std::string& who = "acme") {
  const JobAndRun made{new_id<JobId>(entropy, now), new_id<RunId>(entropy, now)};
  const TenantId t = tenant(who);
  value(ledger.write(now, [&](Tx& tx) -> Result<void> {
    TRY(jobs::submit(tx, t, pack_run(made.job, token), kAlice));
    TRY(ledger::create_run(tx, t, two_step_run(made.run, made.job, token),
                           {"alice", "weekly refresh", "T-1", std::string(32, 'a')}));
    return {};
  }));
  value(ledger.write(now, [&](Tx& tx) -> Result<void> {
    const auto leases = TRY(jobs::claim(tx, t, {.worker = "host:1", .job = made.job}, entropy));
    TRY(jobs::start(tx, t, made.job, leases.at(0).token, kAlice));
    return ledger::transition_run(tx, t, made.run, ledger::RunState::kRunning, kAlice);
  }));
  return made;
}

inline std::vector<ledger::ArtifactRow> some_outputs(const std::string& seed) {
  return {{TreeEntry{"out.json", Digest::of(seed), 10, false}, "application/json"},
          {TreeEntry{"a/tool", Digest::of(seed + "x"), 20, true}, ""}};
}

inline Result<void> run_step(Tx& tx, const TenantId& t, const RunId& run, const std::string& step) {
  const StepId id = step_id(step);
  TRY(ledger::start_step(tx, t, run, id, 1, Digest::of("hash of " + step), Digest::of("inputs"), kAlice));
  TRY(ledger::record_attempt(tx, t,
                             {.run = run,
                              .step = id,
                              .attempt = 1,
                              .outcome = "succeeded",
                              .exit = {{"code", 0}},
                              .started_at = tx.now(),
                              .ended_at = tx.now(),
                              .evidence = {{"layers", {"seccomp", "landlock"}}},
                              .outputs_hash = std::nullopt,
                              .error = std::nullopt},
                             kAlice));
  return ledger::succeed_step(tx, t, run, id, Digest::of("hash of " + step), some_outputs(step), std::nullopt,
                              kAlice);
}

inline ledger::NewImport small_import(std::uint64_t generation) {
  return {.bundle = bundle_id(),
          .generation = generation,
          .version = "1." + std::to_string(generation) + ".0",
          .kind = "offline-kit",
          .manifest = "manifest " + std::to_string(generation),
          .items = ledger::items_from({{"data/osv/b.json", Digest::of("b"), 2, false, "application/json"},
                                       {"data/osv/a.json", Digest::of("a"), 1, false, "application/json"},
                                       {"plugins/osv-index/1.0.0/run", Digest::of("run"), 3, true, ""}}),
          .dags = {{dag_id(), "1.0.0", R"({"kind":"Dag"})", {{"index", "match"}}}},
          .activate = true,
          .verdict = {{"accepted", true}, {"checks", Json::array()}, {"file", "kit.tar.zst"}}};
}

// One run that succeeded, one that is under way, a bundle, a dead letter with its incident, rules,
// checkpoints.
inline void fill(Ledger& ledger) {
  SeededEntropy entropy(1);
  const TenantId t = tenant();
  value(ledger.write(kStart, [&](Tx& tx) { return ledger::record_import(tx, t, small_import(1), kAlice); }));
  const JobAndRun done = begin_run(ledger, "first", entropy);
  value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
    TRY(run_step(tx, t, done.run, "index"));
    TRY(run_step(tx, t, done.run, "match"));
    TRY(ledger::transition_run(tx, t, done.run, ledger::RunState::kSucceeded, kAlice,
                               {{"outputsHash", Digest::of("all").hex()}}));
    TRY(jobs::complete(tx, t, done.job, 1, {}, kAlice));
    TRY(tx.checkpoint(t));
    return {};
  }));
  const JobAndRun open_run = begin_run(ledger, "second", entropy);
  value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
    const JobId poison = new_id<JobId>(entropy);
    jobs::JobRequest request = pack_run(poison, "poison");
    request.retry.max_attempts = 1;
    TRY(jobs::submit(tx, t, request, kAlice));
    const auto lease = TRY(jobs::claim(tx, t, {.worker = "host:2", .job = poison}, entropy)).at(0);
    TRY(jobs::start(tx, t, poison, lease.token, kAlice));
    TRY(jobs::complete(tx, t, poison, lease.token, {.status = jobs::JobState::kFailed}, kAlice));
    jobs::JobRequest later = pack_run(new_id<JobId>(entropy), "later");
    later.not_before = kStart + Millis(1000);
    TRY(jobs::submit(tx, t, later, kAlice));
    TRY(jobs::submit(tx, t, pack_run(new_id<JobId>(entropy), "waits for a worker"), kAlice));
    TRY(tx.append(t, {"quota.changed",
                      "quota:tenant",
                      {"bob", "load", "T-2"},
                      std::nullopt,
                      Json{{"maxActive", 5}},
                      {{"scope", "tenant"}, {"kind", "active"}}}));
    TRY(tx.append(t, {"throttle.changed",
                      "throttle:tenant",
                      {"bob", "load", "T-2"},
                      std::nullopt,
                      Json{{"paused", true}},
                      {{"scope", "tenant"}, {"kind", "pause"}}}));
    TRY(tx.append(t, {"approval.requested",
                      "run:" + open_run.run.str() + "/step:match",
                      kAlice,
                      std::nullopt,
                      Json{{"state", "pending"}},
                      {{"planHash", Digest::of("plan").hex()}}}));
    return {};
  }));
}

// Runs the sqlite3 program on a file; its exit status.
inline int sqlite3_program(const std::string& file, const std::string& sql) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    const int null = ::open("/dev/null", O_WRONLY);
    ::dup2(null, 1);
    ::dup2(null, 2);
    ::execlp("sqlite3", "sqlite3", "-bail", file.c_str(), sql.c_str(), nullptr);
    ::_exit(127);
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace airlock::testing
