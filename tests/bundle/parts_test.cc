#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>

#include "bundle/parts.h"
#include "bundle/split.h"
#include "fault_fs.h"
#include "kill_fs.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;
using manifests::kPartHeaderBytes;
using manifests::PartHeader;

namespace {

constexpr std::uint64_t kPartBytes = kMinPartBytes, kSliceBytes = kPartBytes - kPartHeaderBytes;

// A file that makes `parts` parts, the last of them shorter, and those parts in cut/.
struct Cut {
  explicit Cut(std::uint64_t parts = 4, std::uint64_t seed = 1, const std::string& parent = "/tmp")
      : dir(parent), bytes(noise((parts - 1) * kSliceBytes + 777, seed)) {
    write_file(dir / "kit.tar.zst", bytes);
    made = split_bundle({.path = dir / "kit.tar.zst", .folder = dir / "cut", .part_bytes = kPartBytes}).value();
    REQUIRE(made.size() == parts);
  }
  const std::string& path(std::size_t number) const { return made.at(number - 1).path; }
  const Digest& bundle() const { return made.front().header.bundle; }
  std::string box() const { return dir / "incoming"; }

  TempDir dir;
  std::string bytes;
  std::vector<SplitPart> made;
};

Result<void> add(PartBox& box, PartSet& set, const std::string& path, const PartBox::Progress& progress = {}) {
  const PartFile part = TRY(PartFile::open(path, Limits{}));
  return box.add(set, part, progress);
}

// One command of an operator: opens the box, adds, closes it.
Result<PartSet> add_alone(const std::string& folder, const std::string& path, Fs& fs = system_fs(), const PartBox::Progress& progress = {}) {
  const PartFile part = TRY(PartFile::open(path, Limits{}));
  PartBox box = TRY(PartBox::open(folder, Wait::kYes, fs));
  PartSet set = TRY(box.find(part.header().bundle));
  TRY(box.add(set, part, progress));
  return set;
}

std::string held(const std::string& folder) {
  std::string out;
  const auto sets = PartBox::list(folder).value();
  for (const PartSet& set : sets)
    for (const auto& [number, header] : set.held) out += std::to_string(number) + " ";
  return out;
}

// All held parts are what they should be, byte for byte.
void check_held(const Cut& cut) {
  const auto sets = PartBox::list(cut.box()).value();
  for (const PartSet& set : sets) {
    const std::string joined = read_whole(set.joined());
    for (const auto& [number, header] : set.held) REQUIRE(joined.substr(header.offset, header.bytes) == cut.bytes.substr(header.offset, header.bytes));
  }
}

// Adds what is missing and proves the whole.
void finish(const Cut& cut) {
  PartBox box = PartBox::open(cut.box(), Wait::kNo).value();
  PartSet set = box.find(cut.bundle()).value();
  for (const SplitPart& part : cut.made) REQUIRE(add(box, set, part.path));
  REQUIRE(set.complete());
  REQUIRE(read_whole(box.prove(set).value()) == cut.bytes);
  REQUIRE(box.remove(set));
  REQUIRE(PartBox::list(cut.box()).value().empty());
}

std::uint64_t allocated(const std::string& path) {
  struct stat st{};
  REQUIRE(::stat(path.c_str(), &st) == 0);
  return static_cast<std::uint64_t>(st.st_blocks) * 512;
}

// Runs `work` in a child that may be killed.
template <class Work>
int in_child(Work&& work) {
  const pid_t child = ::fork();
  if (child == 0) ::_exit(work());
  int status = 0;
  while (::waitpid(child, &status, 0) != child) {
  }
  return status;
}

}  // namespace

