// Host::probe(): starts a step that looks at its own walls, taking away what fails until it starts, and believes nothing
// else: no version number, no configuration file.
#include <dirent.h>
#include <sched.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <charconv>
#include <cstring>
#include <map>

#include "base/io.h"
#include "sandbox/cgroup_files.h"
#include "sandbox/engine.h"
#include "sandbox/host.h"
#include "sandbox/init_image.h"
#include "sandbox/remedy.h"
#include "sandbox/sys.h"
#include "sandbox/wire.h"

namespace airlock::sandbox {
namespace {

using Missing = std::map<Layer, std::string>;  // and what was seen

// A namespace alone (in a user namespace of its own, where that is not the question), to name the one that fails.
std::optional<std::string> try_namespace(std::uint64_t flag, bool with_user) {
  sys::CloneArgs args;
  args.flags = flag | (with_user ? std::uint64_t{CLONE_NEWUSER} : 0);
  args.exit_signal = SIGCHLD;
  const long pid = sys::call(SYS_clone3, sys::address(&args), sizeof args);
  if (pid == 0) sys::call(SYS_exit_group, 0);
  if (pid < 0) return std::string("clone3: ") + std::strerror(static_cast<int>(-pid));
  while (::waitpid(static_cast<pid_t>(pid), nullptr, 0) < 0 && errno == EINTR) {
  }
  return std::nullopt;
}

Missing try_namespaces() {
  Missing missing;
  if (auto why = try_namespace(CLONE_NEWUSER, false)) missing[Layer::kUserNs] = *why;
  const bool user = !missing.contains(Layer::kUserNs);
  const std::pair<Layer, std::uint64_t> namespaces[] = {{Layer::kMountNs, CLONE_NEWNS}, {Layer::kPidNs, CLONE_NEWPID},
      {Layer::kNetNs, CLONE_NEWNET}, {Layer::kIpcNs, CLONE_NEWIPC}, {Layer::kUtsNs, CLONE_NEWUTS}, {Layer::kCgroupNs, CLONE_NEWCGROUP}};
  for (const auto& [layer, flag] : namespaces)
    if (auto why = try_namespace(flag, user)) missing[layer] = *why;
  return missing;
}

HostTree look_at_tree() {
  HostTree tree;
  for (const char* path : {"/usr", "/bin", "/sbin", "/lib", "/lib32", "/lib64", "/libx32", "/etc/ld.so.cache", "/etc/alternatives"}) {
    struct stat st{};
    if (::lstat(path, &st) != 0) continue;
    char target[4096];
    if (S_ISLNK(st.st_mode)) {
      const ssize_t n = ::readlink(path, target, sizeof target);
      if (n > 0) tree.symlinks.emplace_back(path, std::string(target, static_cast<std::size_t>(n)));
    } else {
      tree.mounts.push_back({path, path, S_ISDIR(st.st_mode)});
    }
  }
  return tree;
}

// What the probe step saw of itself, by name.
std::map<std::string, long, std::less<>> parse_facts(const std::vector<std::string>& lines) {
  std::map<std::string, long, std::less<>> facts;
  for (const std::string& line : lines) {
    const std::size_t space = line.find(' ');
    long value = 0;
    if (space == std::string::npos) continue;
    std::from_chars(line.data() + space + 1, line.data() + line.size(), value);
    facts[line.substr(0, space)] = value;
  }
  return facts;
}

Missing judge_facts(const std::vector<std::string>& lines, const HostFacts& host, LayerSet layers) {
  struct Want {
    Layer layer;
    const char* fact;
    long value;
  };
  const long id = layers.has(Layer::kUserNs) ? long{kInsideId} : long{host.host_uid};
  const Want wants[] = {{Layer::kIdentity, "uid", id}, {Layer::kIdentity, "euid", id}, {Layer::kIdentity, "no_new_privs", 1},
                        {Layer::kIdentity, "bounding", 0}, {Layer::kIdentity, "capabilities", 0}, {Layer::kPidNs, "pid", 2},
                        {Layer::kSeccomp, "seccomp", 2}, {Layer::kSeccomp, "mount", -EPERM}};
  const auto facts = parse_facts(lines);
  Missing missing;
  for (const Want& want : wants) {
    if (!layers.has(want.layer)) continue;
    const auto seen = facts.find(want.fact);
    if (seen == facts.end()) missing[want.layer] = std::string("the probe step did not report ") + want.fact;
    else if (seen->second != want.value)
      missing[want.layer] = std::string("the probe step saw ") + want.fact + " " + std::to_string(seen->second) + " instead of " + std::to_string(want.value);
  }
  return missing;
}

Missing try_step(const Host::Impl& host, LayerSet layers) {
  const auto from = [](const StartFailure& failure) {
    return Missing{{failure.layer.value_or(Layer::kRoot), failure.error.context}};
  };
  auto engine = Engine::create(host, layers);
  if (!engine) return from(engine.error());
  auto cancel = Cancel::create();
  if (!cancel) return from({cancel.error(), std::nullopt});
  std::vector<std::string> lines;
  StepSpec spec;
  spec.argv = {"/proc/self/exe", kProbeArgument};
  spec.resources.memory = 16 * kMiB;
  spec.resources.disk = 1 * kMiB;
  spec.resources.timeout = Millis{10'000};
  spec.resources.grace = Millis{0};
  spec.capture.on_event = [&lines](std::string_view line) { lines.emplace_back(line); };
  const auto finished = (*engine)->run(spec, *cancel);
  if (!finished) return from(finished.error());
  if (const auto error = step_error(*finished)) return {{Layer::kRoot, "the probe step failed: " + error->context}};
  return judge_facts(lines, (*engine)->facts(), layers);
}

bool any_mandatory(const Missing& missing) {
  return std::ranges::any_of(missing, [](const auto& entry) { return is_mandatory(entry.first); });
}

LayerSet all_but(const Missing& missing) {
  LayerSet layers = LayerSet::all();
  for (const auto& [layer, why] : missing) layers = layers.without(layer);
  return layers;
}

// Takes away one layer after the other until a step starts; each round removes at least one, so it ends.
Missing find_missing(const Host::Impl& host, Missing missing) {
  while (!any_mandatory(missing)) {
    if (missing.contains(Layer::kUserNs) && !host.facts.root) {
      missing.emplace(Layer::kIdentity, "an ordinary user needs a user namespace for every other layer");
      break;
    }
    Missing found = try_step(host, all_but(missing));
    if (found.empty()) break;
    const std::size_t before = missing.size();
    missing.merge(found);
    if (missing.size() == before) missing.emplace(Layer::kRoot, found.begin()->second);
  }
  return missing;
}

std::string detail_of(Layer layer, const Host::Impl& host) {
  if (layer == Layer::kLandlock) return "ABI " + std::to_string(host.facts.landlock_abi);
  if (layer == Layer::kCgroup) return host.cgroups.detail;
  if (layer == Layer::kSeccomp) return std::string(kProfileVersion) + ", " + std::to_string(host.seccomp.program.size()) + " instructions";
  if (layer == Layer::kIdentity) return host.facts.root ? "an unprivileged uid of its own for each slot" : "uid " + std::to_string(::geteuid()) + ", without rights";
  return "in force";
}

std::vector<LayerStatus> statuses(const Host::Impl& host, const Missing& missing) {
  const bool hopeless = any_mandatory(missing);
  const HostSettings settings = missing.empty() ? HostSettings{} : read_host_settings();
  std::vector<LayerStatus> out;
  for (const Layer layer : kAllLayers) {
    if (const auto found = missing.find(layer); found != missing.end())
      out.push_back({layer, false, found->second, layer_remedy(layer, settings)});
    else
      out.push_back({layer, true, hopeless ? "not tried with the others: no step starts here" : detail_of(layer, host), ""});
  }
  return out;
}

}  // namespace

Result<std::shared_ptr<const Host>> Host::probe() {
  auto impl = std::make_unique<Impl>();
  impl->seccomp = TRY(build_seccomp_profile());
  impl->brokered = TRY(build_seccomp_profile(Sockets::kBrokered));
  impl->init_file = TRY(make_init_file());
  impl->facts.root = ::geteuid() == 0;
  impl->facts.tree = look_at_tree();
  const auto score = read_control("/proc/self", "oom_score_adj");
  impl->facts.raise_oom_score = score && score->starts_with('-');
  impl->cgroups = prepare_cgroups();

  Missing missing = try_namespaces();
  const long abi = sys::call(SYS_landlock_create_ruleset, 0, 0, sys::kLandlockCreateVersion);
  if (abi > 0) impl->facts.landlock_abi = static_cast<unsigned>(abi);
  else missing[Layer::kLandlock] = std::string("landlock_create_ruleset: ") + std::strerror(static_cast<int>(-abi));
  if (impl->cgroups.mode == CgroupHost::Mode::kNone) missing[Layer::kCgroup] = impl->cgroups.detail;
  missing = find_missing(*impl, std::move(missing));
  impl->facts.place = impl->facts.root && !any_mandatory(missing);
  // The same walls, sooner: where a place cannot be had (root of a container, say), each step builds them for itself.
  if (impl->facts.place && !try_step(*impl, all_but(missing)).empty()) impl->facts.place = false;

  impl->facts.layers = all_but(missing);
  impl->layers = statuses(*impl, missing);
  return std::shared_ptr<const Host>(new Host(std::move(impl)));
}

}  // namespace airlock::sandbox
