// Faults at every change that SQLite makes to disk, and kill -9: after reopening, the old state or the new
// one, and a history that verifies.
#include "tests/ledger/support.h"

#include <signal.h>

#include "tests/ledger/fault_vfs.h"

using namespace airlock;
using namespace airlock::testing;

namespace {

struct Scenario {
  std::string name;
  std::function<Result<void>(Ledger&)> act;
};

const RunId& open_run() {
  static SeededEntropy entropy(11);
  static const RunId id = new_id<RunId>(entropy);
  return id;
}

// A ledger with a run under way; each round of a sweep works on its own copy.
void prepare(const std::string& path) {
  SeededEntropy entropy(12);
  Ledger ledger = open(path);
  const JobId job = new_id<JobId>(entropy);
  value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
    TRY(jobs::submit(tx, tenant(), pack_run(job, "base"), kAlice));
    TRY(ledger::create_run(tx, tenant(), two_step_run(open_run(), job, "base"), kAlice));
    TRY(ledger::transition_run(tx, tenant(), open_run(), ledger::RunState::kRunning, kAlice));
    return {};
  }));
}

std::vector<Scenario> scenarios() {
  return {
      {"submit",
       [](Ledger& ledger) {
         return ledger.write(kStart, [](Tx& tx) -> Result<void> {
           SeededEntropy entropy(13);
           TRY(jobs::submit(tx, tenant(), pack_run(new_id<JobId>(entropy), "new"), kAlice));
           return {};
         });
       }},
      {"append and checkpoint",
       [](Ledger& ledger) {
         return ledger.write(kStart, [](Tx& tx) -> Result<void> {
           for (int i = 0; i < 20; ++i)
             TRY(tx.append(tenant(), {"audit.noted",
                                      "note:" + std::to_string(i),
                                      kAlice,
                                      {},
                                      {},
                                      {{"text", std::string(900, 'x')}}}));
           TRY(tx.checkpoint(tenant()));
           return {};
         });
       }},
      {"step and run transition",
       [](Ledger& ledger) {
         return ledger.write(kStart, [](Tx& tx) -> Result<void> {
           TRY(run_step(tx, tenant(), open_run(), "index"));
           return ledger::transition_run(tx, tenant(), open_run(), ledger::RunState::kFailed, kAlice,
                                         {{"error", "stopped"}});
         });
       }},
  };
}

struct Mode {
  std::string name;
  Fault fault;
  std::size_t keep;  // unsynced writes that survive a power cut
};
const std::vector<Mode> kModes = {{"one I/O error", Fault::kErrorOnce, 0},
                                  {"disk full", Fault::kDiskFull, 0},
                                  {"power cut, unsynced writes lost", Fault::kPowerCut, 0},
                                  {"power cut, unsynced writes cut in the middle", Fault::kPowerCut, 3},
                                  {"power cut, unsynced writes kept", Fault::kPowerCut, SIZE_MAX}};

// One fault at change `k`: whether it was reached. The act may have failed or not; what it answered must
// hold.
bool round(const std::string& base, const Scenario& scenario, const Mode& mode, int k,
           std::uint64_t new_size) {
  const TempDir dir;
  const std::string path = dir / "ledger.db";
  std::filesystem::copy_file(base, path);
  bool answered = false;
  Code code = Code::kInternal;
  std::uint64_t old_size = 0;
  {
    FaultVfs::arm(Fault::kNone, 0);
    Options options = writable(&site_key());
    options.vfs = FaultVfs::name();
    Ledger ledger = open(path, options);
    old_size = value(ledger::log_head(ledger, tenant())).size();
    FaultVfs::arm(mode.fault, k);
    const auto result = scenario.act(ledger);
    answered = result.has_value();
    if (!result) code = result.error().code;
  }
  const bool reached = FaultVfs::reached();
  if (mode.fault == Fault::kPowerCut) FaultVfs::power_cut(mode.keep);
  FaultVfs::arm(Fault::kNone, 0);
  const Ledger ledger = open(path);
  require_sound(ledger);
  const std::uint64_t size = value(ledger::log_head(ledger, tenant())).size();
  CHECK((size == old_size || size == new_size));
  if (answered) CHECK(size == new_size);
  else CHECK((code == Code::kIo || code == Code::kDiskFull || code == Code::kLedger));
  if (mode.fault == Fault::kDiskFull && !answered) CHECK(code == Code::kDiskFull);
  return reached;
}

}  // namespace

