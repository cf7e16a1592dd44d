// Steps that want more than they may have, or do not want to end.
#include <signal.h>
#include <sys/stat.h>

#include <cerrno>

#include "base/io.h"
#include "fixture.h"

using namespace kernel_test;

namespace {

// A control group is needed and is not there: the test cannot say anything.
bool without_cgroup(const Sandbox& box) {
  if (box.has(Layer::kCgroup)) return false;
  skip("no control groups for this user");
  return true;
}

}  // namespace

TEST_CASE("a step that succeeds, fails or crashes is reported as what it did", "[limits]") {
  Sandbox box;
  CHECK_FALSE(step_error(box.run({"succeed"})));
  const Finished failed = box.run({"exit", "75"});
  CHECK(failed.outcome.kind == Outcome::Kind::kExited);
  CHECK(failed.outcome.value == 75);
  CHECK(failed.evidence.exit_code == 75);
  CHECK(step_error(failed)->code == Code::kStepExit);
  for (const auto& [word, signal] : {std::pair{"crash", SIGSEGV}, std::pair{"abort", SIGABRT}}) {
    const Finished crashed = box.run({word});
    INFO(word);
    CHECK(crashed.outcome.kind == Outcome::Kind::kSignaled);
    CHECK(crashed.outcome.value == signal);
    CHECK(crashed.evidence.exit_signal == signal);
    CHECK(step_error(crashed)->code == Code::kStepSignal);
  }
}

TEST_CASE("a program that is not there, or is not one, is not started", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({});
  spec.argv = {"/plugin/nothing"};
  const Finished missing = box.run(spec);
  CHECK(missing.outcome.kind == Outcome::Kind::kNotStarted);
  CHECK(missing.outcome.value == ENOENT);
  CHECK(step_error(missing)->code == Code::kStepExit);
  spec.argv = {"/in/data/canary"};
  CHECK(box.run(spec).outcome.value == EACCES);
}

