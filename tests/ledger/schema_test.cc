// The file itself: made, opened, refused, cut, locked, shared, copied.
#include "tests/ledger/support.h"

#include <signal.h>
#include <sqlite3.h>
#include <sys/stat.h>

#include "ledger/schema.h"
#include "ledger/sqlite.h"

using namespace airlock;
using namespace airlock::testing;

namespace {

Result<std::uint64_t> append_one(Ledger& ledger, const std::string& text = "x") {
  return ledger.write(kStart, [&](Tx& tx) {
    return tx.append(tenant(), {"audit.noted", "note:1", kAlice, {}, {}, {{"text", text}}});
  });
}

// Runs `act` in a process without any privilege; its exit status.
template <class Act>
int as_nobody(Act&& act) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    if (::geteuid() == 0 && (::setgid(65534) != 0 || ::setuid(65534) != 0)) ::_exit(99);
    ::_exit(act());
  }
  int status = 0;
  ::waitpid(pid, &status, 0);
  return WIFEXITED(status) ? WEXITSTATUS(status) : 128;
}

}  // namespace

TEST_CASE("a ledger is made with its whole schema, private, and only when asked to") {
  const TempDir dir;
  CHECK(code_of(Ledger::open(dir / "ledger.db", Options{})) == Code::kNotFound);
  {
    Ledger ledger = open(dir / "ledger.db");
    value(ledger.quick_check());
    CHECK(ledger.instance() == site_key().key_id().substr(0, 16));
  }
  struct stat st {};
  REQUIRE(::stat((dir / "ledger.db").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  CHECK(open(dir / "ledger.db", Options{}).instance() == site_key().key_id().substr(0, 16));
  for (const auto& entry : std::filesystem::directory_iterator(dir.path()))
    CHECK(entry.path().filename().string().starts_with("ledger.db"));
}

TEST_CASE("what a crash leaves of making a ledger is no ledger, and the next open makes one") {
  const TempDir dir;
  std::ofstream(dir / ".airlock-leftover") << "half a ledger";
  Ledger ledger = open(dir / "ledger.db");
  value(append_one(ledger));
  require_sound(ledger);
}

TEST_CASE("pages of the specification are in the schema") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  const std::string schema = value(ledger::schema_text(ledger.db()));
  for (const char* table : {"jobs",           "job_history",  "runs",         "steps",        "attempts",
                            "artifacts",      "dags",         "dag_edges",    "schedules",    "sources",
                            "quotas",         "throttles",    "incidents",    "approvals",    "leases",
                            "bundle_catalog", "bundle_items", "airgap_state", "dead_letters", "checkpoints"})
    CHECK(schema.find("table " + std::string(table) + "\n") != std::string::npos);
}

TEST_CASE("C100 a file that is no ledger of this version is refused, and left as it is") {
  const TempDir dir;
  const auto refuse = [&](const std::string& name, Code want) {
    INFO(name);
    const std::string before = value(read_file(dir / name, 1 << 24));
    CHECK(code_of(Ledger::open(dir / name, writable())) == want);
    Options reading;
    reading.read_only = true;
    CHECK(code_of(Ledger::open(dir / name, reading)) == want);
    CHECK(value(read_file(dir / name, 1 << 24)) == before);
  };
  std::ofstream(dir / "text.db")
      << "this is not a database at all, but it is long enough to have a header of a hundred bytes, or more, as it happens";
  refuse("text.db", Code::kLedgerCorrupt);
  std::ofstream(dir / "empty.db") << "";
  refuse("empty.db", Code::kLedgerCorrupt);
  REQUIRE(sqlite3_program(
              dir / "foreign.db",
              "CREATE TABLE meta (key, value); INSERT INTO meta VALUES ('schema_version', '1')") == 0);
  refuse("foreign.db", Code::kLedgerCorrupt);
  { open(dir / "newer.db"); }
  REQUIRE(sqlite3_program(dir / "newer.db", "UPDATE meta SET value = '99' WHERE key = 'schema_version'") ==
          0);
  refuse("newer.db", Code::kLedgerSchema);
  { open(dir / "unversioned.db"); }
  REQUIRE(sqlite3_program(dir / "unversioned.db", "DELETE FROM meta") == 0);
  refuse("unversioned.db", Code::kLedgerCorrupt);
}

TEST_CASE(
    "an older ledger is brought up to date in one transaction a step, an interrupted one is as before") {
  const TempDir dir;
  // Version 0 is an empty database: what a migration starts from.
  REQUIRE(sqlite3_program(dir / "old.db", "PRAGMA journal_mode=WAL; CREATE TABLE t (x); DROP TABLE t") == 0);
  auto db = value(sql::Connection::open(dir / "old.db", sql::Mode::kReadWrite, "", Millis(1000)));
  value(db->script("BEGIN IMMEDIATE"));
  value(db->script(std::string(ledger::migrations()[0])));
  db.reset();  // gone before COMMIT
  db = value(sql::Connection::open(dir / "old.db", sql::Mode::kReadWrite, "", Millis(1000)));
  CHECK(code_of(ledger::require_current(*db)) == Code::kLedgerCorrupt);
  value(ledger::migrate(*db));
  value(ledger::migrate(*db));
  value(ledger::require_current(*db));
  db.reset();
  Ledger fresh = open(dir / "fresh.db"), migrated = open(dir / "old.db");
  CHECK(value(ledger::schema_text(migrated.db())) == value(ledger::schema_text(fresh.db())));
  value(append_one(migrated));
  require_sound(migrated);
}

TEST_CASE("a cut ledger is refused or found, never half-read") {
  const TempDir dir;
  {
    Ledger ledger = open(dir / "ledger.db");
    fill(ledger);
  }
  const std::string whole = value(read_file(dir / "ledger.db", 1 << 26));
  for (std::size_t size = 0; size < whole.size(); size += size < 8192 ? 512 : 8192) {
    INFO("cut to " << size);
    std::ofstream(dir / "cut.db", std::ios::binary | std::ios::trunc) << whole.substr(0, size);
    CHECK(code_of(Ledger::open(dir / "cut.db", writable(&site_key()))) == Code::kLedgerCorrupt);
  }
}

TEST_CASE("a ledger that another writer holds is busy, and reading goes on") {
  const TempDir dir;
  Options impatient = writable(&site_key());
  impatient.busy_timeout = Millis(20);
  Ledger first = open(dir / "ledger.db"), second = open(dir / "ledger.db", impatient);
  value(append_one(first));
  Tx held = value(first.begin(kStart));
  value(held.append(tenant(), {"audit.noted", "note:2", kAlice}));
  CHECK(code_of(second.begin(kStart)) == Code::kLedgerBusy);
  CHECK(value(ledger::log_head(second, tenant())).size() == 1);
  value(held.commit());
  CHECK(value(ledger::log_head(second, tenant())).size() == 2);
  value(append_one(second));
  require_sound(first);
}

TEST_CASE("a snapshot stays at its instant while writing goes on") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  value(append_one(ledger));
  const auto snapshot = value(ledger.snapshot());
  value(append_one(ledger));
  CHECK(value(ledger::log_head(snapshot, tenant())).size() == 1);
  CHECK(value(ledger::log_head(ledger, tenant())).size() == 2);
}

