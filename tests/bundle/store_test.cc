#include <catch2/catch.hpp>

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <filesystem>
#include <set>

#include "base/io.h"
#include "bundle/blob_pipe.h"
#include "bundle/store_batch.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

struct Fixture {
  TempDir dir;
  std::unique_ptr<Store> store = Store::open({dir / "cas", dir / "trees"}).value();
};

unsigned mode_of(const std::string& path) {
  struct stat st{};
  REQUIRE(::lstat(path.c_str(), &st) == 0);
  return st.st_mode & 07777;
}

}  // namespace

TEST_CASE("bytes come back by their digest, and the same bytes are kept once") {
  Fixture f;
  const auto one = f.store->put("hello").value(), two = f.store->put("hello").value();
  CHECK(one.sha256 == Digest::of("hello"));
  CHECK(one.sha256 == two.sha256);
  CHECK(f.store->read(one.sha256, 100).value() == "hello");
  CHECK(f.store->read(one.sha256, 4).error().code == Code::kTooLarge);
  CHECK(f.store->read(Digest::of("none"), 4).error().code == Code::kNotFound);
  write_file(f.dir / "source", noise(700'000));
  const UniqueFd source = open_read(f.dir / "source").value();
  CHECK(f.store->put_file(source, "source").value().sha256 == Digest::of(noise(700'000)));
  CHECK(std::filesystem::is_empty(f.dir / "cas/tmp"));
}

TEST_CASE("nothing of a batch is visible before it is committed") {
  Fixture f;
  const Digest digest = Digest::of("x");
  {
    StoreBatch batch(*f.store);
    REQUIRE(batch.put("x"));
    CHECK_FALSE(f.store->has(digest));
  }
  CHECK(std::filesystem::is_empty(f.dir / "cas/tmp"));
  StoreBatch batch(*f.store);
  REQUIRE(batch.put("x"));
  REQUIRE(batch.commit());
  CHECK(f.store->has(digest));
  CHECK(batch.written() == 1);
}

TEST_CASE("a large blob comes back whole, however its size and pieces lie to the disk's blocks") {
  Fixture f;
  std::string bytes(3 * kMiB + 5000, '\0');
  for (std::size_t i = 0; i < bytes.size(); ++i) bytes[i] = static_cast<char>(i * 2654435761U >> 11);
  const std::string_view all = bytes;
  constexpr std::size_t kBuffer = 512 * kKiB;
  for (const std::size_t size : {kDirectBytes - 1, kDirectBytes, kDirectBytes + 1, kBuffer - 1, kBuffer, kBuffer + 4095, kBuffer + 4096, 3 * kMiB + 5000})
    for (const std::size_t piece : {std::size_t{777}, std::size_t{4096}, std::size_t{512 * 1024}, std::size_t{2 * kMiB}}) {
      CAPTURE(size, piece);
      const std::string_view blob = all.substr(piece % 7, size - piece % 7);
      StoreBatch batch(*f.store);
      REQUIRE(batch.begin(Digest::of(blob), blob.size()));
      for (std::size_t at = 0; at < blob.size(); at += piece) REQUIRE(batch.append(blob.substr(at, piece)));
      REQUIRE(batch.end(Digest::of(blob)));
      REQUIRE(batch.commit());
      const auto back = f.store->read(Digest::of(blob), 8 * kMiB);
      REQUIRE(back);
      CHECK(*back == blob);
    }
}

TEST_CASE("the size that a blob was announced with decides how it is written, not what is kept") {
  Fixture f;
  const std::string large(2 * kMiB + 1, 'l'), small = "small";
  for (const auto& [bytes, announced] : {std::pair(large, std::uint64_t{1}), std::pair(small, 4 * kMiB), std::pair(std::string(), 4 * kMiB)}) {
    StoreBatch batch(*f.store);
    REQUIRE(batch.begin(Digest::of(bytes), announced));
    REQUIRE(batch.append(bytes));
    REQUIRE(batch.end(Digest::of(bytes)));
    REQUIRE(batch.commit());
    CHECK(f.store->read(Digest::of(bytes), 8 * kMiB).value() == bytes);
  }
}

TEST_CASE("blobs of every size go through the pipe at once, also the same content many times") {
  Fixture f;
  std::vector<std::string> blobs;
  for (std::size_t i = 0; i < 300; ++i) blobs.push_back(noise(i % 7 == 0 ? 0 : i * i * 13 % (3 * kDirectBytes), static_cast<unsigned>(i % 50)));
  blobs.push_back(noise(2 * kMiB + 77, 9));
  blobs.push_back(blobs.back());
  StoreBatch batch(*f.store);
  std::set<Digest> contents;
  {
    BlobPipe pipe(batch);
    for (const std::string& blob : blobs) {
      const Digest digest = Digest::of(blob);
      contents.insert(digest);
      for (std::size_t at = 0, piece = 300'000; at == 0 || at < blob.size(); at += piece) {
        BlobPipe::Piece next;
        if (at == 0) next.begin = digest, next.size = blob.size();
        next.chunk.bytes = std::string_view(blob).substr(at, piece);
        if (at + piece >= blob.size()) next.end = digest;
        REQUIRE(pipe.put(std::move(next)));
      }
    }
    REQUIRE(pipe.finish());
  }
  REQUIRE(batch.commit());
  CHECK(batch.written() == contents.size());
  CHECK(batch.repaired() == 0);
  for (const std::string& blob : blobs) CHECK(f.store->read(Digest::of(blob), 8 * kMiB).value() == blob);
}

TEST_CASE("what goes wrong on the way of one blob ends the pipe, and nothing becomes visible") {
  Fixture f;
  const Digest right = Digest::of("right"), wrong = Digest::of("wrong");
  {
    StoreBatch batch(*f.store);
    BlobPipe pipe(batch);
    BlobPipe::Piece piece;
    piece.begin = right;
    piece.end = wrong;
    Result<void> put = pipe.put(std::move(piece));
    for (int i = 0; put && i < 100'000; ++i) {
      const std::string text = std::to_string(i);
      BlobPipe::Piece next;
      next.begin = next.end = Digest::of(text);
      next.chunk.owner = std::make_shared<const std::string>(text);
      next.chunk.bytes = *next.chunk.owner;
      put = pipe.put(std::move(next));
    }
    REQUIRE_FALSE(put);
    CHECK(put.error().code == Code::kStoreCorrupt);
  }
  CHECK_FALSE(f.store->has(right));
  CHECK(std::filesystem::is_empty(f.dir / "cas/tmp"));
}

TEST_CASE("a blob cannot end under another digest than its own") {
  Fixture f;
  StoreBatch batch(*f.store);
  REQUIRE(batch.begin(Digest::of("right"), 5));
  REQUIRE(batch.append("wrong"));
  CHECK(batch.end(Digest::of("wrong")).error().code == Code::kStoreCorrupt);
  CHECK_FALSE(f.store->has(Digest::of("right")));
}

TEST_CASE("a tree is built once, with fixed modes, and proven each time") {
  Fixture f;
  Tree tree = {{"bin/tool", f.store->put("tool").value().sha256, 4, true},
               {"data/a", f.store->put("aaa").value().sha256, 3, false},
               {"data/b", f.store->put("").value().sha256, 0, false}};
  const std::string path = f.store->materialize(tree).value();
  CHECK(path == f.dir / "trees/" + tree_digest(tree).hex());
  CHECK(read_whole(path + "/bin/tool") == "tool");
  CHECK(mode_of(path + "/bin/tool") == 0555);
  CHECK(mode_of(path + "/data/a") == 0444);
  CHECK(mode_of(f.store->blob_path(tree[0].sha256)) == 0444);  // the blob's own mode did not change
  CHECK(f.store->materialize(tree).value() == path);
  tree.push_back({"x", Digest::of("not there"), 9, false});
  CHECK(f.store->materialize(tree).error().code == Code::kNotFound);
  CHECK(std::distance(std::filesystem::directory_iterator(f.dir / "trees"), {}) == 1);
}

TEST_CASE("a damaged tree is built again") {
  Fixture f;
  const Tree tree = {{"bin/tool", f.store->put("tool").value().sha256, 4, true}, {"data/a", f.store->put("aaa").value().sha256, 3, false}};
  const std::string path = f.store->materialize(tree).value();
  const std::function<void()> damages[] = {
      [&] { ::chmod((path + "/bin/tool").c_str(), 0755); write_file(path + "/bin/tool", "evil", 0555); },
      [&] { std::filesystem::remove(path + "/data/a"); },
      [&] { write_file(path + "/data/extra", "x", 0444); },
      [&] { ::chmod((path + "/bin/tool").c_str(), 0777); },
      [&] { std::filesystem::remove(path + "/data/a"); std::filesystem::create_symlink("/etc/passwd", path + "/data/a"); },
      [&] { std::filesystem::remove(path + "/data/a"); write_file(path + "/data/a", "aab", 0444); }};
  for (std::size_t i = 0; i < std::size(damages); ++i) {
    INFO("damage " << i);
    damages[i]();
    REQUIRE(f.store->materialize(tree).value() == path);
    CHECK(read_whole(path + "/bin/tool") == "tool");
    CHECK(read_whole(path + "/data/a") == "aaa");
    CHECK_FALSE(std::filesystem::exists(path + "/data/extra"));
    CHECK(mode_of(path + "/bin/tool") == 0555);
  }
}

TEST_CASE("a damaged blob is never handed out as a tree") {
  Fixture f;
  const Tree tree = {{"a", f.store->put("aaa").value().sha256, 3, false}};
  const std::string blob = f.store->blob_path(tree[0].sha256);
  std::filesystem::remove(blob);
  write_file(blob, "bbb", 0444);
  CHECK(f.store->materialize(tree).error().code == Code::kStoreCorrupt);
  CHECK(std::filesystem::is_empty(f.dir / "trees"));
}

TEST_CASE("C099 a store that others could change is not opened") {
  const TempDir dir;
  std::filesystem::create_directories(dir / "elsewhere");
  std::filesystem::create_directory_symlink(dir / "elsewhere", dir / "cas");
  CHECK(Store::open({dir / "cas", dir / "trees"}).error().code == Code::kHomeUnusable);
  std::filesystem::remove(dir / "cas");
  REQUIRE(Store::open({dir / "cas", dir / "trees"}));
  ::chmod((dir / "cas/sha256").c_str(), 0777);
  CHECK(Store::open({dir / "cas", dir / "trees"}).error().code == Code::kHomeUnusable);
}

TEST_CASE("sweep takes what the dead left and nothing of the living") {
  Fixture f;
  const pid_t child = ::fork();
  if (child == 0) {
    StoreBatch batch(*f.store);
    (void)batch.put("left behind");
    ::_exit(0);  // no destructor runs: as after kill -9
  }
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  StoreBatch living(*f.store);
  REQUIRE(living.put("alive"));
  CHECK(std::distance(std::filesystem::directory_iterator(f.dir / "cas/tmp"), {}) == 2);
  CHECK(f.store->sweep().value().folders == 1);
  CHECK(std::distance(std::filesystem::directory_iterator(f.dir / "cas/tmp"), {}) == 1);
  REQUIRE(living.commit());
  CHECK(f.store->has(Digest::of("alive")));
}

TEST_CASE("sweep takes a work folder that was made and never locked, and its owner takes another") {
  Fixture f;
  std::filesystem::create_directories(f.dir / "cas/tmp/made");
  CHECK(f.store->sweep().value().folders == 1);
  CHECK(std::filesystem::is_empty(f.dir / "cas/tmp"));
  // One that holds something and no lock is what a sweep left that was killed: not at once, since it could be new.
  std::filesystem::create_directories(f.dir / "cas/tmp/half");
  write_file(f.dir / "cas/tmp/half/7", "x");
  CHECK(f.store->sweep().value().folders == 0);
}

TEST_CASE("the lock is held by one at a time") {
  Fixture f;
  {
    const StoreLock first = f.store->lock(Wait::kNo).value();
    CHECK(f.store->lock(Wait::kNo).error().code == Code::kBusy);
  }
  CHECK(f.store->lock(Wait::kNo));
}
