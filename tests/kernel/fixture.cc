#include "fixture.h"

#include <dirent.h>
#include <fcntl.h>
#include <grp.h>
#include <net/if.h>
#include <sched.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "base/io.h"

namespace kernel_test {
namespace {

// A new network namespace has a loopback that is down.
bool raise_loopback() {
  const UniqueFd socket(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  ifreq request{};
  std::strcpy(request.ifr_name, "lo");
  request.ifr_flags = IFF_UP | IFF_RUNNING;
  return ::ioctl(socket.get(), SIOCSIFFLAGS, &request) == 0;
}

// The whole suite runs in a mount namespace of its own, so that no mistake in it can cover a folder of the machine, and
// in a network of its own, where nobody is. Before main: while the process has one thread.
__attribute__((constructor)) void own_namespaces() {
  if (::geteuid() != 0) return;  // an ordinary user cannot mount anything here
  if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) ::perror("private mount namespace");
  if (::unshare(CLONE_NEWNET) != 0 || !raise_loopback()) ::perror("private network namespace");
}

std::vector<std::string> names_in(const std::string& dir) {
  std::vector<std::string> names;
  DIR* const stream = ::opendir(dir.c_str());
  if (stream == nullptr) return names;
  while (const dirent* entry = ::readdir(stream))
    if (entry->d_name[0] != '.') names.emplace_back(entry->d_name);
  ::closedir(stream);
  return names;
}

std::vector<int> children_of(int parent) {
  std::vector<int> out;
  for (const std::string& task : names_in("/proc/" + std::to_string(parent) + "/task")) {
    std::istringstream list(read_text("/proc/" + std::to_string(parent) + "/task/" + task + "/children"));
    for (int pid = 0; list >> pid;) out.push_back(pid);
  }
  return out;
}

std::size_t count_groups(const std::string& dir, const std::string& prefix) {
  std::size_t count = 0;
  for (const std::string& name : names_in(dir)) {
    struct stat st{};
    const std::string path = dir + "/" + name;
    if (::lstat(path.c_str(), &st) != 0 || !S_ISDIR(st.st_mode)) continue;
    count += name.starts_with(prefix) ? 1U : 0U;
    count += count_groups(path, prefix);
  }
  return count;
}

}  // namespace

void skip(const std::string& why) {
  const char* const must = std::getenv("KERNEL_TESTS_MUST_RUN");
  if (must != nullptr && std::string(must) == "1") FAIL("cannot run here: " + why);
  WARN("SKIPPED: " + why);
}

TempDir::TempDir() {
  char name[] = "/tmp/airlock-kernel-XXXXXX";
  REQUIRE(::mkdtemp(name) != nullptr);
  path_ = name;
  ::chmod(name, 0755);
}
TempDir::~TempDir() { (void)remove_tree(path_); }

std::string installed(const std::string& name) {
  for (const char* folder : {"/bin/", "/usr/bin/", "/usr/sbin/", "/usr/local/bin/"})
    if (::access((folder + name).c_str(), X_OK) == 0) return folder + name;
  return "/usr/bin/" + name;
}

std::string hostile_program() { return std::filesystem::read_symlink("/proc/self/exe").parent_path() / "airlock_hostile"; }

std::string read_text(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  std::stringstream text;
  text << file.rdbuf();
  return text.str();
}

void write_text(const std::string& path, const std::string& text, unsigned mode) {
  std::ofstream(path, std::ios::binary) << text;
  ::chmod(path.c_str(), mode);
}

void furnish(const std::string& dir) {
  REQUIRE(make_dirs(dir + "/plugin").has_value());
  REQUIRE(make_dirs(dir + "/data").has_value());
  write_text(dir + "/plugin/hostile", read_text(hostile_program()), 0755);
  write_text(dir + "/data/canary", "sing", 0644);
}

std::shared_ptr<const Host> probe() {
  auto host = Host::probe();
  REQUIRE(host.has_value());
  return *host;
}

Policy allow_missing(const Host& host) {
  Policy policy;
  for (const LayerStatus& status : host.layers())
    if (!status.ok) policy.allow_degraded.push_back({status.layer, "test"});
  return policy;
}

Sandbox::Sandbox() : host(probe()), cancel(std::move(*Cancel::create())) {
  furnish(dir_.path());
  auto made = Slot::create(host, allow_missing(*host));
  if (!made) FAIL(describe(made.error()));
  slot = std::move(*made);
}

bool Sandbox::has(Layer layer) const {
  return std::ranges::any_of(host->layers(), [layer](const LayerStatus& s) { return s.layer == layer && s.ok; });
}

StepSpec Sandbox::spec(std::vector<std::string> arguments) const {
  StepSpec spec;
  spec.argv = {"/plugin/hostile"};
  spec.argv.insert(spec.argv.end(), arguments.begin(), arguments.end());
  spec.env = {{"HOME", "/tmp"}};
  spec.mounts = {{dir_.path() + "/plugin", "/plugin"}, {dir_.path() + "/data", "/in/data"}};
  spec.resources.memory = 64 * kMiB;
  spec.resources.disk = 16 * kMiB;
  spec.resources.timeout = Millis{20'000};
  spec.resources.grace = Millis{200};
  spec.capture.stdout_path = dir_.path() + "/stdout";
  spec.capture.stderr_path = dir_.path() + "/stderr";
  spec.capture.events_path = dir_.path() + "/events";
  return spec;
}

Finished Sandbox::run(const StepSpec& spec) {
  auto finished = slot->run(spec, cancel);
  if (!finished) FAIL(describe(finished.error()));
  return std::move(*finished);
}

Result<Harvested> harvest_all(const Finished& finished, const HarvestLimits& limits) {
  Harvested all;
  TRY(harvest(finished.out, limits, [&all](HarvestedFile file) -> Result<void> {
    all.paths.push_back(file.path);
    all.texts.push_back(TRY(read_fd(file.fd.get(), kMiB, file.path)));
    all.executable.push_back(file.executable);
    return {};
  }));
  return all;
}

Code refusal(const Finished& finished, const HarvestLimits& limits) {
  const auto got = harvest_all(finished, limits);
  REQUIRE_FALSE(got.has_value());
  INFO(got.error().context);
  return got.error().code;
}

std::size_t groups_named(const std::string& prefix) { return count_groups("/sys/fs/cgroup", prefix); }

Footprint footprint() {
  Footprint now;
  now.fds = names_in("/proc/self/fd").size();
  const std::string mounts = read_text("/proc/self/mountinfo");
  now.mounts = static_cast<std::size_t>(std::ranges::count(mounts, '\n'));
  now.groups = groups_named("airlock-" + std::to_string(::getpid()) + "-");
  now.children = children_of(::getpid()).size();
  return now;
}

std::vector<int> descendants() {
  std::vector<int> all = children_of(::getpid());
  for (std::size_t i = 0; i < all.size(); ++i)
    for (const int child : children_of(all[i])) all.push_back(child);
  return all;
}

std::string status_line(int pid, const std::string& name) {
  std::istringstream status(read_text("/proc/" + std::to_string(pid) + "/status"));
  for (std::string line; std::getline(status, line);)
    if (line.starts_with(name + ":")) return line.substr(name.size() + 1);
  return "";
}

std::string in_child(const std::function<std::string()>& body) {
  int ends[2];
  REQUIRE(::pipe(ends) == 0);
  const pid_t child = ::fork();
  REQUIRE(child >= 0);
  if (child == 0) {
    const std::string said = body();
    (void)!::write(ends[1], said.data(), said.size());
    ::_exit(0);
  }
  ::close(ends[1]);
  auto said = read_fd(ends[0], kMiB, "the child's answer");
  ::close(ends[0]);
  int status = 0;
  REQUIRE(::waitpid(child, &status, 0) == child);
  CHECK(status == 0);
  return said.value_or("nothing");
}

bool become_ordinary_user() {
  if (::geteuid() == 0 && (::setgroups(0, nullptr) != 0 || ::setresgid(65533, 65533, 65533) != 0 || ::setresuid(65533, 65533, 65533) != 0)) return false;
  return ::prctl(PR_SET_DUMPABLE, 1) == 0;  // as in a process that was started by this user
}

std::string as_ordinary_user(const std::function<std::string()>& body) {
  return in_child([&body] { return become_ordinary_user() ? body() : "could not become an ordinary user"; });
}

}  // namespace kernel_test
