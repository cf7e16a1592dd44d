#include "bundle/parts.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <limits>
#include <optional>

#include "base/digest.h"
#include "base/io.h"

namespace airlock::bundle {
namespace {

using manifests::kPartHeaderBytes;
using manifests::PartHeader;

constexpr std::string_view kGone = ".gone-";
constexpr std::string_view kBeingNoted = ".held";  // a header file that has no name yet

std::string held_name(std::uint64_t number) {
  const std::string digits = std::to_string(number);
  return std::string(4 - digits.size(), '0') + digits;
}

// Only what is named as we name sets; others may have put their own things here.
std::optional<Digest> set_name(const std::string& name) {
  const auto digest = Digest::parse(name);
  return digest && digest->hex() == name ? std::optional(*digest) : std::nullopt;
}

bool same_cutting(const PartHeader& a, const PartHeader& b) {
  return a.bundle == b.bundle && a.bundle_bytes == b.bundle_bytes && a.slice_bytes() == b.slice_bytes();
}

bool is_file(const std::string& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 && S_ISREG(st.st_mode);
}

// What the folder says is held. A header file that cannot be read counts as none: its part is copied again.
PartSet load_set(const std::string& parent, const Digest& bundle) {
  PartSet set{bundle, parent + "/" + bundle.hex(), {}};
  if (!is_file(set.joined())) return set;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(set.folder, ec)) {
    const auto text = read_file(entry.path().string(), kPartHeaderBytes);
    if (!text) continue;
    const auto header = manifests::parse_part_header(*text, std::numeric_limits<std::uint64_t>::max());
    if (!header || header->bundle != bundle || held_name(header->part) != entry.path().filename().string()) continue;
    if (set.held.empty() || same_cutting(set.held.begin()->second, *header)) set.held.emplace(header->part, *header);
  }
  return set;
}

// Gives room back; that it could not is no failure of what was asked for.
void punch(const UniqueFd& joined, const PartHeader& header) {
  (void)::fallocate(joined.get(), FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, static_cast<off_t>(header.offset), static_cast<off_t>(header.bytes));
}

Result<void> check_room(const std::string& folder, const PartFile& part) {
  struct statvfs fs{};
  if (::statvfs(folder.c_str(), &fs) != 0) return os_fail("statvfs", folder);
  const std::uint64_t free_bytes = std::uint64_t{fs.f_bavail} * (fs.f_frsize > 0 ? fs.f_frsize : 4096);
  const std::uint64_t needed = part.header().bytes + 2 * kPartHeaderBytes;  // the slice, a header file, a folder that grows
  if (needed <= free_bytes) return {};
  return fail(Code::kDiskFull, folder + ": " + part.name() + " needs " + std::to_string(needed) + " bytes, there are " + std::to_string(free_bytes) + " free");
}

// SHA-256 of a range of the joined file; of what is there, where it ends early.
Result<void> hash_range(const UniqueFd& file, std::uint64_t at, std::uint64_t bytes, Sha256& hasher, const std::string& path) {
  std::string buffer(kMiB, '\0');
  for (const std::uint64_t end = at + bytes; at < end;) {
    const auto size = static_cast<std::size_t>(std::min<std::uint64_t>(buffer.size(), end - at));
    const ssize_t n = ::pread(file.get(), buffer.data(), size, static_cast<off_t>(at));
    if (n < 0 && errno == EINTR) continue;
    if (n < 0) return os_fail("read", path);
    if (n == 0) break;
    hasher.update(std::string_view(buffer).substr(0, static_cast<std::size_t>(n)));
    at += static_cast<std::uint64_t>(n);
  }
  return {};
}

}  // namespace

std::uint64_t PartSet::held_bytes() const {
  std::uint64_t bytes = 0;
  for (const auto& [number, header] : held) bytes += header.bytes;
  return bytes;
}

std::vector<std::uint64_t> PartSet::missing() const {
  std::vector<std::uint64_t> numbers;
  for (std::uint64_t number = 1; number <= parts(); ++number)
    if (!held.contains(number)) numbers.push_back(number);
  return numbers;
}

Result<PartBox> PartBox::open(std::string folder, Wait wait, Fs& fs) {
  TRY(fs.make_dir(folder, 0700));
  UniqueFd lock = TRY(lock_file(folder + "/lock", wait));
  PartBox box(std::move(folder), std::move(lock), fs);
  TRY(box.sweep());
  return box;
}

Result<std::vector<PartSet>> PartBox::list(const std::string& folder) {
  std::vector<PartSet> sets;
  if (!path_exists(folder)) return sets;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(folder, ec))
    if (const auto digest = set_name(entry.path().filename().string()))
      if (PartSet set = load_set(folder, *digest); !set.held.empty()) sets.push_back(std::move(set));
  if (ec) return fail(os_error("list", folder, ec.value()));
  std::ranges::sort(sets, {}, &PartSet::bundle);
  return sets;
}

// Under the lock nobody is at work: a set that holds no part is what a process left that was killed at its first one.
Result<void> PartBox::sweep() const {
  std::vector<std::string> garbage;
  std::error_code ec;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, ec)) {
    const std::string name = entry.path().filename().string();
    const auto digest = set_name(name);
    if (name.starts_with(kGone) || (digest && load_set(folder_, *digest).held.empty())) garbage.push_back(entry.path().string());
  }
  if (ec) return fail(os_error("list", folder_, ec.value()));
  for (const std::string& path : garbage) TRY(remove_tree(path));
  return {};
}

Result<PartSet> PartBox::find(const Digest& bundle) const { return load_set(folder_, bundle); }

