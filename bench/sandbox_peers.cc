#include "bench/sandbox_peers.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <fstream>

namespace {

// What `crun spec` and `runc spec` write, without the mounts, devices and limits that a step has no use for.
void write_config(const std::string& bundle, const std::string& program) {
  std::ofstream(bundle + "/config.json") << R"({"ociVersion": "1.0.0", "root": {"path": "rootfs", "readonly": true}, "hostname": "bench",
    "process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": [")" << program << R"("], "env": [], "cwd": "/", "noNewPrivileges": true,
      "capabilities": {"bounding": [], "effective": [], "permitted": [], "inheritable": [], "ambient": []}},
    "mounts": [{"destination": "/proc", "type": "proc", "source": "proc"}],
    "linux": {"namespaces": [{"type": "pid"}, {"type": "network"}, {"type": "ipc"}, {"type": "uts"}, {"type": "mount"}]}})";
}

std::string installed(const std::string& name) {
  for (const char* folder : {"/usr/bin/", "/usr/sbin/"})
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  return "";
}

}  // namespace

bool spawn_and_wait(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& part : command) argv.push_back(part.data());
  argv.push_back(nullptr);
  char* env[] = {nullptr};
  posix_spawn_file_actions_t quiet;
  ::posix_spawn_file_actions_init(&quiet);
  ::posix_spawn_file_actions_addopen(&quiet, 2, "/dev/null", O_WRONLY, 0);
  pid_t pid = 0;
  int status = 0;
  const bool good = ::posix_spawn(&pid, argv[0], &quiet, nullptr, argv.data(), env) == 0 && ::waitpid(pid, &status, 0) == pid && WIFEXITED(status) &&
                    WEXITSTATUS(status) == 0;
  ::posix_spawn_file_actions_destroy(&quiet);
  return good;
}

std::vector<Peer> find_peers(const std::string& folder, const std::string& program, const std::string& scratch, std::vector<std::string>& missing) {
  std::vector<Peer> found;
  const auto add = [&](const std::string& name, std::function<bool()> start) {
    if (installed(name).empty()) missing.push_back(name + ": not installed");
    else if (!start()) missing.push_back(name + ": starts nothing here");
    else found.push_back({name, std::move(start)});
  };
  add("bwrap", [=] {
    return spawn_and_wait({installed("bwrap"), "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL", "--ro-bind", folder, "/plugin",
                           "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp", "--tmpfs", "/out", "/plugin/" + program});
  });
  const std::string bundle = scratch + "/bundle";
  std::filesystem::create_directories(bundle + "/rootfs/proc");
  std::filesystem::copy_file(folder + "/" + program, bundle + "/rootfs/" + program, std::filesystem::copy_options::overwrite_existing);
  write_config(bundle, "/" + program);
  for (const std::string name : {"crun", "runc"})
    add(name, [=] {
      static std::atomic<unsigned> number{0};
      const std::string id = "airlock-bench-" + std::to_string(::getpid()) + "-" + std::to_string(number++);
      return spawn_and_wait({installed(name), "--root", scratch + "/" + name, "run", "--bundle", bundle, id});
    });
  return found;
}
