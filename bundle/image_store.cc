#include "bundle/image_store.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/encoding.h"
#include "base/entropy.h"
#include "base/io.h"
#include "base/limits.h"
#include "base/lock_file.h"
#include "bundle/image_listing.h"
#include "bundle/store.h"
#include "oci/layout.h"
#include "oci/platform.h"

namespace airlock::bundle {
namespace {

constexpr std::uint64_t kMaxListing = kGiB;  // a million files with long names

Result<std::tuple<std::uint64_t, std::uint64_t, std::int64_t>> identity_of(int fd, const std::string& path) {
  struct stat st{};
  if (::fstat(fd, &st) != 0) return os_fail("fstat", path);
  return std::tuple{std::uint64_t{st.st_dev}, std::uint64_t{st.st_ino}, std::int64_t{st.st_ctim.tv_sec} * 1'000'000'000 + st.st_ctim.tv_nsec};
}

// Whether `path` still names the file that `fd` is: a prune may have taken it away before we had the lock.
bool is_still(int fd, const std::string& path) {
  struct stat ours{}, there{};
  return ::fstat(fd, &ours) == 0 && ::lstat(path.c_str(), &there) == 0 && ours.st_dev == there.st_dev && ours.st_ino == there.st_ino;
}

std::uint64_t bytes_below(const std::string& folder) {
  std::uint64_t bytes = 0;
  std::error_code ec;
  for (std::filesystem::recursive_directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    struct stat st{};
    if (::lstat(it->path().c_str(), &st) == 0 && S_ISREG(st.st_mode)) bytes += static_cast<std::uint64_t>(st.st_size) / st.st_nlink;
  }
  return bytes;
}

Result<Digest> member(const Tree& layout, std::string_view path) {
  const auto it = std::ranges::find(layout, path, &TreeEntry::path);
  if (it == layout.end()) return fail(Code::kOciMalformed, "no " + std::string(path) + " in the layout");
  return it->sha256;
}

}  // namespace

Result<void> check_image_folder(const std::string& folder) {
  const oci::Layout layout = TRY(oci::Layout::open(folder));
  const oci::LayoutReport report = TRY(layout.check());
  if (!report.missing.empty()) return fail(Code::kOciMissing, report.missing.front().prefixed());
  TRY(layout.choose(kImagePlatform));
  return {};
}

Result<void> check_image_layout(const Tree& layout, const Store& store) {
  TRY(oci::check_layout_file(TRY(store.read(TRY(member(layout, "oci-layout")), oci::kMaxDocument))));
  const oci::Index index = TRY(oci::parse_index(TRY(store.read(TRY(member(layout, "index.json")), oci::kMaxDocument)), "index.json"));
  // A blob of a layout and a blob of the store have the same name; only the layout's own are its parts.
  const auto look_for = [&](const oci::Descriptor& d) -> Result<void> {
    const std::string path = "blobs/sha256/" + d.digest.hex();
    const auto it = std::ranges::find(layout, path, &TreeEntry::path);
    if (it == layout.end()) return fail(Code::kOciMissing, d.digest.prefixed());
    if (it->sha256 != d.digest) return fail(Code::kOciDigest, path + " has " + it->sha256.prefixed());
    return {};
  };
  const auto read = [&](const oci::Descriptor& d) -> Result<std::string> {
    TRY(look_for(d));
    std::string text = TRY(store.read(d.digest, oci::kMaxDocument));
    if (text.size() != d.size)
      return fail(Code::kOciDigest, d.digest.prefixed() + " has " + std::to_string(text.size()) + " bytes, " + std::to_string(d.size) + " are stated");
    return text;
  };
  const oci::Manifest manifest = TRY(oci::parse_manifest(TRY(read(TRY(oci::choose_image(index, kImagePlatform, read)))), "the manifest"));
  TRY(look_for(manifest.config));
  for (const oci::Descriptor& layer : manifest.layers) TRY(look_for(layer));
  return {};
}

std::string ImageStore::aside(std::string_view why, const Digest& name) const {
  return folder_ + "/." + std::string(why) + "-" + name.hex() + "-" + to_hex(SystemEntropy().bytes(6));
}

Result<UsedImage> ImageStore::provide(const Tree& layout) {
  if (folder_.empty()) return fail(Code::kHomeUnusable, "this store has no folder for images");
  const std::lock_guard turn(mutex_);
  const Digest name = tree_digest(layout);
  for (int round = 0;; ++round) {
    auto used = use(name);
    if (used || round == 3) return used;
    if (used.error().code == Code::kStoreCorrupt) {
      // Out of the way first, so that nobody who starts now can see it; who uses it still has it.
      TRY(fs_.rename(path_of(name), aside("damaged", name)));
    } else if (used.error().code != Code::kNotFound) {
      return used;
    }
    TRY(unpack(layout, name));
  }
}

// kNotFound: there is no such image; kStoreCorrupt: it is not what it was.
Result<UsedImage> ImageStore::use(const Digest& name) {
  const std::string path = path_of(name), listing = path + "/listing";
  UniqueFd lock(::open(listing.c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  if (!lock && !path_exists(path)) return fail(Code::kNotFound, path);
  if (!lock) return fail(Code::kStoreCorrupt, os_error("open", listing, errno).context);
  TRY(lock_descriptor(lock, Sharing::kShared, Wait::kYes, listing));
  if (!is_still(lock.get(), listing)) return fail(path_exists(path) ? Code::kStoreCorrupt : Code::kNotFound, path);
  const Identity identity = TRY(identity_of(lock.get(), listing));
  if (const auto known = proven_.find(name); known == proven_.end() || known->second != identity) {
    const auto wanted = read_fd(lock.get(), kMaxListing, listing);
    if (!wanted) return fail(Code::kStoreCorrupt, wanted.error().context);
    const auto got = list_image(path + "/root");
    if (!got && got.error().code != Code::kNotFound && got.error().code != Code::kPermission) return fail(got.error());
    if (!got || *got != *wanted)
      return fail(Code::kStoreCorrupt, path + ": " + (got ? first_listing_difference(*wanted, *got) + " is not what it was" : got.error().context));
    proven_.insert_or_assign(name, identity);
  }
  return UsedImage{path + "/root", std::move(lock)};
}

// `work` holds the layout meanwhile, as links to the blobs: it goes when they go.
Result<void> ImageStore::fill(const Tree& layout, const std::string& work, const std::string& image) {
  TRY(fs_.make_dir(work + "/layout", 0755));
  TRY(store_.build_tree(layout, work + "/layout"));
  const oci::Layout opened = TRY(oci::Layout::open(work + "/layout"));
  const auto layers = TRY(opened.image(TRY(opened.choose(kImagePlatform))));
  TRY(fs_.make_dir(image, 0755));
  TRY(fs_.make_dir(image + "/root", 0755));
  TRY(oci::unpack(layers, image + "/root", oci::Rules::kImage));
  const auto write = [&](const std::string& name, const std::string& text) -> Result<void> {
    const UniqueFd file = TRY(fs_.create(image + "/" + name, 0600));
    return fs_.write(file.get(), text, image + "/" + name);
  };
  std::string blobs;
  for (const TreeEntry& entry : layout) blobs += entry.sha256.hex() + "\n";
  TRY(write("blobs", blobs));
  TRY(write("listing", TRY(list_image(image + "/root"))));
  const UniqueFd folder = TRY(open_dir(image));
  return fs_.sync_all(folder.get(), image);
}

Result<void> ImageStore::unpack(const Tree& layout, const Digest& name) {
  const std::string work = folder_ + "/.building-" + to_hex(SystemEntropy().bytes(12));
  TRY(fs_.make_dir(folder_, 0755));
  if (const auto begun = fs_.make_dir(work, 0700); !begun) {
    (void)remove_work_folder(work);  // ignoring: it may not be there
    return begun;
  }
  const auto lock = fs_.create(work + "/lock", 0600);
  auto made = lock ? lock_descriptor(*lock, Sharing::kAlone, Wait::kNo, work) : Result<void>(fail(lock.error()));
  if (made) made = fill(layout, work, work + "/image");
  // COMMIT POINT: before, a folder that sweep() removes; after, the whole image, on disk, under its name; test: "an image
  // that could not be unpacked leaves nothing, and the next use succeeds"
  if (made) made = fs_.rename(work + "/image", path_of(name));
  (void)remove_work_folder(work);  // ignoring: sweep() takes what is left
  if (!made) return path_exists(path_of(name)) ? Result<void>{} : made;  // else another process was faster
  const UniqueFd folder = TRY(open_dir(folder_));
  TRY(fs_.sync(folder.get(), folder_));
  // What has just been written and read back need not be proven once more.
  const UniqueFd listing = TRY(open_read(path_of(name) + "/listing"));
  proven_.insert_or_assign(name, TRY(identity_of(listing.get(), folder_)));
  return {};
}

// Whether nothing keeps it any more; then `lock` keeps others from using it.
bool ImageStore::doomed(const std::string& path, UniqueFd& lock) const {
  const auto blobs = read_file(path + "/blobs", kMaxListing);
  bool whole = blobs.has_value();  // whatever is wrong with the list: it can be unpacked again
  for (std::string_view rest = whole ? std::string_view(*blobs) : ""; whole && !rest.empty();) {
    const auto digest = Digest::parse(rest.substr(0, 2 * Digest::kSize));
    whole = digest && store_.has(*digest);
    rest.remove_prefix(std::min(rest.size(), 2 * Digest::kSize + 1));
  }
  if (whole) return false;
  lock = UniqueFd(::open((path + "/listing").c_str(), O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK));
  return !lock || lock_descriptor(lock, Sharing::kAlone, Wait::kNo, path).has_value();
}

Result<PrunedImages> ImageStore::prune() {
  PrunedImages pruned;
  if (!path_exists(folder_)) return pruned;
  const std::lock_guard turn(mutex_);
  std::vector<Digest> names;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ec))
    if (const auto name = Digest::parse(entry.path().filename().string())) names.push_back(*name);
  if (ec) return fail(os_error("list", folder_, ec.value()));
  std::ranges::sort(names);
  for (const Digest& name : names) {
    UniqueFd lock;
    if (!doomed(path_of(name), lock)) continue;
    const std::string gone = aside("pruned", name);
    // COMMIT POINT: before, the image is whole; after, nobody finds it and sweep() removes what is left of it; test: "prune
    // takes the images whose layouts are gone, and none that is in use"
    TRY(fs_.rename(path_of(name), gone));
    proven_.erase(name);
    pruned.images.push_back(name);
    pruned.bytes += bytes_below(gone + "/root");
    TRY(remove_tree(gone));
  }
  return pruned;
}

}  // namespace airlock::bundle