Result<void> PartBox::sync_folder(const std::string& path) const {
  const UniqueFd dir = TRY(open_dir(path));
  return fs_->sync(dir.get(), path);
}

// For writing. The first part of a set makes folder and file, and makes their names durable.
Result<UniqueFd> PartBox::joined_file(const PartSet& set) const {
  const std::string path = set.joined();
  if (!set.held.empty()) {
    UniqueFd file(::open(path.c_str(), O_RDWR | O_CLOEXEC | O_NOFOLLOW));
    if (!file) return os_fail("open", path);
    return file;
  }
  TRY(remove_tree(set.folder));
  TRY(fs_->make_dir(set.folder, 0700));
  TRY(sync_folder(folder_));
  UniqueFd file = TRY(fs_->create(path, 0600));
  TRY(sync_folder(set.folder));
  return file;
}

Result<void> PartBox::take_slice(const PartFile& part, const UniqueFd& joined, const std::string& path, const Progress& progress) const {
  const PartHeader& header = part.header();
  if (::lseek(joined.get(), static_cast<off_t>(header.offset), SEEK_SET) < 0) return os_fail("lseek", path);
  Sha256 hasher;
  std::string buffer(kMiB, '\0');
  for (std::uint64_t done = 0; done < header.bytes;) {
    const std::string_view bytes = TRY(part.read(done, buffer));
    hasher.update(bytes);
    TRY(fs_->write(joined.get(), bytes, path));
    done += bytes.size();
    if (progress) progress(done, header.bytes);
  }
  if (const Digest seen = hasher.finish(); seen != header.slice)
    return fail(Code::kPart, part.name() + " is damaged: its bytes hash to " + seen.hex() + ", its header says " + header.slice.hex());
  return fs_->sync(joined.get(), path);
}

Result<void> PartBox::note_held(const PartSet& set, const PartHeader& header) const {
  const std::string temp = set.folder + "/" + std::string(kBeingNoted);
  if (path_exists(temp)) TRY(fs_->unlink(temp));  // of a process that was killed here
  const UniqueFd file = TRY(fs_->create(temp, 0600));
  TRY(fs_->write(file.get(), write_part_header(header), temp));
  TRY(fs_->sync(file.get(), temp));
  // COMMIT POINT: before, bytes in the joined file that nothing speaks of; after, the part is held; test:
  // "a kill at any change while parts are added leaves each part held or not held"
  TRY(fs_->rename(temp, set.folder + "/" + held_name(header.part)));
  return sync_folder(set.folder);
}

Result<void> PartBox::add(PartSet& set, const PartFile& part, const Progress& progress) {
  const PartHeader& header = part.header();
  if (const auto held = set.held.find(header.part); held != set.held.end() && held->second == header) return {};
  if (!set.held.empty() && (!same_cutting(set.held.begin()->second, header) || set.held.contains(header.part)))
    return fail(Code::kPart, part.name() + " is not of the set whose parts are held: these are " + std::to_string(set.parts()) + " parts of " +
                                 std::to_string(set.held.begin()->second.slice_bytes()) + " bytes; `airlock bundle parts discard " + set.label() +
                                 "` forgets them");
  const auto added = [&]() -> Result<void> {
    const UniqueFd joined = TRY(joined_file(set));
    punch(joined, header);  // what an earlier attempt left here would count twice
    const auto taken = [&]() -> Result<void> {
      TRY(check_room(set.folder, part));
      return take_slice(part, joined, set.joined(), progress);
    }();
    if (!taken) {
      punch(joined, header);
      return taken;
    }
    return note_held(set, header);
  }();
  if (added) set.held.emplace(header.part, header);
  else if (set.held.empty()) (void)remove_tree(set.folder);  // ignoring: the next open() sweeps it
  return added;
}

Result<std::string> PartBox::prove(PartSet& set, const Progress& progress) {
  const std::string path = set.joined();
  const UniqueFd joined = TRY(open_read(path));
  Sha256 whole;
  const std::uint64_t total = set.held_bytes();
  for (const auto& [number, header] : set.held) {
    TRY(hash_range(joined, header.offset, header.bytes, whole, path));
    if (progress) progress(header.offset + header.bytes, total);
  }
  if (whole.finish() == set.bundle) return path;

  std::string damaged;
  for (auto it = set.held.begin(); it != set.held.end();) {
    Sha256 slice;
    TRY(hash_range(joined, it->second.offset, it->second.bytes, slice, path));
    if (slice.finish() == it->second.slice) {
      ++it;
      continue;
    }
    damaged += (damaged.empty() ? "" : ", ") + std::to_string(it->first);
    TRY(fs_->unlink(set.folder + "/" + held_name(it->first)));
    it = set.held.erase(it);
  }
  if (damaged.empty())
    return fail(Code::kPart, "each part of bundle " + set.label() + " is whole, but together they are not the file that their headers name: `airlock bundle parts discard " +
                                 set.label() + "`, and get all parts again");
  TRY(sync_folder(set.folder));
  return fail(Code::kPart, path + ": the disk of this site damaged part " + damaged + " since it was copied; it is no longer held");
}

Result<void> PartBox::remove(const PartSet& set) {
  const std::string gone = folder_ + "/" + std::string(kGone) + set.bundle.hex();
  // COMMIT POINT: before, the whole set; after, nothing that a list shows, and the next open() removes the rest; test:
  // "a set that is removed is gone at once, and a kill half-way leaves nothing"
  TRY(fs_->rename(set.folder, gone));
  TRY(sync_folder(folder_));
  return remove_tree(gone);
}

}  // namespace airlock::bundle
