#include "sandbox/cgroup_files.h"

#include <dirent.h>
#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <ctime>
#include <memory>

#include "base/io.h"
#include "base/unique_fd.h"

namespace airlock::sandbox {
namespace {

constexpr std::string_view kPrefix = "airlock-";

std::string join(const std::string& dir, std::string_view file) { return dir + "/" + std::string(file); }

std::optional<std::uint64_t> parse(std::string_view text) {
  std::uint64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc()) return std::nullopt;
  return value;
}

std::vector<std::string> children(const std::string& dir) {
  std::vector<std::string> names;
  const std::unique_ptr<DIR, int (*)(DIR*)> open(::opendir(dir.c_str()), &::closedir);
  if (!open) return names;
  while (const dirent* entry = ::readdir(open.get()))
    if (entry->d_type == DT_DIR && entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  return names;
}

std::uint64_t value_of(std::string_view rest, std::string_view key) {
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    if (line.size() > key.size() && line.starts_with(key) && line[key.size()] == ' ')
      return parse(line.substr(key.size() + 1)).value_or(0);
  }
  return 0;
}

}  // namespace

ControlFile ControlFile::open(const std::string& dir, std::string_view file, int flags) {
  ControlFile control;
  control.fd_ = UniqueFd(::open(join(dir, file).c_str(), flags | O_CLOEXEC));
  return control;
}

std::string_view ControlFile::read(std::array<char, 512>& buffer) const {
  const ssize_t n = fd_ ? ::pread(fd_.get(), buffer.data(), buffer.size(), 0) : -1;
  return {buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(n, 0))};
}

std::optional<std::uint64_t> ControlFile::number() const {
  std::array<char, 512> buffer;
  return parse(read(buffer));
}

std::uint64_t ControlFile::keyed(std::string_view key) const {
  std::array<char, 512> buffer;
  return value_of(read(buffer), key);
}

bool ControlFile::write(std::string_view value) const {
  return fd_ && ::pwrite(fd_.get(), value.data(), value.size(), 0) == static_cast<ssize_t>(value.size());
}

Result<void> write_control(const std::string& dir, std::string_view file, std::string_view value) {
  const std::string path = join(dir, file);
  const UniqueFd fd(::open(path.c_str(), O_WRONLY | O_CLOEXEC));
  if (!fd) return os_fail("open", path);
  if (::write(fd.get(), value.data(), value.size()) != static_cast<ssize_t>(value.size()))
    return os_fail("write \"" + std::string(value) + "\" to", path);
  return {};
}

std::optional<std::string> read_control(const std::string& dir, std::string_view file) {
  const UniqueFd fd(::open(join(dir, file).c_str(), O_RDONLY | O_CLOEXEC));
  if (!fd) return std::nullopt;
  std::string text(4096, '\0');
  std::size_t used = 0;
  for (;;) {
    const ssize_t n = ::read(fd.get(), text.data() + used, text.size() - used);
    if (n < 0) return std::nullopt;
    if (n == 0) break;
    used += static_cast<std::size_t>(n);
    if (used == text.size()) text.resize(2 * used);
  }
  text.resize(used);
  return text;
}

std::optional<std::uint64_t> read_number(const std::string& dir, std::string_view file) {
  const auto text = read_control(dir, file);
  return text ? parse(*text) : std::nullopt;
}

std::uint64_t read_keyed(const std::string& dir, std::string_view file, std::string_view key) {
  const auto text = read_control(dir, file);
  return text ? value_of(*text, key) : 0;
}

Result<void> remove_group(const std::string& dir) {
  for (int attempt = 0; attempt < 2000; ++attempt) {
    if (::rmdir(dir.c_str()) == 0 || errno == ENOENT) return {};
    if (errno != EBUSY) break;
    // A killed member leaves the group a moment after it was reaped, and version 1 has no event that says so.
    const timespec pause{0, 1'000'000};
    ::nanosleep(&pause, nullptr);
  }
  return os_fail("rmdir", dir);
}

void sweep_groups(const std::string& dir) {
  for (const std::string& name : children(dir)) {
    if (!name.starts_with(kPrefix)) continue;
    const auto pid = parse(std::string_view(name).substr(kPrefix.size()));
    if (!pid || ::kill(static_cast<pid_t>(*pid), 0) == 0 || errno != ESRCH) continue;
    const std::string group = join(dir, name);
    for (const std::string& child : children(group)) (void)::rmdir(join(group, child).c_str());  // ignoring: as below
    (void)::rmdir(group.c_str());  // ignoring: not empty means that it is not ours to remove
  }
}

bool kill_strays(const std::string& dir) {
  const auto text = read_control(dir, "cgroup.procs");
  if (!text) return false;
  bool found = false;
  std::string_view rest = *text;
  while (!rest.empty()) {
    const auto pid = parse(rest);
    rest.remove_prefix(std::min(rest.size(), rest.find('\n') + 1));
    if (!pid || *pid == 0 || static_cast<pid_t>(*pid) == ::getpid()) continue;
    found = ::kill(static_cast<pid_t>(*pid), SIGKILL) == 0 || found;
  }
  return found;
}

}  // namespace airlock::sandbox