TEST_CASE("a split bundle is its parts without their headers, and splitting again makes the same parts") {
  const Cut cut(12);
  std::string joined;
  std::vector<std::string> names;
  for (const SplitPart& part : cut.made) {
    const std::string file = read_whole(part.path);
    CHECK(file.size() <= kPartBytes);
    CHECK(Digest::of(file) == part.file_sha256);
    CHECK(Digest::of(file.substr(kPartHeaderBytes)) == part.header.slice);
    joined += file.substr(kPartHeaderBytes);
    names.push_back(part.path);
  }
  CHECK(joined == cut.bytes);
  CHECK(Digest::of(joined) == cut.bundle());
  CHECK(std::ranges::is_sorted(names));  // so that a pattern of the shell joins them in order
  CHECK(names.front().ends_with("/kit.tar.zst.part01-of-12"));
  CHECK(part_name("x", 7, 1200) == "x.part0007-of-1200");
  CHECK(part_name("x", 1, 1) == "x.part01-of-01");
  const auto again = split_bundle({.path = cut.dir / "kit.tar.zst", .folder = cut.dir / "again", .part_bytes = kPartBytes}).value();
  for (std::size_t i = 0; i < again.size(); ++i) CHECK(again[i].file_sha256 == cut.made[i].file_sha256);
  CHECK(split_bundle({.path = cut.dir / "kit.tar.zst", .folder = cut.dir / "cut", .part_bytes = kPartBytes}));  // replaces them
}

TEST_CASE("a split that would make something else than good parts is refused, and leaves nothing") {
  const Cut cut;
  const std::string kit = cut.dir / "kit.tar.zst", out = cut.dir / "out";
  const auto refusal = [&](const std::string& path, const std::string& folder, std::uint64_t size) {
    return split_bundle({.path = path, .folder = folder, .part_bytes = size}).error().code;
  };
  write_file(cut.dir / "empty", "");
  write_file(cut.dir / "renamed", read_whole(cut.path(2)));
  CHECK(refusal(kit, out, kMinPartBytes - 1) == Code::kUsage);
  CHECK(refusal(kit, out, 0) == Code::kUsage);
  CHECK(refusal(cut.dir / "empty", out, kPartBytes) == Code::kUsage);
  CHECK(refusal(cut.path(1), out, kPartBytes) == Code::kUsage);
  CHECK(refusal(cut.dir / "renamed", out, kPartBytes) == Code::kUsage);
  CHECK(refusal(cut.dir / "missing", out, kPartBytes) == Code::kNotFound);
  CHECK(refusal(kit, cut.dir / "cut", 2 * kPartBytes) == Code::kAlreadyExists);  // kit.part* would join both
  // Sparse, so that it costs nothing: one byte too many for the number of parts.
  const std::string huge = cut.dir / "huge";
  write_file(huge, "x");
  REQUIRE(::truncate(huge.c_str(), static_cast<off_t>(manifests::kMaxParts * kSliceBytes + 1)) == 0);
  CHECK(refusal(huge, out, kPartBytes) == Code::kUsage);
  CHECK_FALSE(std::filesystem::exists(out));
}

TEST_CASE("a file that changes while it is split leaves no part that is wrong") {
  const Cut cut;
  const std::string kit = cut.dir / "kit.tar.zst", out = cut.dir / "out";
  std::uint64_t seen = 0;
  const auto split = split_bundle({.path = kit, .folder = out, .part_bytes = kPartBytes, .progress = [&](std::uint64_t done, std::uint64_t total) {
                                     CHECK(total == 2 * cut.bytes.size());
                                     if (seen < total / 2 && done >= total / 2) {  // all is hashed, nothing written
                                       std::string other = cut.bytes;
                                       other[2 * kSliceBytes] ^= 1;
                                       write_file(kit, other);
                                     }
                                     seen = done;
                                   }});
  REQUIRE_FALSE(split);
  CHECK(split.error().code == Code::kIo);
  std::size_t files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(out)) {
    CHECK(PartFile::open(entry.path().string(), Limits{}));
    ++files;
  }
  CHECK(files == 2);  // those before the change, and no temporary file
}

TEST_CASE("C102 parts make the bundle in every order, in one command or in many") {
  const Cut cut(4);
  std::vector<std::size_t> order = {1, 2, 3, 4};
  do {
    INFO(order[0] << order[1] << order[2] << order[3]);
    for (std::size_t i = 0; i < order.size(); ++i) {
      const PartSet set = add_alone(cut.box(), cut.path(order[i])).value();
      CHECK(set.held.size() == i + 1);
      CHECK(set.complete() == (i == 3));
      CHECK(set.missing().size() == 3 - i);
    }
    PartBox box = PartBox::open(cut.box(), Wait::kNo).value();
    PartSet set = box.find(cut.bundle()).value();
    REQUIRE(read_whole(box.prove(set).value()) == cut.bytes);
    REQUIRE(box.remove(set));
    CHECK(held(cut.box()).empty());
  } while (std::ranges::next_permutation(order).found);
  finish(cut);
}

