#include "oci/layout.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <set>

#include "archive/decode.h"
#include "base/io.h"
#include "oci/platform.h"

namespace airlock::oci {
namespace {

using archive::ByteSource;
using archive::Chunk;

constexpr std::size_t kMaxDepth = 8;             // of indexes in indexes
constexpr std::size_t kMaxBlobs = 100'000;

class CheckedSource : public ByteSource {
 public:
  CheckedSource(std::unique_ptr<ByteSource> source, Digest digest, std::optional<std::uint64_t> size, std::string what)
      : source_(std::move(source)), digest_(digest), size_(size), what_(std::move(what)) {}

  Result<Chunk> next() override {
    if (ended_) return Chunk{};
    Chunk chunk = TRY(source_->next());
    seen_ += chunk.bytes.size();
    if (size_ && seen_ > *size_) return fail(Code::kOciDigest, what_ + " has more than the stated " + std::to_string(*size_) + " bytes");
    hash_.update(chunk.bytes);
    if (!chunk.bytes.empty()) return chunk;
    ended_ = true;
    if (size_ && seen_ != *size_)
      return fail(Code::kOciDigest, what_ + " has " + std::to_string(seen_) + " bytes, " + std::to_string(*size_) + " are stated");
    const Digest got = hash_.finish();
    if (got != digest_) return fail(Code::kOciDigest, what_ + " has " + got.prefixed() + ", " + digest_.prefixed() + " is stated");
    return chunk;
  }

 private:
  std::unique_ptr<ByteSource> source_;
  Digest digest_;
  std::optional<std::uint64_t> size_;
  std::string what_;
  Sha256 hash_;
  std::uint64_t seen_ = 0;
  bool ended_ = false;
};

// A chunk that was looked at goes back in front of the rest.
class WithFirst : public ByteSource {
 public:
  WithFirst(Chunk first, std::unique_ptr<ByteSource> rest) : first_(std::move(first)), rest_(std::move(rest)) {}
  Result<Chunk> next() override {
    if (!first_.bytes.empty()) return std::exchange(first_, Chunk{});
    return rest_->next();
  }

 private:
  Chunk first_;
  std::unique_ptr<ByteSource> rest_;
};

Result<std::string> read_in(const UniqueFd& folder, const std::string& name) {
  const UniqueFd fd(::openat(folder.get(), name.c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd) return fail(Code::kOciMalformed, "no " + name + " in the layout");
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode)) return fail(Code::kOciMalformed, name + " is not a regular file");
  return read_fd(fd.get(), kMaxDocument, name);
}

}  // namespace

std::unique_ptr<ByteSource> checked_source(std::unique_ptr<ByteSource> source, Digest digest, std::optional<std::uint64_t> size,
                                           std::string what) {
  return std::make_unique<CheckedSource>(std::move(source), digest, size, std::move(what));
}

Result<std::unique_ptr<ByteSource>> unpacked(std::unique_ptr<ByteSource> packed) {
  Chunk first = TRY(packed->next());
  const std::string_view magic = first.bytes.substr(0, 4);
  auto whole = std::make_unique<WithFirst>(std::move(first), std::move(packed));
  if (magic.starts_with("\x1F\x8B")) return archive::gzip_source(std::move(whole));
  if (magic == "\x28\xB5\x2F\xFD") return archive::zstd_source(std::move(whole));
  return std::unique_ptr<ByteSource>(std::move(whole));
}

struct Layout::Walk {
  std::set<Digest> seen, missing;
  std::size_t right = 0;
};

Result<Layout> Layout::open(const std::string& folder) {
  UniqueFd fd = TRY(open_dir(folder));
  TRY(check_layout_file(TRY(read_in(fd, "oci-layout"))));
  Index index = TRY(parse_index(TRY(read_in(fd, "index.json")), "index.json"));
  return Layout(std::move(fd), std::move(index));
}

