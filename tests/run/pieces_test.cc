// The small pure parts of a run.
#include <catch2/catch.hpp>

#include "runner/outputs.h"
#include "runner/replay.h"
#include "runner/run_folder.h"
#include "runner/step_launch.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;

namespace {

TreeEntry file(const std::string& path, const std::string& bytes = "", bool executable = false) {
  return {path, Digest::of(bytes), bytes.size(), executable};
}

const RunId kRun = *RunId::parse("01928374-0000-7000-8000-000000000001");

ledger::RunRow run_row() {
  const Digest none = Digest::of_empty();
  ledger::RunRow row{.id = kRun, .tenant = test::tenant(), .job = *JobId::parse(kRun.str()), .dag = *DagId::parse("work"),
                     .dag_version = "1.0.0", .dag_digest = none, .plan_hash = none, .inputs_hash = none, .run_token = "t",
                     .rationale = "", .actor = "a", .reason = {}, .ticket = {}, .trace_id = std::string(32, 'a'), .replay_of = {},
                     .outputs_hash = {}, .error = {}, .started_at = {}, .ended_at = {}};
  return row;
}

StepOutcome left(const std::string& step, StepState state, std::vector<TreeEntry> files = {}) {
  StepOutcome out{{.run = kRun, .step = *StepId::parse(step), .plugin = "p@1.0.0", .state = state, .step_hash = {}, .inputs_hash = {},
                   .outputs_hash = {}, .from_run = {}, .error = {}, .started_at = {}, .ended_at = {}}, {}};
  if (state == StepState::kSucceeded || state == StepState::kCached) out.row.outputs_hash = tree_digest(files);
  for (const TreeEntry& entry : files) out.outputs.push_back({entry, ""});
  return out;
}

PlannedStep planned(const std::string& id) { return {*StepId::parse(id), 0, {}, {}, {}, {}, {}, {}, {}, {}, false}; }

}  // namespace

TEST_CASE("a path selects one file, or what lies below a folder") {
  const Tree tree = {file("a"), file("a.txt"), file("a/b"), file("a/c/d"), file("b")};
  REQUIRE(select_path(tree, "a.txt"));
  CHECK_FALSE(select_path(tree, "a.txt")->folder);
  REQUIRE(select_path(tree, "a/c"));
  CHECK(select_path(tree, "a/c")->folder);
  CHECK(select_path(tree, "a/c")->tree[0].path == "d");
  CHECK_FALSE(select_path(tree, "c"));
  CHECK_FALSE(select_path(tree, "a/"));
  CHECK_FALSE(select_path(tree, "bb"));
}

TEST_CASE("the first difference is the first step of the plan and its first path") {
  using S = StepState;
  struct Case {
    const char* name;
    StepOutcome original, replayed;
    const char* path;  // "-": no difference
  };
  const Case kCases[] = {
      {"the same", left("s", S::kSucceeded, {file("a", "1")}), left("s", S::kSucceeded, {file("a", "1")}), "-"},
      {"from the cache", left("s", S::kCached, {file("a", "1")}), left("s", S::kSucceeded, {file("a", "1")}), "-"},
      {"other bytes", left("s", S::kSucceeded, {file("a", "1"), file("b", "2")}), left("s", S::kSucceeded, {file("a", "1"), file("b", "3")}), "b"},
      {"another mode", left("s", S::kSucceeded, {file("a", "1")}), left("s", S::kSucceeded, {file("a", "1", true)}), "a"},
      {"one less", left("s", S::kSucceeded, {file("a", "1"), file("b", "2")}), left("s", S::kSucceeded, {file("b", "2")}), "a"},
      {"one more", left("s", S::kSucceeded, {file("b", "2")}), left("s", S::kSucceeded, {file("b", "2"), file("c", "2")}), "c"},
      {"another end", left("s", S::kSucceeded), left("s", S::kFailed), ""},
      {"both failed", left("s", S::kFailed), left("s", S::kFailed), "-"},
      {"the original was cancelled", left("s", S::kCancelled), left("s", S::kSucceeded, {file("a", "1")}), "-"},
  };
  for (const Case& c : kCases) {
    INFO(c.name);
    const StepOutcome same = left("r", S::kSucceeded, {file("z", "z")});
    const auto found = first_difference({same, c.original, left("t", S::kFailed)}, {same, c.replayed, left("t", S::kFailed)});
    CHECK((found ? found->path : "-") == c.path);
    if (found) CHECK(found->step == "s");
  }
}

TEST_CASE("a step's environment is fixed, may be changed by the DAG, and names the attempt") {
  PlannedStep step = planned("s");
  step.env = {{"TZ", "CET"}, {"AIRLOCK_RUN_ID", "forged"}, {"MINE", "1"}};
  const auto env = step_environment(step, run_row(), 2);
  CHECK(env.at("PATH") == "/usr/bin:/bin");
  CHECK(env.at("HOME") == "/tmp");
  CHECK(env.at("LANG") == "C.UTF-8");
  CHECK(env.at("TZ") == "CET");
  CHECK(env.at("SOURCE_DATE_EPOCH") == "315532800");
  CHECK(env.at("AIRLOCK_RUN_ID") == kRun.str());
  CHECK(env.at("AIRLOCK_STEP_ID") == "s");
  CHECK(env.at("AIRLOCK_ATTEMPT") == "2");
  CHECK(env.at("MINE") == "1");
  CHECK(env.at("TRACEPARENT").size() == 55);
  CHECK(env.at("TRACEPARENT").starts_with("00-" + std::string(32, 'a') + "-"));
  CHECK(env.at("BAGGAGE") == "airlock.tenant=acme,airlock.dag=work,airlock.run=" + kRun.str());
  CHECK(env.size() == 11);
}

TEST_CASE("a file takes the media type of the declared output it lies in") {
  PlannedStep step = planned("s");
  step.outputs = {{"a", "text/plain"}, {"b", "application/json"}};
  const auto rows = artifact_rows(step, {file("a"), file("ab"), file("b/c")});
  CHECK(rows[0].media_type == "text/plain");
  CHECK(rows[1].media_type.empty());
  CHECK(rows[2].media_type == "application/json");
}

TEST_CASE("one process at a time holds the folder of a run") {
  test::RunSite site;
  const auto first = RunFolder::acquire(site.root + "/runs", kRun);
  REQUIRE(first);
  CHECK(RunFolder::acquire(site.root + "/runs", kRun).error().code == Code::kBusy);
}
