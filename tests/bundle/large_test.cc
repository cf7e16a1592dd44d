// C107: every byte of a bundle, and of a single member, beyond 2 GiB and 4 GiB is covered by signature and digest.
//
// The file is really that long, and cheap: its frames hold zeros in raw blocks, which a file system keeps as holes, so that
// only the page of each block header is written (3 % of the size). Nothing is stored: verify_bundle reads it in one pass.
#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <stdexcept>

#include "archive/tar_format.h"
#include "archive/zstd_stream.h"
#include "base/digest.h"
#include "base/unique_fd.h"
#include "support.h"
#include "verify/dsse.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

constexpr std::uint64_t kFrame = 4 * kMiB, kRawBlock = 128 * kKiB, kBlocks = kFrame / kRawBlock;
constexpr std::uint64_t kFrameHeader = 9, kBlockHeader = 3, kChecksum = 4;
constexpr std::uint64_t kPackedFrame = kFrameHeader + kBlocks * (kBlockHeader + kRawBlock) + kChecksum;

std::string little(std::uint64_t value, int bytes) {
  std::string text;
  for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
  return text;
}

std::string packed(std::string_view content) {
  std::string out;
  auto encoder = archive::ZstdEncoder::open([&](std::string_view bytes) -> Result<void> { return out += bytes, Result<void>{}; }, 1).value();
  encoder.write(content).value();
  encoder.end_frame().value();
  return out;
}

// The checksum that ends a frame of this content (RFC 8878 section 3.1.1).
std::string checksum_of(std::string_view content) {
  const std::string frame = packed(content);
  return frame.substr(frame.size() - kChecksum);
}

// In memory, where reading a hole costs nothing, if there is room for the pages that are written.
std::string sparse_folder() {
  struct statvfs room {};
  const bool enough = ::statvfs(memory_folder().c_str(), &room) == 0 && room.f_bavail * room.f_frsize > 512 * kMiB;
  return enough ? memory_folder() : "/tmp";
}

// A signed bundle of one member: `frames` times 4 MiB of zeros, and a few bytes behind them.
class LargeBundle {
 public:
  explicit LargeBundle(std::uint64_t frames) : path_(dir_ / "large.tar.zst"), file_(::open(path_.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)) {
    const std::string zeros(kFrame, '\0'), tail = "the end";
    Sha256 hasher;
    for (std::uint64_t i = 0; i < frames; ++i) hasher.update(zeros);
    hasher.update(tail);
    size_ = frames * kFrame + tail.size();
    const archive::TarMember member{"data/large", size_, false};
    Parts signed_parts = parts();
    signed_parts.manifest.entries = {{member.path, hasher.finish(), size_, false, "application/octet-stream"}};
    const std::string envelope = verify::sign_envelope(signed_parts.payload_type, signed_parts.statement(), std::vector<const Signer*>{&key('a')}).value();
    const std::string head = packed(tar_member({std::string(manifests::kManifestPath), envelope, false}) + archive::encode_headers(member));
    put(0, head);
    first_ = head.size();
    const std::string zero_sum = checksum_of(zeros);
    for (std::uint64_t i = 0; i < frames; ++i) put_frame(first_ + i * kPackedFrame, zero_sum);
    put(first_ + frames * kPackedFrame, packed(tail + std::string(archive::padding(size_) + 2 * archive::kBlock, '\0')));
  }

  // One byte of the member, counted from 0, becomes another, with the checksum of its frame made right, or not.
  void flip(std::uint64_t at, bool with_checksum) {
    std::string content(kFrame, '\0');
    content[at % kFrame] = '\1';
    write_byte(at, '\1', with_checksum ? checksum_of(content) : checksum_of(std::string(kFrame, '\0')));
  }

  std::uint64_t file_bytes() const { return static_cast<std::uint64_t>(::lseek(file_.get(), 0, SEEK_END)); }
  std::string verify() const {
    const Verdict verdict = verify_bundle({path_, {}, {}}, roots("a"), kNow);
    return verdict.refusal ? std::string(code_info(verdict.refusal->code).text) : "accepted";
  }

 private:
  void put(std::uint64_t at, std::string_view bytes) {
    if (::pwrite(file_.get(), bytes.data(), bytes.size(), static_cast<off_t>(at)) != static_cast<ssize_t>(bytes.size()))
      throw std::runtime_error("cannot write " + path_);
  }
  // Everything of a frame but its content, which stays a hole.
  void put_frame(std::uint64_t at, const std::string& checksum) {
    put(at, "\x28\xB5\x2F\xFD\xA4" + little(kFrame, 4));  // single segment, size in four bytes, checksum
    for (std::uint64_t block = 0; block < kBlocks; ++block)
      put(at + kFrameHeader + block * (kBlockHeader + kRawBlock), little((kRawBlock << 3) | (block + 1 == kBlocks ? 1U : 0U), 3));
    put(at + kPackedFrame - kChecksum, checksum);
  }
  void write_byte(std::uint64_t at, char byte, const std::string& checksum) {
    const std::uint64_t frame = first_ + at / kFrame * kPackedFrame, inside = at % kFrame;
    put(frame + kFrameHeader + inside / kRawBlock * (kBlockHeader + kRawBlock) + kBlockHeader + inside % kRawBlock, {&byte, 1});
    put(frame + kPackedFrame - kChecksum, checksum);
  }

  TempDir dir_{sparse_folder()};
  std::string path_;
  UniqueFd file_;
  std::uint64_t size_ = 0, first_ = 0;  // of the member; where its frames begin in the file
};

}  // namespace

// Four passes in all, of seconds each: that the shorter one is read to its end is shown by the digest that is compared there.
TEST_CASE("C107 a byte beyond 2 GiB counts, in a file and a member that are just longer") {
  LargeBundle bundle(2 * kGiB / kFrame + 1);
  REQUIRE(bundle.file_bytes() > 2 * kGiB);
  bundle.flip(2 * kGiB + 4321, false);
  CHECK(bundle.verify() == "archive:zstd");
  bundle.flip(2 * kGiB + 4321, true);
  CHECK(bundle.verify() == "member-digest");
}

TEST_CASE("C107 a byte beyond 4 GiB counts, in a file and a member that are just longer") {
  LargeBundle bundle(4 * kGiB / kFrame + 1);
  REQUIRE(bundle.file_bytes() > 4 * kGiB);
  CHECK(bundle.verify() == "accepted");
  bundle.flip(4 * kGiB + 4321, true);
  CHECK(bundle.verify() == "member-digest");
}