TEST_CASE("D4: a step that loops, or stops itself, ends at its timeout", "[limits]") {
  Sandbox box;
  for (const char* word : {"loop", "stop-self"}) {
    StepSpec spec = box.spec({word});
    spec.resources.timeout = Millis{150};
    const Finished finished = box.run(spec);
    INFO(word);
    CHECK(finished.outcome.kind == Outcome::Kind::kTimedOut);
    CHECK(finished.evidence.killed_by != KilledBy::kNobody);
    CHECK(finished.evidence.wall >= Millis{150});
    CHECK(finished.evidence.wall < Millis{5'000});
    CHECK(step_error(finished)->code == Code::kStepTimeout);
  }
}

TEST_CASE("D4: a quota of a fifth of a core holds a busy loop back", "[limits]") {
  Sandbox box;
  if (without_cgroup(box)) return;
  StepSpec spec = box.spec({"loop"});
  spec.resources.cpu = 0.2;
  spec.resources.timeout = Millis{1'000};
  const Finished finished = box.run(spec);
  REQUIRE(finished.evidence.cpu_micros.has_value());
  CHECK(*finished.evidence.cpu_micros < 700'000);
  CHECK(finished.evidence.cpu_throttled_micros > 0);
}

TEST_CASE("D5: a step that ignores SIGTERM is killed after the grace; one that obeys may say goodbye", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"ignore-term"});
  spec.resources.timeout = Millis{150};
  CHECK(box.run(spec).evidence.killed_by == KilledBy::kTimeoutAfterGrace);

  spec.argv[1] = "obey-term";
  spec.resources.grace = Millis{10'000};
  const Finished polite = box.run(spec);
  CHECK(polite.outcome.kind == Outcome::Kind::kTimedOut);
  CHECK(polite.evidence.killed_by == KilledBy::kTimeout);
  CHECK(polite.evidence.exit_code == 5);
  CHECK(harvest_all(polite)->paths == std::vector<std::string>{"said-goodbye"});
}

TEST_CASE("cancelling: stop asks first, kill does not, drain lets a running step end and starts no other", "[limits]") {
  Sandbox box;
  const auto run_and = [&box](const char* word, Cancel::Level level) {
    auto cancel = Cancel::create();
    REQUIRE(cancel.has_value());
    StepSpec spec = box.spec({word});
    spec.resources.grace = Millis{10'000};
    spec.capture.on_event = [&](std::string_view) { cancel->request(level); };
    auto finished = box.slot->run(spec, *cancel);
    REQUIRE(finished.has_value());
    const auto next = box.slot->run(box.spec({"succeed"}), *cancel);
    REQUIRE_FALSE(next.has_value());
    CHECK(next.error().code == Code::kInterrupted);
    return std::move(*finished);
  };
  const Finished stopped = run_and("obey-term", Cancel::Level::kStop);
  CHECK(stopped.outcome.kind == Outcome::Kind::kCancelled);
  CHECK(stopped.evidence.exit_code == 5);
  const Finished killed = run_and("ignore-term", Cancel::Level::kKill);
  CHECK(killed.outcome.kind == Outcome::Kind::kCancelled);
  CHECK(killed.evidence.wall < Millis{5'000});
  CHECK(run_and("events", Cancel::Level::kDrain).outcome.kind == Outcome::Kind::kExited);
}

TEST_CASE("D1: a fork bomb stops at the limit and the next step starts", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"fork-bomb"});
  spec.resources.pids = 16;
  const Finished finished = box.run(spec);
  CHECK(finished.outcome.value == 15);  // and the step itself
  if (box.has(Layer::kCgroup)) CHECK(finished.evidence.pids_limit_hits > 0);
  CHECK(finished.evidence.pids_limit == 16);
  spec.argv[1] = "endless-forks";
  spec.resources.timeout = Millis{300};
  const Finished endless = box.run(spec);
  CHECK(endless.outcome.kind == Outcome::Kind::kTimedOut);
  CHECK_FALSE(step_error(box.run({"succeed"})));
}

TEST_CASE("D1: threads and chains of vfork stop at the limit, too", "[limits]") {
  Sandbox box;
  for (const char* word : {"thread-bomb", "vfork-chain"}) {
    StepSpec spec = box.spec({word});
    spec.resources.pids = 16;
    INFO(word);
    CHECK(box.run(spec).outcome.value == 15);
  }
}

TEST_CASE("D2: a step that eats memory is killed as a whole and reported as such", "[limits]") {
  Sandbox box;
  if (without_cgroup(box)) return;
  for (const char* word : {"eat-heap", "eat-in-child", "eat-memfd", "eat-shared-memory", "eat-pipes"}) {
    StepSpec spec = box.spec({word});
    spec.resources.memory = 32 * kMiB;
    spec.resources.disk = 4 * kMiB;
    const Finished finished = box.run(spec);
    INFO(word);
    CHECK(finished.outcome.kind == Outcome::Kind::kOutOfMemory);
    CHECK(finished.evidence.oom_kills > 0);
    CHECK(finished.evidence.wall < Millis{10'000});  // all of it was killed then, not at the timeout
    CHECK(finished.evidence.group_memory_limit == 36 * kMiB);
    CHECK(finished.evidence.memory_peak.value_or(0) <= 36 * kMiB);
    CHECK(step_error(finished)->code == Code::kStepMemory);
  }
  CHECK_FALSE(step_error(box.run({"succeed"})));
}

TEST_CASE("D2: memory cannot be locked beyond a little", "[limits]") {
  Sandbox box;
  const int error = box.run({"lock-memory"}).outcome.value;
  CHECK((error == EPERM || error == ENOMEM));
}

TEST_CASE("D3: /out and /tmp end at the disk limit, also when it is larger than the memory limit", "[limits]") {
  Sandbox box;
  for (const char* word : {"fill-out", "fill-tmp"}) {
    StepSpec spec = box.spec({word});
    spec.resources.memory = 16 * kMiB;
    spec.resources.disk = 48 * kMiB;
    const Finished finished = box.run(spec);
    INFO(word);
    CHECK(finished.outcome.kind == Outcome::Kind::kExited);
    CHECK((finished.outcome.value == ENOSPC || finished.outcome.value == EFBIG));
    CHECK(finished.evidence.bytes_written <= 48 * kMiB);
    CHECK(finished.evidence.bytes_written > 47 * kMiB);
  }
}

TEST_CASE("D3: files without end meet the inode limit, sparse ones the size limit", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"fill-inodes"});
  spec.resources.inodes = 100;
  const Finished finished = box.run(spec);
  CHECK(finished.outcome.value == ENOSPC);
  CHECK(finished.evidence.inodes_used == 100);
  const Finished sparse = box.run({"sparse"});
  CHECK(sparse.outcome.kind == Outcome::Kind::kSignaled);
  CHECK(sparse.outcome.value == SIGXFSZ);
}

TEST_CASE("D3: a path without end meets the inode limit", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"deep-path"});
  spec.resources.inodes = 5'000;
  const Finished finished = box.run(spec);
  CHECK(finished.outcome.value == ENOSPC);
  CHECK(refusal(finished) == Code::kStepOutputRefused);
}

TEST_CASE("D6: a flooded log is cut at its cap, and both numbers are recorded", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"flood", "50000000"});
  spec.capture.log_bytes = 100'000;
  const Finished finished = box.run(spec);
  CHECK_FALSE(step_error(finished));
  CHECK(finished.evidence.stdout_log.bytes == 50'000'000);
  CHECK(finished.evidence.stdout_log.kept == 100'000);
  CHECK(read_text(spec.capture.stdout_path).size() == 100'000);
  CHECK(evidence_json(finished.evidence)["logs"]["stdout"]["capped"] == true);

  StepSpec events = box.spec({"flood-events", "5000000"});
  std::size_t lines = 0;
  events.capture.on_event = [&lines](std::string_view) { ++lines; };
  events.capture.events_bytes = 1000;
  CHECK(box.run(events).evidence.events.kept == 1000);
  CHECK(lines == 0);  // one line without an end
}

TEST_CASE("D6: a log file that cannot grow is an error of the runner, and the step is not left hanging", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"flood", "1000000"});
  spec.capture.stdout_path = "/dev/full";
  const auto finished = box.slot->run(spec, box.cancel);
  REQUIRE_FALSE(finished.has_value());
  CHECK(finished.error().code == Code::kDiskFull);
}

