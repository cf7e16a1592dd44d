#include "sandbox/image_tree.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>
#include <memory>
#include <span>

#include "base/io.h"

namespace airlock::sandbox {
namespace {

constexpr std::string_view kHidden[] = {"dev", "proc", "sys", "in", "plugin", "out", "tmp"};
constexpr std::string_view kHiddenInEtc[] = {"hosts", "nsswitch.conf", "resolv.conf"};  // who is asked what a name means

Result<std::vector<std::string>> names_in(const std::string& folder, std::span<const std::string_view> hidden) {
  std::vector<std::string> names;
  std::error_code ec;
  for (std::filesystem::directory_iterator it(folder, ec), end; !ec && it != end; it.increment(ec)) {
    std::string name = it->path().filename().string();
    if (std::ranges::find(hidden, name) != hidden.end()) continue;
    if (names.size() == kMaxImageEntries)
      return fail(Code::kStepInput, "the image has more than " + std::to_string(kMaxImageEntries) + " names in its " + (hidden.data() == kHidden ? "root" : "/etc"));
    names.push_back(std::move(name));
  }
  if (ec) return fail(Code::kStepInput, os_error("list", folder, ec.value()).context);
  std::ranges::sort(names);
  return names;
}

bool is_folder(const std::string& path) {
  struct stat st{};
  return ::lstat(path.c_str(), &st) == 0 && S_ISDIR(st.st_mode);
}

// One of the image's names as a mount or a link of the step's root.
Result<void> show(const std::string& source, const std::string& target, HostTree& tree) {
  struct stat st{};
  if (::lstat(source.c_str(), &st) != 0) return fail(Code::kStepInput, os_error("lstat", source, errno).context);
  if (S_ISLNK(st.st_mode)) {
    char to[PATH_MAX];
    const ssize_t n = ::readlink(source.c_str(), to, sizeof to);
    if (n < 0) return fail(Code::kStepInput, os_error("readlink", source, errno).context);
    tree.symlinks.emplace_back(target, std::string(to, static_cast<std::size_t>(n)));
  } else if (S_ISDIR(st.st_mode) || S_ISREG(st.st_mode)) {
    tree.mounts.push_back({source, target, S_ISDIR(st.st_mode)});
  } else {
    return fail(Code::kStepInput, printable(target) + " of the image is neither a folder, a file nor a symbolic link");
  }
  return {};
}

}  // namespace

Result<HostTree> look_at_image(const StepSpec& spec) {
  HostTree tree;
  if (spec.rootfs != Rootfs::kImage) return tree;
  if (!spec.image.starts_with('/')) return fail(Code::kStepInput, "image " + printable(spec.image) + " is not absolute");
  // The child refuses symbolic links on the way to a source. Those inside the image it must go on to refuse.
  const std::unique_ptr<char, void (*)(void*)> real(::realpath(spec.image.c_str(), nullptr), &::free);
  if (!real) return fail(Code::kStepInput, os_error("open", spec.image, errno).context);
  const std::string root = real.get();
  for (const std::string& name : TRY(names_in(root, kHidden))) {
    if (name == "etc" && !spec.network.empty()) continue;
    TRY(show(root + "/" + name, "/" + name, tree));
  }
  if (spec.network.empty() || !is_folder(root + "/etc")) return tree;
  for (const std::string& name : TRY(names_in(root + "/etc", kHiddenInEtc))) TRY(show(root + "/etc/" + name, "/etc/" + name, tree));
  return tree;
}

}  // namespace airlock::sandbox
