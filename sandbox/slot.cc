#include <unistd.h>

#include <algorithm>
#include <cstring>

#include "sandbox/cgroup_files.h"
#include "sandbox/engine.h"
#include "sandbox/host.h"
#include "sandbox/sandbox.h"

namespace airlock::sandbox {
namespace {

// Whether user namespaces map `id` to something outside, from the text of /proc/self/uid_map or gid_map.
bool is_mapped(std::string_view map, std::uint32_t id) {
  while (!map.empty()) {
    const std::string line(map.substr(0, map.find('\n')));
    map.remove_prefix(std::min(map.size(), line.size() + 1));
    unsigned long long first = 0, outside = 0, count = 0;
    if (std::sscanf(line.c_str(), "%llu %llu %llu", &first, &outside, &count) == 3 && id >= first && id - first < count) return true;
  }
  return false;
}

}  // namespace

std::optional<OutsideIds> outside_ids(bool root, unsigned slot) {
  if (!root) return OutsideIds{::geteuid(), ::getegid()};
  // From 0x70000000: nothing hands out numbers there (people, system services and containers end below). The runner's pid
  // and the slot make it differ from every other step's, so that steps share no per-user limit, queue or lock.
  const auto own = 0x70000000U + ((static_cast<std::uint32_t>(::getpid()) & 0x3fffffU) << 5) + (slot & 31U);
  const auto uids = read_control("/proc/self", "uid_map"), gids = read_control("/proc/self", "gid_map");
  if (!uids || !gids) return std::nullopt;
  for (const std::uint32_t id : {own, kInsideId})
    if (is_mapped(*uids, id) && is_mapped(*gids, id)) return OutsideIds{id, id};
  return std::nullopt;
}

Host::Host(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Host::~Host() = default;
const std::vector<LayerStatus>& Host::layers() const { return impl_->layers; }
const Digest& Host::profile() const { return impl_->seccomp.digest; }

std::string Host::summary() const {
  std::string text = impl_->facts.root ? "as root" : "as uid " + std::to_string(::geteuid());
  std::string missing;
  for (const LayerStatus& status : impl_->layers)
    if (!status.ok) missing += (missing.empty() ? "" : ", ") + std::string(layer_name(status.layer));
  text += "; cgroup " + impl_->cgroups.detail + "; Landlock ABI " + std::to_string(impl_->facts.landlock_abi);
  return missing.empty() ? text + "; every layer holds" : text + "; missing: " + missing;
}

Result<Digest> profile_digest() { return TRY(build_seccomp_profile()).digest; }

std::optional<Error> step_error(const Finished& finished) {
  const Evidence& e = finished.evidence;
  const auto bytes = [](std::uint64_t n) { return std::to_string(n) + " bytes"; };
  switch (finished.outcome.kind) {
    case Outcome::Kind::kExited:
      if (finished.outcome.value == 0) return std::nullopt;
      return Error{Code::kStepExit, "exit code " + std::to_string(finished.outcome.value)};
    case Outcome::Kind::kSignaled: {
      const char* name = ::sigabbrev_np(finished.outcome.value);
      return Error{Code::kStepSignal, "signal " + std::to_string(finished.outcome.value) + (name != nullptr ? std::string(" (SIG") + name + ")" : "")};
    }
    case Outcome::Kind::kTimedOut: return Error{Code::kStepTimeout, "after " + format_duration(e.timeout)};
    case Outcome::Kind::kOutOfMemory:
      return Error{Code::kStepMemory, "memory " + bytes(e.memory_limit) + " and disk " + bytes(e.disk_limit) + " were used up"};
    case Outcome::Kind::kCancelled: return Error{Code::kInterrupted, "the step was cancelled"};
    case Outcome::Kind::kNotStarted:
      return Error{Code::kStepExit, std::string("the program could not be executed: ") + std::strerror(finished.outcome.value)};
  }
  std::unreachable();
}

struct Slot::Impl {
  std::shared_ptr<const Host> host;
  std::vector<Degradation> degraded;
  std::unique_ptr<Engine> engine;
};

Slot::Slot(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Slot::~Slot() = default;

Result<std::unique_ptr<Slot>> Slot::create(std::shared_ptr<const Host> host, const Policy& policy) {
  auto impl = std::make_unique<Impl>();
  LayerSet layers;
  for (const LayerStatus& status : host->layers()) {
    if (status.ok) {
      layers = layers.with(status.layer);
      continue;
    }
    const auto allowed = std::ranges::find(policy.allow_degraded, status.layer, &Degradation::layer);
    if (is_mandatory(status.layer) || allowed == policy.allow_degraded.end())
      return fail(Code::kSandboxUnavailable, std::string(layer_name(status.layer)) + ": " + status.detail + ". " + status.remedy);
    impl->degraded.push_back(*allowed);
  }
  auto engine = Engine::create(host->impl(), layers);
  if (!engine) return fail(std::move(engine.error().error));
  impl->engine = std::move(*engine);
  impl->host = std::move(host);
  return std::unique_ptr<Slot>(new Slot(std::move(impl)));
}

Result<Finished> Slot::run(const StepSpec& spec, const Cancel& cancel) {
  if (cancel.level() >= Cancel::Level::kDrain) return fail(Code::kInterrupted, "no step is started any more");
  auto finished = impl_->engine->run(spec, cancel);
  if (!finished) return fail(std::move(finished.error().error));
  finished->evidence.degraded = impl_->degraded;
  return std::move(*finished);
}

}  // namespace airlock::sandbox
