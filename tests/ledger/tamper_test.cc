// Edits made with the sqlite3 program, under the program's feet. Each is found, and the finding says where.
#include "tests/ledger/support.h"

#include "base/merkle.h"

using namespace airlock;
using namespace airlock::testing;

namespace {

// A filled ledger, made once; each case works on its own copy.
const std::string& original() {
  static const TempDir dir;
  static const std::string path = dir / "ledger.db";
  static const bool made = [] {
    Ledger ledger = open(path);
    fill(ledger);
    require_sound(ledger);
    return true;
  }();
  REQUIRE(made);
  return path;
}

std::string trigger_sql(const std::string& name) {
  const std::string schema =
      value(read_file(std::string(AIRLOCK_SOURCE_DIR) + "/ledger/schema/001_initial.sql", 1 << 20));
  const std::size_t from = schema.find("CREATE TRIGGER " + name + " ");
  REQUIRE(from != std::string::npos);
  return schema.substr(from, schema.find("END;", from) + 4 - from);
}

// As a careful intruder: the trigger goes, the edit is made, the trigger comes back.
std::string past_trigger(const std::string& name, const std::string& edit) {
  return "DROP TRIGGER " + name + "; " + edit + "; " + trigger_sql(name);
}

std::string line_at(const std::string& file, std::uint64_t seq) {
  return value(ledger::history(open(file), tenant(), seq, seq + 1)).at(0).line;
}

struct Case {
  std::string name, sql, expect;
};

std::vector<Case> cases() {
  std::string forged = line_at(original(), 3);
  forged.replace(forged.find("alice"), 5, "carol");
  const std::string forged_hash = to_hex(merkle_leaf(forged).raw());
  return {
      {"a line is edited",
       past_trigger("job_history_no_update",
                    "UPDATE job_history SET line = replace(line, 'alice', 'carol') WHERE seq = 3"),
       "acme seq 3: the leaf hash does not follow from the line"},
      {"a line and its leaf hash are edited",
       past_trigger("job_history_no_update", "UPDATE job_history SET line = '" + forged +
                                                 "', leaf_hash = x'" + forged_hash + "' WHERE seq = 3"),
       "has another root than the events"},
      {"a line is written with white space",
       past_trigger("job_history_no_update", "UPDATE job_history SET line = line || ' ' WHERE seq = 2"),
       "acme seq 2: "},
      {"an event in the middle is deleted",
       past_trigger("job_history_no_delete", "DELETE FROM job_history WHERE seq = 5"), "seq 5 is missing"},
      {"two events change places",
       past_trigger(
           "job_history_no_update",
           "UPDATE job_history SET seq = -1 WHERE seq = 4; UPDATE job_history SET seq = 4 WHERE seq = 5; UPDATE job_history SET seq = 5 WHERE seq = -1"),
       "acme seq 4: the line names seq 5"},
      {"the last events are deleted",
       past_trigger("job_history_no_delete", "DELETE FROM job_history WHERE seq > 25"), "acme"},
      {"the signed events are deleted",
       past_trigger("job_history_no_delete", "DELETE FROM job_history WHERE seq > 5"),
       "the log ends here, but a checkpoint"},
      {"all events are deleted", past_trigger("job_history_no_delete", "DELETE FROM job_history"), "acme"},
      {"an event is added behind the program's back",
       "INSERT INTO job_history SELECT tenant, (SELECT max(seq) + 1 FROM job_history), ts, subject, line, leaf_hash FROM job_history WHERE seq = 0",
       "the line names seq 0"},
      {"the subject beside a line is edited",
       past_trigger("job_history_no_update", "UPDATE job_history SET subject = 'job:x' WHERE seq = 1"),
       "job_history: row 1 has subject"},
      {"the trigger is dropped", "DROP TRIGGER job_history_no_update",
       "trigger job_history_no_update is missing"},
      {"the trigger is disarmed",
       "DROP TRIGGER job_history_no_delete; CREATE TRIGGER job_history_no_delete BEFORE DELETE ON job_history BEGIN SELECT 1; END",
       "trigger job_history_no_delete is different"},
      {"a table is added", "CREATE TABLE extra (x)", "table extra was added"},
      {"a checkpoint's signature is edited",
       past_trigger(
           "checkpoints_no_update",
           "UPDATE checkpoints SET note = substr(note, 1, length(note) - 20) || 'AAAA' || substr(note, -16)"),
       "the checkpoint of size"},
      {"a checkpoint's root is edited",
       past_trigger("checkpoints_no_update", "UPDATE checkpoints SET root = zeroblob(32)"),
       "has another root than the events"},
      {"a checkpoint is deleted", past_trigger("checkpoints_no_delete", "DELETE FROM checkpoints"),
       "log_heads: row acme has checkpoint_size"},
      {"the head is edited", "UPDATE log_heads SET nodes = zeroblob(length(nodes))",
       "log_heads: row acme has nodes"},
      {"the head is set back", "UPDATE log_heads SET size = size - 1", "log_heads: row acme has size"},
      {"the head is deleted", "DELETE FROM log_heads", "log_heads: row acme is missing"},
      {"a run's state is edited",
       past_trigger("runs_frozen", "UPDATE runs SET state = 'failed' WHERE state = 'succeeded'"),
       "has state \"failed\", its events say \"succeeded\""},
      {"a run's rationale is edited", past_trigger("runs_frozen", "UPDATE runs SET rationale = 'because'"),
       "runs: row"},
      {"a run's outputs hash is edited",
       past_trigger("runs_frozen", "UPDATE runs SET outputs_hash = zeroblob(32) WHERE ended_at IS NOT NULL"),
       "has outputs_hash"},
      {"an open run is ended", "UPDATE runs SET state = 'succeeded' WHERE state = 'running'",
       "has state \"succeeded\", its events say \"running\""},
      {"a run is deleted", past_trigger("runs_no_delete", "DELETE FROM runs WHERE state = 'running'"),
       "runs: "},
      {"a step's state is edited",
       past_trigger("steps_frozen",
                    "UPDATE steps SET state = 'cached' WHERE step_id = 'index' AND state = 'succeeded'"),
       "steps: row"},
      {"a planned step is deleted",
       past_trigger("steps_no_delete", "DELETE FROM steps WHERE state = 'pending' AND step_id = 'match'"),
       "has not the steps that were planned"},
      {"a planned step's plugin is edited", "UPDATE steps SET plugin = 'evil@1.0.0' WHERE state = 'pending'",
       "has not the steps that were planned"},
      {"an attempt's evidence is edited",
       past_trigger("attempts_no_update", "UPDATE attempts SET evidence = '{}'"), "attempts: row"},
      {"an attempt is deleted", past_trigger("attempts_no_delete", "DELETE FROM attempts"), "attempts: row"},
      {"an artifact's digest is edited",
       past_trigger(
           "artifacts_no_update",
           "UPDATE artifacts SET digest = zeroblob(32) WHERE path = 'out.json' AND step_id = 'match'"),
       "artifacts: step"},
      {"an artifact is deleted", past_trigger("artifacts_no_delete", "DELETE FROM artifacts"),
       "artifacts: step"},
      {"an artifact is added",
       "INSERT INTO artifacts SELECT tenant, run_id, step_id, 'evil', digest, size, executable, media_type FROM artifacts LIMIT 1",
       "artifacts: step"},
      {"a job's priority is edited", past_trigger("jobs_no_update", "UPDATE jobs SET priority = 9"),
       "jobs: row"},
      {"a queued job jumps the queue", "UPDATE ready SET rank = 0", "ready: "},
      {"a queued job is taken away", "DELETE FROM ready", "ready: row"},
      {"a finished job is reopened", "DELETE FROM finished", "finished: row"},
      {"a waiting job's time is edited", "UPDATE waiting SET next_eligible_at = 0", "waiting: row"},
      {"a lease changes hands", "UPDATE leases SET worker = 'mallory'", "leases: row"},
      {"a dead letter is lost", "DELETE FROM dead_letters", "dead_letters: row"},
      {"an incident is closed", "UPDATE incidents SET state = 'resolved'", "incidents: row"},
      {"a quota is raised", "UPDATE quotas SET body = '{\"maxActive\":500}'", "quotas: row"},
      {"a throttle is lifted", "DELETE FROM throttles", "throttles: row"},
      {"an approval is given", "UPDATE approvals SET state = 'approved'", "approvals: row"},
      {"a bundle is switched off", "UPDATE bundle_catalog SET active = 0", "bundle_catalog: row"},
      {"a bundle item is edited",
       past_trigger("bundle_items_no_update",
                    "UPDATE bundle_items SET digest = zeroblob(32) WHERE path LIKE '%a.json'"),
       "bundle_items: acme-kit"},
      {"a bundle item is deleted", "DELETE FROM bundle_items WHERE path LIKE '%a.json'",
       "bundle_items: acme-kit"},
      {"the generation floor is lowered", "UPDATE bundle_floors SET generation = '00000000000000000000'",
       "bundle_floors: row"},
      {"a DAG is exchanged", past_trigger("dags_no_update", "UPDATE dags SET digest = zeroblob(32)"),
       "dags: row"},
      {"an edge of a DAG is deleted", "DELETE FROM dag_edges", "dag_edges: row"},
      {"a document is edited", past_trigger("documents_no_update", "UPDATE documents SET bytes = 'x'"),
       "documents: "},
      {"a document is deleted", past_trigger("documents_no_delete", "DELETE FROM documents"), "is missing"},
      {"the site's name is edited", "UPDATE meta SET value = '0000000000000000' WHERE key = 'instance'",
       "the checkpoint of size"},
      {"a tenant is invented",
       "INSERT INTO quotas (tenant, scope, kind, body, changed_seq, changed_at) VALUES ('ghost', 'tenant', 'active', '{}', 0, 0)",
       "ghost: quotas: rows of a tenant without a log"},
  };
}

}  // namespace