TEST_CASE("a bundle of one part is a part, too") {
  const Cut cut(1);
  CHECK(cut.path(1).ends_with(".part01-of-01"));
  finish(cut);
}

TEST_CASE("C102 parts that are not whole are named, and those that are held stay") {
  const Cut cut;
  REQUIRE(add_alone(cut.box(), cut.path(1)));
  const std::string good = read_whole(cut.path(3)), bad = cut.dir / "bad.part03-of-04";
  struct Damage {
    std::string name, bytes, says;
  };
  std::string flipped = good, header = good;
  flipped[kPartHeaderBytes + kSliceBytes / 2] ^= 1;
  header[20] ^= 1;
  const Damage damages[] = {
      {"a byte of the slice is another", flipped, "part 3 of 4"},
      {"the last byte is missing", good.substr(0, good.size() - 1), "part 3 of 4"},
      {"a byte is appended", good + "x", "part 3 of 4"},
      {"the header alone", good.substr(0, kPartHeaderBytes), "part 3 of 4"},
      {"half a header", good.substr(0, 2000), bad},
      {"nothing", "", bad},
      {"a byte of the header is another", header, bad},
      {"its first byte is another", "x" + good.substr(1), bad},
      {"only zeros", std::string(good.size(), '\0'), bad},
  };
  for (const Damage& damage : damages) {
    INFO(damage.name);
    write_file(bad, damage.bytes);
    CHECK(is_part(bad));  // if not by its bytes, then by its name
    const auto added = add_alone(cut.box(), bad);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == Code::kPart);
    CHECK(added.error().context.find(damage.says) != std::string::npos);
    CHECK(added.error().context.find(bad) != std::string::npos);
    CHECK(held(cut.box()) == "1 ");
  }
  const PartSet set = PartBox::list(cut.box()).value().at(0);
  CHECK(allocated(set.joined()) <= kSliceBytes + 4096);  // the room of what was refused is given back
  REQUIRE(add_alone(cut.box(), cut.path(3)));
  CHECK(held(cut.box()) == "1 3 ");
  finish(cut);
}

TEST_CASE("a first part that is damaged leaves no set") {
  const Cut cut;
  std::string bytes = read_whole(cut.path(2));
  bytes.back() ^= 1;
  write_file(cut.dir / "bad", bytes);
  CHECK(add_alone(cut.box(), cut.dir / "bad").error().code == Code::kPart);
  CHECK_FALSE(std::filesystem::exists(cut.box() + "/" + cut.bundle().hex()));
}

TEST_CASE("what is no part is not taken for one") {
  const Cut cut;
  for (const std::string name : {"kit.part1-of-", "kit.part-of-2", "kit.partx-of-2", "kit.part1-of-2.sha256", "part01of02"}) {
    write_file(cut.dir / name, "(\xb5/\xfd");
    CHECK_FALSE(is_part(cut.dir / name));
  }
  CHECK_FALSE(is_part(cut.dir / "kit.tar.zst"));
  CHECK_FALSE(is_part(cut.dir / "cut"));
  CHECK_FALSE(is_part(cut.dir / "missing.part01-of-02"));
  REQUIRE(::mkfifo((cut.dir / "pipe.part01-of-02").c_str(), 0600) == 0);
  CHECK_FALSE(is_part(cut.dir / "pipe.part01-of-02"));
  std::filesystem::create_symlink(cut.path(1), cut.dir / "link");
  CHECK_FALSE(is_part(cut.dir / "link"));
  CHECK(PartFile::open(cut.path(1), Limits{.bundle_bytes = cut.bytes.size() - 1}).error().code == Code::kArchiveLimit);
}

TEST_CASE("a part that is held is not read again") {
  const Cut cut;
  REQUIRE(add_alone(cut.box(), cut.path(2)));
  std::string bytes = read_whole(cut.path(2));
  bytes.back() ^= 1;
  write_file(cut.path(2), bytes);
  CHECK(add_alone(cut.box(), cut.path(2), system_fs(), [](std::uint64_t, std::uint64_t) { FAIL("was read"); }));
  CHECK(held(cut.box()) == "2 ");
  check_held(cut);
}

