// What a step can neither reach nor tell: the runner, its descriptors and files, and the steps beside and after it.
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <sstream>

#include "base/digest.h"
#include "fixture.h"
#include "sandbox/host.h"
#include "sandbox/sys.h"

using namespace kernel_test;

namespace {

constexpr int kHeld = 77;

Digest own_program() { return Digest::of(read_text("/proc/self/exe")); }

}  // namespace

TEST_CASE("E1: the runner's program cannot be written, not even by way of an interpreter", "[isolation]") {
  Sandbox box;
  const Digest before = own_program();
  const Finished finished = box.run({"interpreter-chain"});
  INFO(box.out_text() << box.err_text());
  CHECK(finished.outcome.value == kHeld);
  CHECK(own_program() == before);
}

TEST_CASE("E2: there is nothing above the root, nor above what is open", "[isolation]") {
  Sandbox box;
  CHECK(box.run({"climb"}).outcome.value == kHeld);
}

TEST_CASE("E3: where a link stands in the way of a mount source, it is not opened", "[isolation]") {
  TempDir dir;
  const std::string folder = dir.path() + "/folder", link = dir.path() + "/link";
  REQUIRE(::mkdir(folder.c_str(), 0755) == 0);
  REQUIRE(::mkdir((folder + "/data").c_str(), 0755) == 0);
  REQUIRE(::symlink(folder.c_str(), link.c_str()) == 0);
  CHECK(sys::open_tree_without_links(link.c_str(), false) == -ELOOP);
  CHECK(sys::open_tree_without_links((link + "/data").c_str(), false) == -ELOOP);
  if (::geteuid() != 0) return skip("an ordinary user opens its sources inside a step's namespaces");
  const UniqueFd opened(static_cast<int>(sys::open_tree_without_links((folder + "/data").c_str(), false)));
  CHECK(opened);
}

TEST_CASE("E23: what decides about a step is in no file that a step could write", "[isolation]") {
  Sandbox box;
  const int seals = ::fcntl(box.host->impl().init_file.get(), F_GET_SEALS);
  CHECK((seals & (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL)) == (F_SEAL_WRITE | F_SEAL_SHRINK | F_SEAL_GROW | F_SEAL_SEAL));
  const Finished first = box.run({"E1-exe-of-init"}), second = box.run({"succeed"});
  CHECK(first.evidence.seccomp_digest == second.evidence.seccomp_digest);
  CHECK(second.evidence.seccomp_digest == *profile_digest());
}

TEST_CASE("X4: an output's descriptor reaches nobody outside, and what was hashed stays as it is", "[isolation]") {
  Sandbox box;
  const Finished finished = box.run({"ship-descriptor"});
  CHECK(finished.outcome.value == kHeld);
  CHECK(harvest_all(finished)->paths == std::vector<std::string>{"kept"});
}

TEST_CASE("X6: a pair of sockets cannot be turned towards the host", "[isolation]") {
  Sandbox box;
  CHECK(box.run({"reconnect-pair"}).outcome.value == kHeld);
}

TEST_CASE("X10: a step sees no process but its own", "[isolation]") {
  Sandbox box;
  CHECK(box.run({"print-processes"}).outcome.value == 0);
  std::istringstream seen(box.out_text());
  for (int pid = 0; seen >> pid;) CHECK(pid <= 2);  // the init and itself
}

TEST_CASE("L2: a lock on an input is seen by a step that has the same file, and by that alone", "[isolation]") {
  // Not prevented: both were given the file by the runner, and programs need locks. A bit a moment can pass so between
  // two steps that run at the same time; docs/sandbox.md says so.
  Sandbox box;
  CHECK(box.run({"lock-input"}).outcome.value == 0);
  CHECK(box.run({"lock-input"}).outcome.value == 0);  // the first step's lock ended with it
}

TEST_CASE("L3: a step learns no name of a control group", "[isolation]") {
  Sandbox box;
  CHECK(box.run({"print-groups"}).outcome.value == 0);
  std::istringstream lines(box.out_text());
  int count = 0;
  for (std::string line; std::getline(lines, line); ++count) CHECK((line.ends_with(":/") || !box.has(Layer::kCgroup)));
  CHECK(count > 0);
}

TEST_CASE("P5: a folder that is swapped for a link to the end is harvested as what it was at the end, or refused", "[isolation]") {
  Sandbox box;
  for (int round = 0; round < 20; ++round) {
    const Finished finished = box.run({"flap"});
    CHECK(descendants().empty());
    const auto got = harvest_all(finished);
    if (got) CHECK(got->texts == std::vector<std::string>{"inside"});
    else CHECK(got.error().code == Code::kStepOutputRefused);
  }
  CHECK(read_text(box.dir() + "/data/canary") == "sing");
}