TEST_CASE("every edit made with the sqlite3 program is found and named") {
  for (const Case& c : cases()) {
    INFO(c.name);
    const TempDir dir;
    const std::string copy = dir / "ledger.db";
    std::filesystem::copy_file(original(), copy);
    REQUIRE(sqlite3_program(copy, c.sql) == 0);
    const auto report = check(open(copy));
    INFO(text_of(report));
    CHECK_FALSE(report.ok());
    CHECK(text_of(report).find(c.expect) != std::string::npos);
  }
}

TEST_CASE("the sqlite3 program cannot edit history while the triggers stand") {
  for (const std::string sql :
       {"UPDATE job_history SET line = '' WHERE seq = 1", "DELETE FROM job_history",
        "DELETE FROM checkpoints", "UPDATE jobs SET priority = 1", "DELETE FROM jobs",
        "UPDATE checkpoints SET note = ''", "DELETE FROM runs",
        "UPDATE runs SET state = 'failed' WHERE ended_at IS NOT NULL", "UPDATE documents SET bytes = ''"}) {
    INFO(sql);
    CHECK(sqlite3_program(original(), sql + "; SELECT 1") != 0);
  }
  require_sound(open(original()));
}

TEST_CASE("a bit of an event that flips on disk is found") {
  const std::string bytes = value(read_file(original(), 1 << 26));
  constexpr std::string_view kActor = "\"actor\":\"alice\"";
  int tried = 0;
  for (std::size_t at = bytes.find(kActor); at != std::string::npos; at = bytes.find(kActor, at + 1)) {
    INFO("offset " << at);
    const TempDir dir;
    std::string changed = bytes;
    changed[at + 10] = static_cast<char>(changed[at + 10] ^ 1);
    std::ofstream(dir / "ledger.db", std::ios::binary) << changed;
    const auto report = check(open(dir / "ledger.db"));
    CHECK_FALSE(report.ok());
    if (++tried == 8) break;
  }
  CHECK(tried == 8);
}