TEST_CASE("C102 parts of another cutting, or with another word about a part, do not mix with those that are held") {
  const Cut cut;
  REQUIRE(add_alone(cut.box(), cut.path(2)));
  const auto other = split_bundle({.path = cut.dir / "kit.tar.zst", .folder = cut.dir / "other", .part_bytes = kPartBytes + 1}).value();
  for (const SplitPart& part : other) {
    const auto added = add_alone(cut.box(), part.path);
    REQUIRE_FALSE(added);
    CHECK(added.error().code == Code::kPart);
    CHECK(added.error().context.find("airlock bundle parts discard " + cut.bundle().hex().substr(0, 16)) != std::string::npos);
  }
  // A forged header: the same place in the same file, other bytes, each true to its own digest.
  const std::string slice = noise(kSliceBytes, 99);
  PartHeader forged = cut.made[1].header;
  forged.slice = Digest::of(slice);
  write_file(cut.dir / "forged", write_part_header(forged) + slice);
  CHECK(add_alone(cut.box(), cut.dir / "forged").error().code == Code::kPart);
  CHECK(held(cut.box()) == "2 ");
  check_held(cut);
  finish(cut);
}

TEST_CASE("parts of two bundles are two sets") {
  const Cut one(3, 1), two(3, 2);
  const std::string box = one.box();
  REQUIRE(add_alone(box, one.path(1)));
  REQUIRE(add_alone(box, two.path(3)));
  REQUIRE(add_alone(box, two.path(1)));
  const auto sets = PartBox::list(box).value();
  REQUIRE(sets.size() == 2);
  CHECK(sets[0].held.size() + sets[1].held.size() == 3);
  PartBox open = PartBox::open(box, Wait::kNo).value();
  PartSet set = open.find(one.bundle()).value();
  REQUIRE(add(open, set, one.path(2)));
  REQUIRE(add(open, set, one.path(3)));
  CHECK(read_whole(open.prove(set).value()) == one.bytes);
  REQUIRE(open.remove(set));
  CHECK(held(box) == "1 3 ");
  CHECK(open.find(two.bundle()).value().held.size() == 2);
}

TEST_CASE("parts whose headers lie about the whole are found out, and stay until they are discarded") {
  const Cut cut(2);
  PartBox box = PartBox::open(cut.box(), Wait::kNo).value();
  PartHeader lie = cut.made[1].header;
  const std::string slice = noise(lie.bytes, 5);
  lie.slice = Digest::of(slice);
  write_file(cut.dir / "lie", write_part_header(lie) + slice);
  PartSet set = box.find(cut.bundle()).value();
  REQUIRE(add(box, set, cut.path(1)));
  REQUIRE(add(box, set, cut.dir / "lie"));
  const auto proven = box.prove(set);
  REQUIRE_FALSE(proven);
  CHECK(proven.error().code == Code::kPart);
  CHECK(proven.error().context.find(set.label()) != std::string::npos);
  CHECK(held(cut.box()) == "1 2 ");
  REQUIRE(box.remove(set));
  CHECK(held(cut.box()).empty());
}

TEST_CASE("what the site's own disk damaged is named, forgotten, and taken again") {
  const Cut cut;
  PartSet set = add_alone(cut.box(), cut.path(1)).value();
  for (std::size_t number = 2; number <= 4; ++number) set = add_alone(cut.box(), cut.path(number)).value();
  const UniqueFd joined(::open(set.joined().c_str(), O_WRONLY | O_CLOEXEC));
  REQUIRE(::pwrite(joined.get(), "????", 4, static_cast<off_t>(2 * kSliceBytes)) == 4);
  REQUIRE(::ftruncate(joined.get(), static_cast<off_t>(cut.bytes.size() - 1)) == 0);
  {
    PartBox box = PartBox::open(cut.box(), Wait::kNo).value();
    const auto proven = box.prove(set);
    REQUIRE_FALSE(proven);
    CHECK(proven.error().code == Code::kPart);
    CHECK(proven.error().context.find("part 3, 4 ") != std::string::npos);
  }
  CHECK(held(cut.box()) == "1 2 ");
  finish(cut);
}

