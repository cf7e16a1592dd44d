#include "sandbox/engine.h"

#include <limits.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <sys/wait.h>

#include <atomic>
#include <cerrno>
#include <cmath>

#include "base/io.h"
#include "sandbox/image_tree.h"
#include "sandbox/place.h"
#include "sandbox/supervise.h"

namespace airlock::sandbox {
namespace {

StartFailure plain(Error error) { return {std::move(error), std::nullopt}; }
StartFailure of_cgroup(const Error& error) { return {{Code::kSandboxSetup, "cgroup: " + error.context}, Layer::kCgroup}; }

// The child refuses symbolic links on the way to a source, so the way is made free of them here.
Result<std::vector<ResolvedMount>> resolve(const std::vector<Mount>& mounts) {
  std::vector<ResolvedMount> resolved;
  for (const Mount& mount : mounts) {
    if (mount.source.empty() || mount.source[0] != '/') return fail(Code::kStepInput, "mount source " + printable(mount.source) + " is not absolute");
    const std::unique_ptr<char, void (*)(void*)> real(::realpath(mount.source.c_str(), nullptr), &::free);
    struct stat st{};
    if (!real || ::stat(real.get(), &st) != 0)
      return fail(Code::kStepInput, mount.target + ": " + os_error("open", mount.source, errno).context);
    if (!S_ISDIR(st.st_mode) && !S_ISREG(st.st_mode))
      return fail(Code::kStepInput, mount.target + ": " + mount.source + " is neither a folder nor a regular file");
    resolved.push_back({real.get(), mount.target, S_ISDIR(st.st_mode)});
  }
  return resolved;
}

std::uint64_t cpu_millis(double cores) { return static_cast<std::uint64_t>(std::llround(cores * 1000)); }

// To the kernel a file in a tmpfs is memory of the group that wrote it. `memory` and `disk` are separate promises, so
// the group's hard limit is their sum: a step can fill /out to its limit without dying of it. The price: a step that
// writes little may use more than `memory`, up to the sum; the host is never asked for more than that.
GroupLimits group_limits(const Resources& r) { return {r.memory + r.disk, r.pids + 1, cpu_millis(r.cpu)}; }

Result<Streams> make_streams(const Capture& c) {
  auto out = TRY(CapturedStream::create(c.stdout_path, c.log_bytes, 0, {}));
  auto err = TRY(CapturedStream::create(c.stderr_path, c.log_bytes, 0, {}));
  auto events = TRY(CapturedStream::create(c.events_path, c.events_bytes, c.event_line_bytes, c.on_event));
  return Streams{std::move(out), std::move(err), std::move(events)};
}

std::string_view mode_name(CgroupHost::Mode mode) {
  switch (mode) {
    case CgroupHost::Mode::kNone: return "none";
    case CgroupHost::Mode::kV1: return "v1";
    case CgroupHost::Mode::kV2: return "v2";
  }
  std::unreachable();
}

void record_limits(Evidence& e, const HostFacts& facts, const Host::Impl& host, const SeccompProfile& profile, const Resources& r) {
  for (const Layer layer : kAllLayers)
    if (facts.layers.has(layer)) e.layers.push_back(layer);
  e.seccomp_profile = profile.version;
  e.seccomp_digest = profile.digest;
  e.landlock_abi = facts.layers.has(Layer::kLandlock) ? facts.landlock_abi : 0;
  e.host_uid = facts.host_uid;
  const bool grouped = facts.layers.has(Layer::kCgroup);
  e.cgroup_mode = grouped ? mode_name(host.cgroups.mode) : "none";
  e.memory_limit = r.memory;
  e.group_memory_limit = grouped ? group_limits(r).memory : 0;
  e.pids_limit = r.pids;
  e.cpu_limit_millis = cpu_millis(r.cpu);
  e.disk_limit = r.disk;
  e.inode_limit = r.inodes;
  e.timeout = r.timeout;
}

void record_usage(Evidence& e, const Ended& ended, const GroupUsage& usage, const Streams& streams, const UniqueFd& out) {
  e.memory_peak = usage.memory_peak;
  e.cpu_micros = usage.cpu_micros;
  if (!e.cpu_micros && ended.usage) {
    const auto micros = [](const timeval& t) { return static_cast<std::uint64_t>(t.tv_sec) * 1'000'000 + static_cast<std::uint64_t>(t.tv_usec); };
    e.cpu_micros = micros(ended.usage->ru_utime) + micros(ended.usage->ru_stime);
  }
  e.pids_peak = usage.pids_peak;
  e.oom_kills = usage.oom_kills;
  e.pids_limit_hits = usage.pids_limit_hits;
  e.cpu_throttled_micros = usage.cpu_throttled_micros;
  e.stdout_log = streams.stdout_log.evidence();
  e.stderr_log = streams.stderr_log.evidence();
  e.events = streams.events.evidence();
  e.wall = ended.wall;
  e.killed_by = ended.killed_by;
  if (ended.wait_status && WIFEXITED(*ended.wait_status) && !ended.not_started) e.exit_code = WEXITSTATUS(*ended.wait_status);
  if (ended.wait_status && WIFSIGNALED(*ended.wait_status)) e.exit_signal = WTERMSIG(*ended.wait_status);
  if (!ended.wait_status) e.exit_signal = SIGKILL;
  if (struct statfs disk{}; ::fstatfs(out.get(), &disk) == 0) {
    e.bytes_written = (disk.f_blocks - disk.f_bfree) * static_cast<std::uint64_t>(disk.f_bsize);
    constexpr std::uint64_t kOurs = 3;  // the tmpfs itself, /out and /tmp
    e.inodes_used = disk.f_files - disk.f_ffree - kOurs;
  }
}

}  // namespace

Attempt<std::unique_ptr<Engine>> Engine::create(const Host::Impl& host, LayerSet layers) {
  // The one counter of the process: groups are named by it, also those of a second Host.
  static std::atomic<unsigned> next_slot{0};
  const unsigned slot = next_slot.fetch_add(1);
  HostFacts facts = host.facts;
  facts.layers = layers;
  const auto ids = outside_ids(facts.root, slot);
  if (!ids)
    return std::unexpected(StartFailure{{Code::kSandboxSetup, "identity: no unprivileged uid and gid are mapped in this user namespace"}, Layer::kIdentity});
  facts.host_uid = ids->uid;
  facts.host_gid = ids->gid;
  std::unique_ptr<Engine> engine(new Engine(host, std::move(facts)));
  if (layers.has(Layer::kCgroup)) {
    auto group = make_slot_group(host.cgroups, slot_group_name(slot));
    if (!group) return std::unexpected(of_cgroup(group.error()));
    engine->group_ = std::move(*group);
  } else {
    engine->group_ = make_no_group();
  }
  if (host.facts.place && layers.has(Layer::kUserNs)) {
    auto made = make_user_namespace(*ids);
    if (!made) return std::unexpected(StartFailure{made.error(), Layer::kUserNs});
    engine->user_ns_ = std::move(*made);
  }
  std::optional<StartFailure> failure;
  auto spawner = Spawner::create([&]() -> Result<void> {
    if (auto adopted = engine->group_->adopt_current_thread(); !adopted) failure = of_cgroup(adopted.error());
    else if (host.facts.place) failure = enter_place(engine->facts_);
    return failure ? fail(failure->error) : Result<void>{};
  });
  if (!spawner) return std::unexpected(failure ? std::move(*failure) : plain(spawner.error()));
  engine->spawner_ = std::move(*spawner);
  return engine;
}

Attempt<Finished> Engine::run(const StepSpec& spec, const Cancel& cancel) {
  const auto mounts = resolve(spec.mounts);
  if (!mounts) return std::unexpected(plain(mounts.error()));
  const auto image = look_at_image(spec);
  if (!image) return std::unexpected(plain(image.error()));
  const auto plan = make_plan(spec, facts_, *mounts, *image);
  if (!plan) return std::unexpected(plain(plan.error()));
  auto streams = make_streams(spec.capture);
  if (!streams) return std::unexpected(plain(streams.error()));
  if (auto ready = group_->begin(group_limits(spec.resources)); !ready) return std::unexpected(of_cgroup(ready.error()));
  std::unique_ptr<Broker> broker;
  if (!spec.network.empty()) {
    auto made = Broker::create(spec.network);
    if (!made) return std::unexpected(plain(made.error()));
    broker = std::move(*made);
  }
  auto started = start_step(host_, *plan, *spawner_, *group_, user_ns_, *streams, broker.get());
  if (!started) return std::unexpected(std::move(started.error()));
  Ended ended = supervise(*started, *streams, spec.resources, *group_, cancel, broker.get());
  spawner_->let_go(std::move(started->mounts));
  const auto usage = group_->end();
  if (!usage) return std::unexpected(of_cgroup(usage.error()));
  // Version 2 of the groups kills all of the step by itself.
  if (usage->oom_kills > 0 && ended.killed_by == KilledBy::kNobody) ended.killed_by = KilledBy::kOutOfMemory;
  for (const CapturedStream* stream : {&streams->stdout_log, &streams->stderr_log, &streams->events})
    if (stream->error()) return std::unexpected(plain(*stream->error()));
  Finished finished{judge(ended, usage->oom_kills), {}, std::move(started->out)};
  record_limits(finished.evidence, facts_, host_, broker ? host_.brokered : host_.seccomp, spec.resources);
  if (broker) {
    finished.evidence.network = broker->grants();
    finished.evidence.network_log = broker->log();
  }
  record_usage(finished.evidence, ended, *usage, *streams, finished.out);
  return finished;
}

}  // namespace airlock::sandbox
