#include "tests/ledger/support.h"

using namespace airlock;
using namespace airlock::testing;
using ledger::RunState;
using ledger::StepState;

namespace {

struct World {
  TempDir dir;
  SeededEntropy entropy{21};
  Ledger ledger = open(dir / "ledger.db");

  template <class Work>
  auto write(Work&& work) {
    return ledger.write(kStart, std::forward<Work>(work));
  }
};

}  // namespace

TEST_CASE("which run state may follow which") {
  using enum RunState;
  const std::vector<RunState> all = {kPending, kRunning,   kWaitingApproval, kSucceeded,
                                     kFailed,  kCancelled, kTimedOut};
  const std::vector<std::string> table = {            // to: P R W S F C T
                                          "-r--fct",  // from pending
                                          "-rwsfct",  // running
                                          "-r--fct",  // waiting_approval
                                          "-------", "-------", "-------", "-------"};
  for (std::size_t from = 0; from < all.size(); ++from)
    for (std::size_t to = 0; to < all.size(); ++to) {
      INFO(ledger::to_text(all[from]) << " to " << ledger::to_text(all[to]));
      CHECK(ledger::may_follow(all[from], all[to]) == (table[from][to] != '-'));
    }
}

TEST_CASE("which step state may follow which") {
  using enum StepState;
  const std::vector<StepState> all = {kPending, kReady,  kRunning, kWaitingApproval, kSucceeded,
                                      kCached,  kFailed, kSkipped, kCancelled,       kTimedOut};
  const std::vector<std::string> table = {               // to: P R r W S C F K X T
                                          "-Rrw-cfkxt",  // from pending
                                          "--rw-cfkxt",  // ready
                                          "--r-s-f-xt",  // running
                                          "----s-f-xt",  // waiting_approval
                                          "----------", "----------", "----------",
                                          "----------", "----------", "----------"};
  for (std::size_t from = 0; from < all.size(); ++from)
    for (std::size_t to = 0; to < all.size(); ++to) {
      INFO(ledger::to_text(all[from]) << " to " << ledger::to_text(all[to]));
      CHECK(ledger::may_follow(all[from], all[to]) == (table[from][to] != '-'));
    }
}

TEST_CASE("states are read as they are written, and nothing else is") {
  for (const char* text :
       {"pending", "running", "waiting_approval", "succeeded", "failed", "cancelled", "timed_out"})
    CHECK(ledger::to_text(value(ledger::parse_run_state(text))) == text);
  for (const char* text : {"pending", "ready", "running", "waiting_approval", "succeeded", "cached", "failed",
                           "skipped", "cancelled", "timed_out"})
    CHECK(ledger::to_text(value(ledger::parse_step_state(text))) == text);
  for (const char* text :
       {"pending", "queued", "leased", "running", "succeeded", "failed", "timed_out", "canceled"})
    CHECK(ledger::to_text(value(ledger::parse_job_state(text))) == text);
  CHECK(code_of(ledger::parse_run_state("canceled")) == Code::kField);
  CHECK(code_of(ledger::parse_step_state("")) == Code::kField);
  CHECK(code_of(ledger::parse_job_state("cancelled")) == Code::kField);
}

TEST_CASE("a run goes from created to succeeded, and every step of it is in the history") {
  World w;
  const JobAndRun ids = begin_run(w.ledger, "t", w.entropy);
  value(w.write([&](Tx& tx) -> Result<void> {
    TRY(run_step(tx, tenant(), ids.run, "index"));
    TRY(run_step(tx, tenant(), ids.run, "match"));
    return ledger::transition_run(tx, tenant(), ids.run, RunState::kSucceeded, kAlice,
                                  {{"outputsHash", Digest::of("o").hex()}});
  }));
  const auto run = value(ledger::get_run(w.ledger, tenant(), ids.run));
  CHECK(run.state == RunState::kSucceeded);
  CHECK(run.outputs_hash == Digest::of("o"));
  CHECK(run.actor == "alice");
  CHECK(run.reason == "weekly refresh");
  CHECK(run.ticket == "T-1");
  CHECK(run.rationale == "weekly");
  CHECK(run.trace_id == std::string(32, 'a'));
  CHECK(run.ended_at);
  CHECK(value(ledger::document(w.ledger, run.inputs_hash)) == R"({"severity":"medium"})");
  CHECK(value(ledger::document(w.ledger, run.plan_hash)) == R"({"steps":["index","match"]})");
  const auto steps = value(ledger::steps_of(w.ledger, tenant(), ids.run));
  REQUIRE(steps.size() == 2);
  CHECK(steps[0].step == step_id("index"));
  CHECK(steps[0].state == StepState::kSucceeded);
  CHECK(steps[0].outputs_hash == tree_digest({some_outputs("index")[1].file, some_outputs("index")[0].file}));
  const auto attempts = value(ledger::attempts_of(w.ledger, tenant(), ids.run));
  REQUIRE(attempts.size() == 2);
  CHECK(attempts[1].step == step_id("match"));
  CHECK(attempts[1].exit == Json{{"code", 0}});
  const auto artifacts = value(ledger::artifacts_of(w.ledger, tenant(), ids.run, step_id("index")));
  REQUIRE(artifacts.size() == 2);
  CHECK(artifacts[0].file.path == "a/tool");
  CHECK(artifacts[0].file.executable);
  CHECK(artifacts[1].media_type == "application/json");
  std::string kinds;
  for (const auto& line :
       value(ledger::history_of(w.ledger, tenant(), "run:" + ids.run.str(), true, UINT64_MAX)))
    kinds += value(parse_json(line.line, "event"))["kind"].get<std::string>() + " ";
  CHECK(
      kinds ==
      "run.created run.running step.running step.attempt step.succeeded step.running step.attempt step.succeeded run.succeeded ");
  require_sound(w.ledger);
}