TEST_CASE("a set without its joined file, or with a header file that is no more one, holds what it can vouch for") {
  const Cut cut;
  PartSet set = add_alone(cut.box(), cut.path(1)).value();
  set = add_alone(cut.box(), cut.path(2)).value();
  write_file(set.folder + "/0002", "garbage", 0600);
  write_file(set.folder + "/0004", read_whole(set.folder + "/0001"), 0600);  // not what its name says
  write_file(cut.box() + "/note.txt", "an operator's");
  std::filesystem::create_directories(cut.box() + "/sha256:" + cut.bundle().hex());
  CHECK(held(cut.box()) == "1 ");
  std::filesystem::remove(set.joined());
  CHECK(held(cut.box()).empty());
  finish(cut);
  CHECK(std::filesystem::exists(cut.box() + "/note.txt"));  // not ours, not swept
  CHECK(std::filesystem::exists(cut.box() + "/sha256:" + cut.bundle().hex()));
}

TEST_CASE("the box is closed to others and lets one process in at a time") {
  const Cut cut;
  const PartBox box = PartBox::open(cut.box(), Wait::kNo).value();
  CHECK((std::filesystem::status(cut.box()).permissions() & std::filesystem::perms::all) == std::filesystem::perms::owner_all);
  CHECK(PartBox::open(cut.box(), Wait::kNo).error().code == Code::kBusy);
  CHECK(PartBox::list(cut.box()));
  CHECK(PartBox::list(cut.dir / "no/such/folder").value().empty());
}

TEST_CASE("processes that add parts at once add each of them once") {
  const Cut cut(4);
  std::vector<pid_t> children;
  for (std::size_t i = 0; i < 8; ++i) {
    const pid_t child = ::fork();
    if (child == 0) ::_exit(add_alone(cut.box(), cut.path(1 + i % 4)) ? 0 : 1);
    children.push_back(child);
  }
  for (const pid_t child : children) {
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
  }
  CHECK(held(cut.box()) == "1 2 3 4 ");
  finish(cut);
}

TEST_CASE("a kill at any change while parts are added leaves each part held or not held") {
  const Cut cut(3, 1, memory_folder());
  for (const bool after : {false, true}) {
    bool killed = true;
    std::uint64_t at = 0;
    for (; killed; ++at) {
      INFO("killed " << (after ? "after" : "before") << " change " << at);
      const int status = in_child([&] {
        KillFs fs(at, after);
        for (const std::size_t number : {2, 3, 1})
          if (!add_alone(cut.box(), cut.path(number), fs)) return 1;
        return 0;
      });
      killed = WIFSIGNALED(status);
      REQUIRE((killed ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0));
      const std::string now = held(cut.box());
      CHECK((now.empty() || now == "2 " || now == "2 3 " || now == "1 2 3 "));
      check_held(cut);
      finish(cut);
    }
    CHECK(at > 20);
  }
}

TEST_CASE("a kill in the middle of a slice leaves nothing of it, and its room is not counted twice") {
  const Cut cut(3);
  REQUIRE(add_alone(cut.box(), cut.path(1)));
  const int status = in_child([&] {
    (void)add_alone(cut.box(), cut.path(2), system_fs(), [](std::uint64_t, std::uint64_t) { ::kill(::getpid(), SIGKILL); });
    return 0;
  });
  REQUIRE(WIFSIGNALED(status));
  CHECK(held(cut.box()) == "1 ");
  const PartSet set = PartBox::list(cut.box()).value().at(0);
  CHECK(allocated(set.joined()) > kSliceBytes + 4096);
  std::string damaged = read_whole(cut.path(2));
  damaged.back() ^= 1;
  write_file(cut.dir / "bad.part02-of-03", damaged);
  CHECK_FALSE(add_alone(cut.box(), cut.dir / "bad.part02-of-03"));
  CHECK(allocated(set.joined()) <= kSliceBytes + 4096);
  finish(cut);
}

