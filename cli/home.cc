#include "cli/home.h"

#include <sys/stat.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>

#include "base/io.h"

namespace airlock::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<void> check_owned(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return os_fail("stat", path);
  const auto refuse = [&](const char* why) { return fail(Code::kHomeUnusable, path + " " + why); };
  if (S_ISLNK(st.st_mode)) return refuse("is a symbolic link");
  if (!S_ISDIR(st.st_mode)) return refuse("is not a folder");
  if (st.st_uid != ::geteuid()) return refuse("belongs to another user");
  if ((st.st_mode & (S_IWGRP | S_IWOTH)) != 0) return refuse("can be written to by other users");
  return {};
}

}  // namespace

Result<HomePaths> locate_home(const std::string& given) {
  std::string root = given.empty() ? environment("AIRLOCK_HOME") : given;
  if (root.empty() && ::geteuid() == 0) root = "/var/lib/airlock";
  if (root.empty()) {
    const std::string state = environment("XDG_STATE_HOME"), user = environment("HOME");
    if (!state.empty()) root = state + "/airlock";
    else if (!user.empty()) root = user + "/.local/state/airlock";
    else return fail(Code::kHomeUnusable, "neither AIRLOCK_HOME, XDG_STATE_HOME nor HOME is set");
  }
  while (root.size() > 1 && root.ends_with('/')) root.pop_back();
  if (!root.starts_with('/')) {
    std::array<char, 4096> cwd{};
    if (::getcwd(cwd.data(), cwd.size()) == nullptr) return os_fail("getcwd", root);
    root = std::string(cwd.data()) + "/" + root;
  }
  return HomePaths{root};
}

Result<void> prepare_home(const HomePaths& home) {
  const auto slash = home.root.rfind('/');
  if (slash > 0) TRY(make_dirs(home.root.substr(0, slash)));
  if (::mkdir(home.root.c_str(), 0755) != 0 && errno != EEXIST) return os_fail("mkdir", home.root);
  TRY(check_owned(home.root));
  for (const std::string& folder : {home.cas(), home.trees(), home.images(), home.bundles(), home.trust(), home.runs(), home.outbox()})
    if (::mkdir(folder.c_str(), 0755) != 0 && errno != EEXIST) return os_fail("mkdir", folder);
  for (const std::string& folder : {home.keys(), home.quarantine(), home.incoming()}) {
    if (::mkdir(folder.c_str(), 0700) != 0 && errno != EEXIST) return os_fail("mkdir", folder);
    TRY(check_owned(folder));
  }
  for (const std::string& folder : {home.cas(), home.trees(), home.images(), home.trust()}) TRY(check_owned(folder));
  return {};
}

}  // namespace airlock::cli