TEST_CASE("a reader that goes by sequence sees every event once while writing goes on, and pins nothing") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db", writable());
  for (int i = 0; i < 20; ++i)
    value(ledger.write(kStart, [&](Tx& tx) -> Result<void> {
      for (int j = 0; j < 100; ++j)
        TRY(tx.append(tenant(),
                      {"audit.noted", "note:1", kAlice, {}, {}, {{"text", std::string(500, 'x')}}}));
      return {};
    }));
  Options reading;
  reading.read_only = true;
  const Ledger reader = open(dir / "ledger.db", reading);
  std::uint64_t seen = 0, biggest = 0;
  value(
      ledger::for_each_line(reader, tenant(), 0, 2000, [&](const ledger::HistoryLine& line) -> Result<void> {
        CHECK(line.seq == seen++);
        if (seen % 10 == 0) {
          value(append_one(ledger, std::string(20'000, 'y')));
          biggest = std::max<std::uint64_t>(biggest, std::filesystem::file_size(dir / "ledger.db-wal"));
        }
        return {};
      }));
  CHECK(seen == 2000);
  CHECK(biggest < 12 * kMiB);  // 200 of these events are 4 MB of text; the log is folded back as it grows
}

TEST_CASE("two processes write to one ledger, and each event has its place") {
  const TempDir dir;
  const std::string path = dir / "ledger.db";
  { open(path); }
  constexpr int kEach = 150;
  const auto work = [&](const std::string& who) {
    Options patient = writable(&site_key());
    patient.busy_timeout = Millis(60'000);
    auto ledger = Ledger::open(path, patient);
    for (int i = 0; ledger && i < kEach; ++i)
      if (!ledger->write(kStart, [&](Tx& tx) {
            return tx.append(tenant(), {"audit.noted", "note:" + who, {who}});
          }))
        return 1;
    return ledger ? 0 : 1;
  };
  std::vector<pid_t> children;
  for (const char* who : {"ann", "ben"}) {
    const pid_t pid = ::fork();
    if (pid == 0) ::_exit(work(who));
    children.push_back(pid);
  }
  for (const pid_t pid : children) {
    int status = 0;
    ::waitpid(pid, &status, 0);
    CHECK(status == 0);
  }
  const Ledger ledger = open(path);
  CHECK(value(ledger::log_head(ledger, tenant())).size() == 2 * kEach);
  CHECK(value(ledger::history_of(ledger, tenant(), "note:ann", false, UINT64_MAX)).size() == kEach);
  require_sound(ledger);
}

TEST_CASE("a folder that cannot be written refuses writers by name, and readers read") {
  const TempDir dir;
  {
    Ledger ledger = open(dir / "ledger.db");
    value(append_one(ledger));
  }
  REQUIRE(::chmod((dir / "ledger.db").c_str(), 0444) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0555) == 0);
  CHECK(as_nobody([&] {
          const auto ledger = Ledger::open(dir / "ledger.db", Options{});
          return !ledger && ledger.error().code == Code::kStateReadOnly ? 0 : 1;
        }) == 0);
  CHECK(as_nobody([&] {
          const auto ledger = Ledger::open(dir / "other.db", writable());
          return !ledger && (ledger.error().code == Code::kPermission ||
                             ledger.error().code == Code::kStateReadOnly)
                     ? 0
                     : 1;
        }) == 0);
  CHECK(as_nobody([&] {
          Options reading;
          reading.read_only = true;
          auto ledger = Ledger::open(dir / "ledger.db", reading);
          if (!ledger) return 1;
          const auto head = ledger::log_head(*ledger, tenant());
          if (!head || head->size() != 1) return 2;
          return ledger->begin(kStart).error().code == Code::kStateReadOnly ? 0 : 3;
        }) == 0);
  REQUIRE(::chmod(dir.path().c_str(), 0700) == 0);
}