TEST_CASE("a fault or a power cut at any write, sync or rename while a part is added leaves it held or not held") {
  const Cut cut(3, 1, memory_folder());
  struct Sweep {
    bool fresh, power;  // no part of the set is held before; the power goes after the fault
  };
  for (const Sweep sweep : {Sweep{false, false}, {false, true}, {true, false}, {true, true}})
    for (const Fault fault : {Fault::kBefore, Fault::kAfter}) {
      const std::vector<std::string> states = sweep.fresh ? std::vector<std::string>{"", "1 ", "1 3 "} : std::vector<std::string>{"2 ", "1 2 ", "1 2 3 "};
      bool fired = true;
      std::uint64_t at = 0;
      for (; fired; ++at) {
        INFO("fault " << (fault == Fault::kBefore ? "before" : "after") << " change " << at << (sweep.power ? ", then power cut" : "") << (sweep.fresh ? ", first part" : ""));
        (void)PartBox::open(cut.box(), Wait::kNo).value();  // the box itself is not what is tried here
        if (!sweep.fresh) REQUIRE(add_alone(cut.box(), cut.path(2)));
        FaultFs fs;
        fs.fault = fault;
        fs.at = at;
        const auto second = add_alone(cut.box(), cut.path(1), fs);
        const auto third = second ? add_alone(cut.box(), cut.path(3), fs) : second;
        fired = fs.fired;
        CHECK(third.has_value() == !fired);
        if (fired) CHECK((second ? third : second).error().code == Code::kDiskFull);
        if (sweep.power) fs.cut_power();
        else fs.forget();
        const std::string now = held(cut.box());
        CHECK(std::ranges::find(states, now) != states.end());
        if (!fired) CHECK(now == states.back());  // what add() said is held, is held, power or not
        check_held(cut);
        finish(cut);
      }
      CHECK(at > 12);
    }
}

TEST_CASE("a set that is removed is gone at once, and a kill half-way leaves nothing") {
  const Cut cut(2);
  for (const bool after : {false, true}) {
    for (std::uint64_t at = 0; at < 3; ++at) {
      REQUIRE(add_alone(cut.box(), cut.path(1)));
      const int status = in_child([&] {
        KillFs fs(at + 1, after);  // the first change makes the box
        PartBox box = PartBox::open(cut.box(), Wait::kNo, fs).value();
        const PartSet set = box.find(cut.bundle()).value();
        return box.remove(set) ? 0 : 1;
      });
      INFO("killed " << (after ? "after" : "before") << " change " << at);
      REQUIRE((WIFSIGNALED(status) || WEXITSTATUS(status) == 0));
      CHECK(held(cut.box()) == (WIFSIGNALED(status) && at == 0 && !after ? "1 " : ""));
      (void)PartBox::open(cut.box(), Wait::kNo).value();  // sweeps
      const auto entries = std::filesystem::directory_iterator(cut.box());
      CHECK(std::distance(begin(entries), end(entries)) == (held(cut.box()).empty() ? 1 : 2));  // the lock; the set
    }
  }
}

TEST_CASE("a disk without room for a part says so before it copies, and room makes it work") {
  if (::geteuid() != 0) {
    WARN("not root: no file system of our own to fill; skipped");
    return;
  }
  const Cut cut(20);
  const std::string mount_point = cut.dir / "small";
  std::filesystem::create_directory(mount_point);
  const int status = in_child([&]() -> int {  // with its own mounts, which go with the child
    if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return 77;
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", 0, "size=500k") != 0) return 77;
    const std::string box = mount_point + "/incoming";
    std::size_t number = 1;
    for (; number <= 20; ++number) {
      // What a process left that was killed at this part takes no room from the next one.
      (void)in_child([&] {
        (void)add_alone(box, cut.path(number), system_fs(), [](std::uint64_t, std::uint64_t) { ::kill(::getpid(), SIGKILL); });
        return 0;
      });
      const auto added = add_alone(box, cut.path(number));
      if (added) continue;
      if (added.error().code != Code::kDiskFull) return 2;
      if (added.error().context.find("free") == std::string::npos) return 3;
      break;
    }
    if (number != 8) return 4;  // seven slices of 60 KiB with their headers
    if (PartBox::list(box).value().at(0).held.size() != number - 1) return 5;
    if (::mount("tmpfs", mount_point.c_str(), "tmpfs", MS_REMOUNT, "size=40m") != 0) return 77;
    for (; number <= 20; ++number)
      if (!add_alone(box, cut.path(number))) return 6;
    return PartBox::list(box).value().at(0).complete() ? 0 : 7;
  });
  REQUIRE(WIFEXITED(status));
  if (WEXITSTATUS(status) == 77) WARN("no mounts here: skipped");
  else CHECK(WEXITSTATUS(status) == 0);
}