TEST_CASE("the same run token, DAG and inputs give the same run") {
  World w;
  const JobAndRun first = begin_run(w.ledger, "t", w.entropy);
  const auto create = [&](const std::string& token, const Json& inputs, const std::string& who) {
    ledger::NewRun run = two_step_run(new_id<RunId>(w.entropy), first.job, token);
    run.inputs = inputs;
    return w.write([&](Tx& tx) -> Result<ledger::CreatedRun> {
      if (who != "acme") TRY(jobs::submit(tx, tenant(who), pack_run(first.job, "other"), kAlice));
      return ledger::create_run(tx, tenant(who), run, kAlice);
    });
  };
  const auto again = value(create("t", {{"severity", "medium"}}, "acme"));
  CHECK_FALSE(again.created);
  CHECK(again.run.id == first.run);
  CHECK(again.run.state == RunState::kRunning);
  CHECK(value(create("u", {{"severity", "medium"}}, "acme")).created);
  CHECK(value(create("t", {{"severity", "high"}}, "acme")).created);
  CHECK(value(create("t", {{"severity", "medium"}}, "beta")).created);
  require_sound(w.ledger);
}

TEST_CASE("a change that the states do not allow is refused and writes nothing") {
  World w;
  const JobAndRun ids = begin_run(w.ledger, "t", w.entropy);
  const auto size = [&] { return value(ledger::log_head(w.ledger, tenant())).size(); };
  value(w.write([&](Tx& tx) { return run_step(tx, tenant(), ids.run, "index"); }));
  const std::uint64_t before = size();
  const Digest hash = Digest::of("x");
  const std::vector<std::pair<std::string, std::function<Result<void>(Tx&)>>> bad = {
      {"a step that succeeded starts again",
       [&](Tx& tx) {
         return ledger::start_step(tx, tenant(), ids.run, step_id("index"), 2, hash, hash, kAlice);
       }},
      {"attempt 2 before attempt 1",
       [&](Tx& tx) {
         return ledger::start_step(tx, tenant(), ids.run, step_id("match"), 2, hash, hash, kAlice);
       }},
      {"a step succeeds before it ran",
       [&](Tx& tx) {
         return ledger::succeed_step(tx, tenant(), ids.run, step_id("match"), hash, {}, std::nullopt, kAlice);
       }},
      {"a step succeeds without outputs",
       [&](Tx& tx) {
         return ledger::transition_step(tx, tenant(), ids.run, step_id("match"), StepState::kSucceeded,
                                        kAlice);
       }},
      {"a pending step ends an attempt",
       [&](Tx& tx) {
         return ledger::record_attempt(
             tx, tenant(),
             {.run = ids.run, .step = step_id("match"), .outcome = "failed", .outputs_hash = {}, .error = {}},
             kAlice);
       }},
      {"a run goes back to pending",
       [&](Tx& tx) { return ledger::transition_run(tx, tenant(), ids.run, RunState::kPending, kAlice); }},
  };
  for (const auto& [name, act] : bad) {
    INFO(name);
    CHECK(code_of(w.write(act)) == Code::kRunState);
  }
  CHECK(size() == before);
  value(w.write([&](Tx& tx) {
    return ledger::transition_run(tx, tenant(), ids.run, RunState::kFailed, kAlice,
                                  {{"error", "step match"}});
  }));
  CHECK(code_of(w.write([&](Tx& tx) {
          return ledger::transition_run(tx, tenant(), ids.run, RunState::kRunning, kAlice);
        })) == Code::kRunState);
  CHECK(code_of(w.write([&](Tx& tx) {
          return ledger::start_step(tx, tenant(), ids.run, step_id("match"), 1, hash, hash, kAlice);
        })) == Code::kRunState);
  CHECK(value(ledger::get_run(w.ledger, tenant(), ids.run)).error == Json("step match"));
  require_sound(w.ledger);
}