TEST_CASE("C092 a fault at any change to disk leaves the old state or the new one, and a sound history") {
  const TempDir dir;
  const std::string base = dir / "base.db";
  prepare(base);
  for (const Scenario& scenario : scenarios()) {
    const TempDir undisturbed;
    std::filesystem::copy_file(base, undisturbed / "ledger.db");
    Ledger ledger = open(undisturbed / "ledger.db");
    value(scenario.act(ledger));
    const std::uint64_t new_size = value(ledger::log_head(ledger, tenant())).size();
    for (const Mode& mode : kModes) {
      int k = 0;
      for (;; ++k) {
        INFO(scenario.name << ", " << mode.name << ", change " << k);
        if (!round(base, scenario, mode, k, new_size)) break;  // nothing left to break: the sweep is complete
      }
      INFO(scenario.name << ", " << mode.name);
      CHECK(k >= 5);
    }
  }
}

TEST_CASE(
    "a power cut takes back only what was not acknowledged, over many commits and a log that is folded back") {
  const TempDir dir;
  for (const int k : {20, 120, 300, 700, 1500, 2600}) {
    INFO("change " << k);
    const std::string path = dir / (std::to_string(k) + ".db");
    prepare(path);
    std::uint64_t acknowledged = 0;
    {
      FaultVfs::arm(Fault::kNone, 0);
      Options options = writable(&site_key());
      options.vfs = FaultVfs::name();
      Ledger ledger = open(path, options);
      FaultVfs::arm(Fault::kPowerCut, k);
      for (int i = 0; i < 400; ++i) {
        const auto seq = ledger.write(kStart, [&](Tx& tx) {
          return tx.append(tenant(),
                           {"audit.noted", "note:1", kAlice, {}, {}, {{"text", std::string(6000, 'x')}}});
        });
        if (!seq) break;
        acknowledged = *seq + 1;
      }
    }
    REQUIRE(FaultVfs::reached());
    FaultVfs::power_cut(0);
    FaultVfs::arm(Fault::kNone, 0);
    const Ledger ledger = open(path);
    CHECK(value(ledger::log_head(ledger, tenant())).size() >= acknowledged);
    require_sound(ledger);
  }
}

TEST_CASE("kill -9 loses nothing that was acknowledged and leaves nothing half-done") {
  for (const int acks : {0, 1, 3, 10, 40}) {
    INFO(acks << " acknowledged");
    const TempDir dir;
    const std::string path = dir / "ledger.db";
    int pipe_ends[2];
    REQUIRE(::pipe(pipe_ends) == 0);
    const pid_t child = ::fork();
    if (child == 0) {
      SeededEntropy entropy(5);
      auto ledger = Ledger::open(path, writable(&site_key()));
      for (int i = 0; ledger; ++i) {
        const RunId run = *RunId::parse(uuid7(kStart, entropy));
        const JobId job = *JobId::parse(uuid7(kStart, entropy));
        const auto done = ledger->write(kStart, [&](Tx& tx) -> Result<void> {
          TRY(jobs::submit(tx, tenant(), pack_run(job, std::to_string(i)), kAlice));
          TRY(ledger::create_run(tx, tenant(), two_step_run(run, job, std::to_string(i)), kAlice));
          TRY(ledger::transition_run(tx, tenant(), run, ledger::RunState::kRunning, kAlice));
          return run_step(tx, tenant(), run, "index");
        });
        if (!done || ::write(pipe_ends[1], "x", 1) != 1) break;
      }
      ::_exit(1);
    }
    ::close(pipe_ends[1]);
    char byte = 0;
    for (int i = 0; i < acks; ++i) REQUIRE(::read(pipe_ends[0], &byte, 1) == 1);
    ::kill(child, SIGKILL);
    ::waitpid(child, nullptr, 0);
    std::size_t acknowledged = static_cast<std::size_t>(acks);
    while (::read(pipe_ends[0], &byte, 1) == 1) ++acknowledged;
    ::close(pipe_ends[0]);
    const Ledger ledger = open(path);
    require_sound(ledger);
    const auto runs = value(ledger::list_runs(ledger, tenant()));
    CHECK(runs.size() >= acknowledged);
    CHECK(runs.size() <= acknowledged + 1);
    for (const auto& run : runs)
      CHECK(value(ledger::steps_of(ledger, tenant(), run.id))[0].state == ledger::StepState::kSucceeded);
  }
}
