#include "tests/ledger/support.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/io.h"
#include "base/limits.h"
#include "base/lock_file.h"

using namespace airlock;
using namespace airlock::testing;

TEST_CASE("a backup made while another process writes is a whole ledger of one instant") {
  const TempDir dir;
  const std::string path = dir / "ledger.db";
  {
    Ledger ledger = open(path);
    fill(ledger);
  }
  int started[2], stop[2];
  REQUIRE((::pipe(started) == 0 && ::pipe(stop) == 0));
  const pid_t child = ::fork();
  if (child == 0) {
    ::close(stop[1]);
    auto ledger = Ledger::open(path, writable(&site_key()));
    ::fcntl(stop[0], F_SETFL, O_NONBLOCK);
    char byte = 0;
    for (int i = 0; ledger && ::read(stop[0], &byte, 1) != 0; ++i) {
      if (!ledger->write(kStart, [](Tx& tx) {
            return tx.append(tenant(), {"audit.noted", "note:1", kAlice});
          }))
        ::_exit(1);
      if (i == 20 && ::write(started[1], "x", 1) != 1) ::_exit(2);
    }
    ::_exit(ledger ? 0 : 3);
  }
  ::close(stop[0]);
  char byte = 0;
  REQUIRE(::read(started[0], &byte, 1) == 1);
  {
    Options patient = writable(&site_key());
    patient.busy_timeout = Millis(60'000);
    const Ledger ledger = open(path, patient);
    for (const char* name : {"one.db", "two.db"}) value(ledger.backup(dir / name));
    CHECK(code_of(ledger.backup(dir / "one.db")) == Code::kAlreadyExists);
    CHECK_FALSE(path_exists(dir / "one.db.partial"));
  }
  ::close(stop[1]);
  int status = 0;
  ::waitpid(child, &status, 0);
  CHECK(status == 0);
  struct stat st {};
  REQUIRE(::stat((dir / "one.db").c_str(), &st) == 0);
  CHECK((st.st_mode & 0777) == 0600);
  const Ledger one = open(dir / "one.db"), two = open(dir / "two.db"), live = open(path);
  require_sound(one);
  require_sound(two);
  CHECK(value(ledger::log_head(one, tenant())).size() <= value(ledger::log_head(two, tenant())).size());
  CHECK(value(ledger::log_head(two, tenant())).size() <= value(ledger::log_head(live, tenant())).size());
  CHECK(value(ledger::list_runs(one, tenant())).size() == 2);
}

TEST_CASE("a backup to a place that cannot be written leaves nothing behind") {
  const TempDir dir;
  const Ledger ledger = open(dir / "ledger.db");
  CHECK(code_of(ledger.backup(dir / "missing/backup.db")) == Code::kNotFound);
  std::filesystem::create_directory(dir / "dir.db.partial");
  CHECK_FALSE(ledger.backup(dir / "dir.db"));
  CHECK_FALSE(path_exists(dir / "dir.db"));
}

TEST_CASE("what a killed backup left does not stop the next") {
  const TempDir dir;
  Ledger ledger = open(dir / "ledger.db");
  std::ofstream(dir / "half.db.partial") << "left by a crash";
  value(ledger.backup(dir / "half.db"));
  require_sound(open(dir / "half.db"));
  CHECK_FALSE(path_exists(dir / "half.db.partial"));

  // Killed between the commit point and its cleaning up; the copy was then moved away.
  std::filesystem::create_hard_link(dir / "half.db", dir / "again.db.partial");
  const std::string earlier = value(read_file(dir / "half.db", 64 * kMiB));
  value(ledger.write(kStart, [](Tx& tx) { return tx.append(tenant(), {"audit.noted", "note:1", kAlice}); }));
  value(ledger.backup(dir / "again.db"));
  require_sound(open(dir / "again.db"));
  CHECK(value(read_file(dir / "half.db", 64 * kMiB)) == earlier);

  const UniqueFd running = value(lock_file(dir / "busy.db.partial", Wait::kNo));
  CHECK(code_of(ledger.backup(dir / "busy.db")) == Code::kBusy);
  CHECK(path_exists(dir / "busy.db.partial"));
}