TEST_CASE("a resumed run says so, and its interrupted step is tried again") {
  World w;
  const JobAndRun ids = begin_run(w.ledger, "t", w.entropy);
  const Digest hash = Digest::of("x");
  value(w.write([&](Tx& tx) {
    return ledger::start_step(tx, tenant(), ids.run, step_id("index"), 1, hash, hash, kAlice);
  }));
  value(w.write([&](Tx& tx) -> Result<void> {
    TRY(ledger::transition_run(tx, tenant(), ids.run, RunState::kRunning, kAlice));
    return ledger::start_step(tx, tenant(), ids.run, step_id("index"), 2, hash, hash, kAlice);
  }));
  const auto lines = value(ledger::history_of(w.ledger, tenant(), "run:" + ids.run.str(), false, UINT64_MAX));
  CHECK(value(parse_json(lines.back().line, "event"))["kind"] == "run.resumed");
  CHECK(value(ledger::steps_of(w.ledger, tenant(), ids.run))[0].attempt == 2);
  CHECK(value(ledger::list_runs(w.ledger, tenant(), {.unfinished = true})).size() == 1);
  require_sound(w.ledger);
}

TEST_CASE(
    "a step is found in the cache by its hash, of the same tenant, and only when it did the work itself") {
  World w;
  const JobAndRun first = begin_run(w.ledger, "one", w.entropy);
  const Digest hash = Digest::of("hash of index");
  CHECK_FALSE(value(ledger::cached_step(w.ledger, tenant(), hash)));
  value(w.write([&](Tx& tx) { return run_step(tx, tenant(), first.run, "index"); }));
  const auto found = value(ledger::cached_step(w.ledger, tenant(), hash));
  REQUIRE(found);
  CHECK(found->run == first.run);
  CHECK_FALSE(value(ledger::cached_step(w.ledger, tenant("other"), hash)));
  const JobAndRun second = begin_run(w.ledger, "two", w.entropy, kStart + Millis(5));
  value(w.ledger.write(kStart + Millis(5), [&](Tx& tx) {
    return ledger::succeed_step(tx, tenant(), second.run, step_id("index"), hash, some_outputs("index"),
                                first.run, kAlice);
  }));
  const auto step = value(ledger::steps_of(w.ledger, tenant(), second.run))[0];
  CHECK(step.state == StepState::kCached);
  CHECK(step.from_run == first.run);
  CHECK(step.outputs_hash == found->outputs_hash);
  CHECK(value(ledger::cached_step(w.ledger, tenant(), hash))->run == first.run);
  require_sound(w.ledger);
}

TEST_CASE("a run is found by a prefix that fits it alone, and never across tenants") {
  World w;
  const auto id = [](const std::string& text) { return value(RunId::parse(text)); };
  const JobId job = new_id<JobId>(w.entropy);
  value(w.write([&](Tx& tx) -> Result<void> {
    TRY(jobs::submit(tx, tenant(), pack_run(job, "j"), kAlice));
    TRY(ledger::create_run(tx, tenant(), two_step_run(id("01234567-0000-7000-8000-000000000001"), job, "a"),
                           kAlice));
    TRY(ledger::create_run(tx, tenant(), two_step_run(id("01234567-0000-7000-8000-0000000000f2"), job, "b"),
                           kAlice));
    TRY(ledger::create_run(tx, tenant(), two_step_run(id("ffffffff-0000-7000-8000-000000000001"), job, "c"),
                           kAlice));
    return {};
  }));
  CHECK(value(ledger::find_run(w.ledger, tenant(), "ffff")).id.str().starts_with("ffffffff"));
  CHECK(value(ledger::find_run(w.ledger, tenant(), "01234567-0000-7000-8000-0000000000f")).run_token == "b");
  CHECK(code_of(ledger::find_run(w.ledger, tenant(), "0123")) == Code::kUsage);
  CHECK(code_of(ledger::find_run(w.ledger, tenant(), "012")) == Code::kUsage);
  CHECK(code_of(ledger::find_run(w.ledger, tenant(), "abcd")) == Code::kNotFound);
  CHECK(code_of(ledger::find_run(w.ledger, tenant("other"), "ffff")) == Code::kNotFound);
  CHECK(code_of(ledger::get_run(w.ledger, tenant("other"), id("ffffffff-0000-7000-8000-000000000001"))) ==
        Code::kNotFound);
  CHECK(value(ledger::list_runs(w.ledger, tenant("other"))).empty());
  std::string tokens;
  std::optional<ledger::RunRow> after;
  for (int i = 0; i < 3; ++i) {
    const auto page = value(ledger::list_runs(w.ledger, tenant(), {.after = after, .limit = 1}));
    REQUIRE(page.size() == 1);
    tokens += page[0].run_token;
    after = page[0];
  }
  CHECK(tokens == "abc");
  CHECK(value(ledger::list_runs(w.ledger, tenant(), {.newest_first = true}))[0].run_token == "c");
  CHECK(value(ledger::list_runs(w.ledger, tenant(), {.created_below = 3})).size() == 1);
}