TEST_CASE("D7: descriptors run out for the step, not for the next one", "[limits]") {
  Sandbox box;
  CHECK(box.run({"exhaust-fds"}).outcome.value == EMFILE);
  CHECK_FALSE(step_error(box.run({"succeed"})));
}

TEST_CASE("D7: the kernel's own objects end with the step: the next one can make as many", "[limits]") {
  Sandbox box;
  std::string first;
  for (int round = 0; round < 3; ++round) {
    CHECK(box.run({"exhaust-kernel-objects"}).outcome.value == 0);
    if (round == 0) first = box.out_text();
    CHECK(box.out_text() == first);
  }
  CHECK_FALSE(first.empty());
}

TEST_CASE("D9: nothing that a step can write is on a disk", "[limits]") {
  // So there is no input and output to limit: version 1 of the groups does not see what is written back later anyway.
  Sandbox box;
  CHECK(box.run({"print-writable"}).outcome.value == 0);
  CHECK(box.out_text() == "/out tmpfs\n/out tmpfs\n/tmp tmpfs\n");
}

TEST_CASE("D6: control characters and NULs are kept as they came, for whoever shows them to escape", "[limits]") {
  Sandbox box;
  CHECK(box.run({"shout-controls"}).outcome.value == 0);
  CHECK(box.out_text() == std::string("\x1b]0;owned\a\0\x9b" "31m\r\n", 17));
}

TEST_CASE("the init reaps what a step orphans", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"orphans"});
  spec.resources.pids = 8;
  CHECK_FALSE(step_error(box.run(spec)));
}

TEST_CASE("streams go where they belong, and whole lines of fd 3 to the handler", "[limits]") {
  Sandbox box;
  StepSpec spec = box.spec({"events"});
  std::vector<std::string> lines;
  spec.capture.on_event = [&lines](std::string_view line) { lines.emplace_back(line); };
  box.run(spec);
  CHECK(lines == std::vector<std::string>{"{\"progress\":0.5}"});
  CHECK(read_text(spec.capture.events_path) == "{\"progress\":0.5}\nno end");
  box.run({"shout"});
  CHECK(box.out_text() == "to stdout\n");
  CHECK(box.err_text() == "to stderr\n");
}
