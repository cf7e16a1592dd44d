#include <catch2/catch.hpp>

#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

#include <csignal>
#include <filesystem>

#include "delta_kit.h"
#include "fault_fs.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

std::string catalog_of(const Site& site) {
  std::string out;
  const auto rows = ledger::list_bundles(*site.ledger, tenant()).value();
  for (const auto& row : rows) out += std::to_string(row.generation) + (row.active ? "*" : "") + " ";
  return out;
}

// Every blob has the content its name says, and every item of the active bundle is there.
void check_whole(const Site& site) {
  for (const auto& file : std::filesystem::recursive_directory_iterator(site.home + "/cas/sha256")) {
    if (!file.is_regular_file()) continue;
    const std::string hex = file.path().parent_path().filename().string() + file.path().filename().string();
    REQUIRE(Digest::of(read_whole(file.path().string())).hex() == hex);
  }
  const auto rows = ledger::active_bundles(*site.ledger, tenant()).value();
  for (const auto& row : rows) {
    const auto items = ledger::list_items(*site.ledger, tenant(), row.bundle, row.generation).value();
    for (const auto& item : items) REQUIRE(site.store->read(item.sha256, kGiB));
  }
}

// A home with generation 1, to be copied, and generation 2 as 2.tar.zst.
void prepare(const std::string& home) {
  Site site(home, "a", 1, system_fs());
  write_file(home + "/1.tar.zst", parts(1).file());
  auto second = parts(2, "2.0.0");
  second.members[1].bytes = noise(5'000'000, 5);  // many writes
  list_members(second);
  write_file(home + "/2.tar.zst", second.file());
  REQUIRE(code_of(site.import(home + "/1.tar.zst")) == "accepted");
}

// The same with a delta kit as generation 2: one member made by a patch, one carried, the rest in the base.
void prepare_delta(const std::string& home) {
  Site site(home, "a", 1, system_fs());
  const Delta delta;
  write_file(home + "/1.tar.zst", delta.base.file());
  write_file(home + "/2.tar.zst", delta.kit.file());
  REQUIRE(code_of(site.import(home + "/1.tar.zst")) == "accepted");
}

// Imports generation 2 over 1 with a fault, then checks and imports again. False once the fault lay past the end.
bool sweep_point(const std::string& prepared, Fault fault, std::uint64_t at, bool power) {
  const TempDir dir(memory_folder());
  std::filesystem::copy(prepared, dir / "home", std::filesystem::copy_options::recursive);
  FaultFs fs;
  Site site(dir / "home", "a", 1, fs);
  const std::string two = site.home + "/2.tar.zst";
  fs.forget();
  fs.changes = 0;
  fs.fault = fault;
  fs.at = at;
  const auto outcome = site.import(two);
  const bool fired = fs.fired;
  INFO("fault at change " << at << (fault == Fault::kBefore ? ", before it" : ", after it") << ", outcome " << code_of(outcome));
  if (power) fs.cut_power();
  else fs.forget();
  fs.fired = true;
  if (fired) {
    CHECK(code_of(outcome) == "disk-full");
    CHECK(catalog_of(site) == "1* ");
    CHECK_FALSE(outcome.quarantined);  // the bundle is not at fault
  } else {
    CHECK(catalog_of(site) == "1 2* ");
  }
  check_whole(site);
  CHECK(code_of(site.import(two)) == "accepted");
  CHECK(catalog_of(site) == "1 2* ");
  check_whole(site);
  return fired;
}

// Runs `work` in a child that may be killed; gives its exit status.
template <class Work>
pid_t in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  return child;
}

int wait_for(pid_t child) {
  int status = 0;
  while (::waitpid(child, &status, 0) != child) {
  }
  return status;
}

}  // namespace

TEST_CASE("C092 C095 a fault at any write, sync or rename of an import leaves the site as it was") {
  const TempDir dir(memory_folder());
  prepare(dir / "home");
  for (const Fault fault : {Fault::kBefore, Fault::kAfter}) {
    std::uint64_t at = 0;
    while (sweep_point(dir / "home", fault, at, false)) ++at;
    CHECK(at > 20);
  }
}

TEST_CASE("C092 C094 a fault or a power cut at any change of the import of a delta kit leaves the old or the new generation") {
  const TempDir dir(memory_folder());
  prepare_delta(dir / "home");
  for (const Fault fault : {Fault::kBefore, Fault::kAfter})
    for (const bool power : {false, true}) {
      std::uint64_t at = 0;
      while (sweep_point(dir / "home", fault, at, power)) ++at;
      CHECK(at > 10);
    }
}

TEST_CASE("C094 power lost after any change of an import leaves the old or the new generation, whole") {
  const TempDir dir(memory_folder());
  prepare(dir / "home");
  std::uint64_t at = 0;
  while (sweep_point(dir / "home", Fault::kAfter, at, true)) ++at;
  CHECK(at > 20);
}