TEST_CASE("the catalog follows imports: activation, floor, items, DAGs, pruning") {
  World w;
  const TenantId t = tenant();
  value(w.write([&](Tx& tx) { return ledger::record_import(tx, t, small_import(7), kAlice); }));
  value(w.write([&](Tx& tx) { return ledger::record_import(tx, t, small_import(UINT64_MAX), kAlice); }));
  CHECK(value(ledger::active_bundle(w.ledger, t, bundle_id()))->generation == UINT64_MAX);
  CHECK(value(ledger::generation_floor(w.ledger, t, bundle_id())) == UINT64_MAX);
  const auto list = value(ledger::list_bundles(w.ledger, t));
  REQUIRE(list.size() == 2);
  CHECK(list[0].generation == 7);
  CHECK_FALSE(list[0].active);
  CHECK(list[1].manifest_sha256 == Digest::of("manifest " + std::to_string(UINT64_MAX)));
  CHECK(value(ledger::generations_of(w.ledger, t, bundle_id()))[0].generation == UINT64_MAX);
  const auto items = value(ledger::list_items(w.ledger, t, bundle_id(), 7, "data/osv"));
  REQUIRE(items.size() == 2);
  CHECK(items[0].path == "data/osv/a.json");
  CHECK(value(ledger::list_items(w.ledger, t, bundle_id(), 7, "data/os")).empty());
  CHECK(value(ledger::list_items(w.ledger, t, bundle_id(), 7, "data/osv/a.json")).size() == 1);
  CHECK(value(ledger::list_items(w.ledger, t, bundle_id(), 7)).size() == 3);
  CHECK(value(ledger::get_item(w.ledger, t, bundle_id(), 7, "plugins/osv-index/1.0.0/run"))->executable);
  CHECK(value(ledger::blob_referenced(w.ledger, Digest::of("run"))));
  CHECK_FALSE(value(ledger::blob_referenced(w.ledger, Digest::of("nobody"))));
  CHECK(value(ledger::get_dag(w.ledger, t, dag_id(), "1.0.0"))->digest == Digest::of(R"({"kind":"Dag"})"));
  CHECK(value(ledger::list_dags(w.ledger, t)).size() == 1);
  auto second = small_import(3);  // another product line has its own active generation
  second.bundle = bundle_id("aaa-feed");
  value(w.write([&](Tx& tx) { return ledger::record_import(tx, t, second, kAlice); }));
  CHECK(value(ledger::active_bundle(w.ledger, t, bundle_id()))->generation == UINT64_MAX);
  CHECK(value(ledger::active_bundle(w.ledger, t, bundle_id("aaa-feed")))->generation == 3);
  CHECK(value(ledger::active_bundles(w.ledger, t)).size() == 2);
  CHECK(value(ledger::newest_bundle(w.ledger, t, bundle_id("aaa-feed")))->generation == 3);
  CHECK(value(ledger::list_bundles(w.ledger, tenant("other"))).empty());
  CHECK_FALSE(value(ledger::active_bundle(w.ledger, tenant("other"), bundle_id())));

  CHECK(code_of(w.write([&](Tx& tx) {
          return ledger::prune_bundle(tx, t, bundle_id(), UINT64_MAX, kAlice);
        })) == Code::kUsage);
  CHECK(code_of(w.write([&](Tx& tx) { return ledger::prune_bundle(tx, t, bundle_id(), 8, kAlice); })) ==
        Code::kNotFound);
  auto reused = small_import(7);
  reused.manifest = "another";
  CHECK(code_of(w.write([&](Tx& tx) { return ledger::record_import(tx, t, reused, kAlice); })) ==
        Code::kGenerationReused);
  auto other_dag = small_import(9);
  other_dag.dags[0].spec = "{}";
  CHECK(code_of(w.write([&](Tx& tx) { return ledger::record_import(tx, t, other_dag, kAlice); })) ==
        Code::kAlreadyExists);
  auto repeated = small_import(9);
  repeated.items =
      ledger::items_from({{"a", Digest::of("a"), 1, false, ""}, {"a", Digest::of("a"), 1, false, ""}});
  CHECK_FALSE(w.write([&](Tx& tx) { return ledger::record_import(tx, t, repeated, kAlice); }));
  CHECK(value(ledger::list_bundles(w.ledger, t)).size() == 3);

  value(w.write([&](Tx& tx) {
    return ledger::record_import(tx, t, small_import(7), kAlice);
  }));  // again: active once more
  CHECK(value(ledger::active_bundle(w.ledger, t, bundle_id()))->generation == 7);
  value(w.write([&](Tx& tx) { return ledger::prune_bundle(tx, t, bundle_id(), UINT64_MAX, kAlice); }));
  CHECK(value(ledger::list_bundles(w.ledger, t)).size() == 2);
  CHECK(value(ledger::generation_floor(w.ledger, t, bundle_id())) == UINT64_MAX);
  require_sound(w.ledger);
}