Result<UniqueFd> Layout::open_blob(const Digest& digest) const {
  // One folder at a time: none of them may be a link.
  UniqueFd at(::fcntl(folder_.get(), F_DUPFD_CLOEXEC, 0));
  for (const char* part : {"blobs", "sha256"}) {
    at = UniqueFd(::openat(at.get(), part, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
    if (!at) return fail(Code::kOciMissing, "the layout has no folder blobs/sha256");
  }
  UniqueFd fd(::openat(at.get(), digest.hex().c_str(), O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_CLOEXEC));
  if (!fd && errno == ENOENT) return fail(Code::kOciMissing, digest.prefixed());
  struct stat st{};
  if (!fd || ::fstat(fd.get(), &st) != 0 || !S_ISREG(st.st_mode))
    return fail(Code::kOciMalformed, "blob " + digest.prefixed() + " is not a regular file");
  return fd;
}

namespace {

// Keeps the file open as long as it is read.
class BlobSource : public ByteSource {
 public:
  BlobSource(UniqueFd fd, std::uint64_t size) : fd_(std::move(fd)), source_(archive::file_source(fd_.get(), 0, size)) {}
  Result<Chunk> next() override { return source_->next(); }

 private:
  UniqueFd fd_;
  std::unique_ptr<ByteSource> source_;
};

}  // namespace

Result<std::unique_ptr<ByteSource>> Layout::blob(const Descriptor& descriptor) const {
  UniqueFd fd = TRY(open_blob(descriptor.digest));
  struct stat st{};
  if (::fstat(fd.get(), &st) != 0) return os_fail("fstat", descriptor.digest.prefixed());
  auto source = std::make_unique<BlobSource>(std::move(fd), static_cast<std::uint64_t>(st.st_size));
  return checked_source(std::move(source), descriptor.digest, descriptor.size, "blob " + descriptor.digest.prefixed());
}

Result<std::string> Layout::document(const Descriptor& descriptor) const {
  const auto source = TRY(blob(descriptor));
  return archive::read_all(*source, kMaxDocument);
}

Result<void> Layout::walk(const Descriptor& d, std::size_t depth, Walk& state) const {
  const std::string what = "blob " + d.digest.prefixed();
  if (depth > kMaxDepth) return fail(Code::kOciMalformed, what + ": indexes nested deeper than " + std::to_string(kMaxDepth));
  const bool known = state.seen.contains(d.digest);
  if (!known && state.seen.size() >= kMaxBlobs) return fail(Code::kOciMalformed, "more than " + std::to_string(kMaxBlobs) + " blobs");
  state.seen.insert(d.digest);
  const auto source = blob(d);
  if (!source && source.error().code == Code::kOciMissing) {
    state.missing.insert(d.digest);
    return {};
  }
  if (!source) return fail(source.error());
  // Even a known blob is read again: another descriptor of it may state another size.
  const bool is_document = d.type == MediaType::kIndex || d.type == MediaType::kManifest || d.type == MediaType::kConfig;
  std::string text;
  if (is_document) text = TRY(archive::read_all(**source, kMaxDocument));
  else
    while (!TRY((*source)->next()).bytes.empty()) {
    }
  if (known) return {};
  ++state.right;
  if (d.type == MediaType::kIndex)
    for (const Descriptor& next : TRY(parse_index(text, what)).manifests) TRY(walk(next, depth + 1, state));
  if (d.type == MediaType::kManifest) {
    const Manifest manifest = TRY(parse_manifest(text, what));
    TRY(walk(manifest.config, depth + 1, state));
    for (const Descriptor& layer : manifest.layers) TRY(walk(layer, depth + 1, state));
  }
  return {};
}

Result<LayoutReport> Layout::check() const {
  Walk state;
  for (const Descriptor& d : index_.manifests) TRY(walk(d, 0, state));
  return LayoutReport{state.right, {state.missing.begin(), state.missing.end()}};
}

Result<Descriptor> Layout::choose(std::string_view platform) const {
  return choose_image(index_, platform, [this](const Descriptor& d) { return document(d); });
}

Result<std::vector<OpenLayer>> Layout::image(const Descriptor& descriptor) const {
  const Manifest manifest = TRY(parse_manifest(TRY(document(descriptor)), "the manifest"));
  const Config config = TRY(parse_config(TRY(document(manifest.config)), "the configuration"));
  if (config.diff_ids.size() != manifest.layers.size())
    return fail(Code::kOciMalformed, "the manifest has " + std::to_string(manifest.layers.size()) + " layers, the configuration " +
                                         std::to_string(config.diff_ids.size()));
  std::vector<OpenLayer> layers;
  for (std::size_t i = 0; i < manifest.layers.size(); ++i)
    layers.emplace_back([this, layer = manifest.layers[i], diff_id = config.diff_ids[i]]() -> Result<std::unique_ptr<ByteSource>> {
      auto tar = TRY(unpacked(TRY(blob(layer))));
      return checked_source(std::move(tar), diff_id, std::nullopt, "the tar of layer " + layer.digest.prefixed());
    });
  return layers;
}

}  // namespace airlock::oci