TEST_CASE("C093 a kill at any instant leaves the old or the new generation, and the next import completes") {
  const TempDir home(memory_folder());
  const std::string two = home / "2.tar.zst";
  auto second = parts(2, "2.0.0");
  for (int i = 0; i < 60; ++i) second.members.push_back({"data/z" + std::to_string(100 + i), noise(30'000, static_cast<std::uint64_t>(i)), false});
  list_members(second);
  write_file(two, second.file());
  for (int round = 0; round < 24; ++round) {
    const std::string folder = home / ("site" + std::to_string(round));
    {
      Site site(folder, "a", 1, system_fs());
      write_file(folder + "/1.tar.zst", parts(1).file());
      REQUIRE(code_of(site.import(folder + "/1.tar.zst")) == "accepted");
    }
    // The instant is chosen by progress, not by the clock: after `round` calls of it, so that none is missed.
    const pid_t child = in_child([&] {
      Site site(folder, "a", 1, system_fs());
      ImportRequest request = site.request(two);
      int left = round * 3;
      request.progress = [&left](std::uint64_t, std::uint64_t) {
        if (left-- == 0) ::kill(::getpid(), SIGKILL);
      };
      return site.import(two, request).ok() ? 0 : 1;
    });
    const int status = wait_for(child);
    Site site(folder, "a", 1, system_fs());
    INFO("round " << round << ", status " << status);
    CHECK(catalog_of(site) == (WIFSIGNALED(status) ? "1* " : "1 2* "));
    check_whole(site);
    CHECK(code_of(site.import(two)) == "accepted");
    CHECK(catalog_of(site) == "1 2* ");
    check_whole(site);
    // What the killed one left has been swept; but a folder without its lock is so young that an owner may be alive.
    for (const auto& left : std::filesystem::directory_iterator(folder + "/cas/tmp")) CHECK(std::filesystem::is_empty(left));
  }
}

TEST_CASE("C096 imports by several processes take turns, and none is lost") {
  Site site;
  std::vector<pid_t> children;
  for (std::uint64_t generation = 1; generation <= 4; ++generation)
    write_file(site.home + "/" + std::to_string(generation) + ".tar.zst", parts(generation, std::to_string(generation) + ".0.0").file());
  const std::string home = site.home;
  for (int i = 0; i < 6; ++i) {
    children.push_back(in_child([&home, i] {
      Site own(home, "a", 1, system_fs());
      own.entropy = SeededEntropy(static_cast<std::uint64_t>(100 + i));
      const auto outcome = own.import(home + "/" + std::to_string(1 + i % 4) + ".tar.zst");
      return outcome.ok() ? 0 : outcome.verdict.refusal && outcome.verdict.refusal->code == Code::kVersionNonMonotonic ? 8 : 1;
    }));
  }
  std::size_t accepted = 0;
  for (const pid_t child : children) {
    const int status = wait_for(child);
    REQUIRE(WIFEXITED(status));
    CHECK((WEXITSTATUS(status) == 0 || WEXITSTATUS(status) == 8));
    accepted += WEXITSTATUS(status) == 0;
  }
  CHECK(accepted >= 1);
  CHECK(catalog_of(site).ends_with("4* "));  // whatever the order was, the newest is active in the end
  CHECK(site.kinds().size() == children.size());
  check_whole(site);

  const StoreLock held = site.store->lock(Wait::kNo).value();
  ImportRequest request = site.request(home + "/4.tar.zst");
  request.wait = Wait::kNo;
  const auto busy = site.import(request.path, request);
  CHECK(code_of(busy) == "busy");
  CHECK(site.kinds().size() == children.size());
}

TEST_CASE("C092 a full disk is a clean refusal, and room makes it work") {
  if (::geteuid() != 0) {
    WARN("not root: no file system of our own to fill; skipped");
    return;
  }
  const TempDir outside;
  auto large = parts(1);
  large.members[4].bytes = noise(6'000'000, 4);
  list_members(large);
  write_file(outside / "kit.tar.zst", large.file());
  const std::string path = outside / "kit.tar.zst", mount_point = outside / "small";
  std::filesystem::create_directory(mount_point);
  // In a child with its own mounts: nothing of it is seen outside, and it goes with the child.
  const pid_t child = in_child([&]() -> int {
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=4m") != 0) return 77;
    Site site(mount_point, "a", 1, system_fs());
    const auto refused = site.import(path);
    if (code_of(refused) != "disk-full") return 2;
    if (!catalog_of(site).empty()) return 3;
    if (!std::filesystem::is_empty(mount_point + "/cas/tmp")) return 4;  // the room is given back
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_REMOUNT, "size=40m") != 0) return 77;
    return code_of(site.import(path)) == "accepted" && catalog_of(site) == "1* " ? 0 : 5;
  });
  const int status = wait_for(child);
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) WARN("no mounts here: skipped");
  else CHECK(WEXITSTATUS(status) == 0);
}