TEST_CASE("many items are read in chunks, each once and in order") {
  World w;
  ledger::NewImport import = small_import(1);
  int made = 0;
  import.items = [&]()->Result<std::optional<ledger::ItemRow>> {
    if (made == 2500) return std::optional<ledger::ItemRow>();
  const std::string number = std::to_string(10000 + 2500 - made++);
  return std::optional(ledger::ItemRow{"data/" + number, Digest::of(number), 1, false, ""});
};
value(w.write([&](Tx& tx) { return ledger::record_import(tx, tenant(), import, kAlice); }));
for (const std::string folder : {"", "data"}) {
  std::string last;
  int seen = 0;
  value(ledger::for_each_item(w.ledger, tenant(), bundle_id(), 1, folder,
                              [&](const ledger::ItemRow& item) -> Result<void> {
                                CHECK(item.path > last);
                                last = item.path;
                                ++seen;
                                return {};
                              }));
  CHECK(seen == 2500);
}
}

TEST_CASE("governance events show in their lists") {
  World w;
  fill(w.ledger);
  CHECK(value(ledger::list_quotas(w.ledger, tenant())).at(0).body == Json{{"maxActive", 5}});
  CHECK(value(ledger::list_throttles(w.ledger, tenant())).at(0).scope == "tenant");
  CHECK(value(ledger::list_approvals(w.ledger, tenant())).at(0).state == "pending");
  const auto incidents = value(ledger::list_incidents(w.ledger, tenant()));
  REQUIRE(incidents.size() == 1);
  CHECK(incidents[0].code == "dead_letter");
  CHECK(incidents[0].id == "incident:" + std::to_string(incidents[0].opened_seq));
  CHECK(value(ledger::list_dead_letters(w.ledger, tenant())).size() == 1);
  value(w.write([&](Tx& tx) -> Result<void> {
    TRY(tx.append(tenant(), {"incident.resolved", incidents[0].id, kAlice, Json{{"state", "open"}},
                             Json{{"state", "resolved"}}}));
    TRY(tx.append(tenant(), {"quota.changed",
                             "quota:tenant",
                             kAlice,
                             Json{{"maxActive", 5}},
                             std::nullopt,
                             {{"scope", "tenant"}, {"kind", "active"}}}));
    const auto gate = value(ledger::list_approvals(tx, tenant())).at(0);
    TRY(tx.append(tenant(), {"approval.updated",
                             "run:" + gate.run.str() + "/step:" + gate.gate.str(),
                             kAlice,
                             Json{{"state", "pending"}},
                             Json{{"state", "approved"}},
                             {{"decisions", Json::array({"bob"})}}}));
    return {};
  }));
  CHECK(value(ledger::list_incidents(w.ledger, tenant())).at(0).state == "resolved");
  CHECK(value(ledger::list_quotas(w.ledger, tenant())).empty());
  CHECK(value(ledger::list_approvals(w.ledger, tenant())).at(0).state == "approved");
  CHECK(value(ledger::list_incidents(w.ledger, tenant("other"))).empty());
  require_sound(w.ledger);
}
