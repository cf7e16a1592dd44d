#include "sandbox/evidence.h"

#include <utility>

namespace airlock::sandbox {
namespace {

std::string_view killed_by_name(KilledBy who) {
  switch (who) {
    case KilledBy::kNobody: return "nobody";
    case KilledBy::kTimeout: return "timeout";
    case KilledBy::kTimeoutAfterGrace: return "timeout-after-grace";
    case KilledBy::kCancel: return "cancel";
    case KilledBy::kOutOfMemory: return "out-of-memory";
  }
  std::unreachable();
}

Json optional_number(const std::optional<std::uint64_t>& value) { return value ? Json(*value) : Json(nullptr); }

Json stream_json(const StreamEvidence& stream) {
  return {{"bytes", stream.bytes}, {"kept", stream.kept}, {"capped", stream.kept < stream.bytes}};
}

Json exit_json(const Evidence& e) {
  if (e.exit_code) return {{"code", *e.exit_code}};
  if (e.exit_signal) return {{"signal", *e.exit_signal}};
  return nullptr;
}

Json network_json(const Evidence& e) {
  Json granted = Json::array(), decisions = Json::array();
  for (const NetworkGrant& grant : e.network) {
    Json one = {{"endpoint", endpoint_text(grant.address, grant.port)}};
    if (!grant.name.empty()) one["name"] = grant.name;
    granted.push_back(std::move(one));
  }
  for (const auto& [decision, count] : e.network_log.decisions()) decisions.push_back(decision_json(decision, count));
  return {{"mode", e.network.empty() ? "denied" : "brokered"}, {"granted", std::move(granted)}, {"decisions", std::move(decisions)},
          {"others", e.network_log.others()}};
}

}  // namespace

Json evidence_json(const Evidence& e) {
  Json layers = Json::array(), degraded = Json::array();
  for (const Layer layer : e.layers) layers.push_back(std::string(layer_name(layer)));
  for (const Degradation& d : e.degraded) degraded.push_back({{"layer", std::string(layer_name(d.layer))}, {"reason", d.reason}});
  return {
      {"layers", layers},
      {"degraded", degraded},
      {"seccomp", {{"profile", e.seccomp_profile}, {"digest", e.seccomp_digest.prefixed()}}},
      {"landlockAbi", e.landlock_abi},
      {"hostUid", e.host_uid},
      {"cgroup", {{"mode", e.cgroup_mode}, {"memoryLimit", e.group_memory_limit}}},
      {"limits", {{"memory", e.memory_limit}, {"pids", e.pids_limit}, {"cpuMillis", e.cpu_limit_millis}, {"disk", e.disk_limit},
                  {"inodes", e.inode_limit}, {"timeoutMs", e.timeout.count()}}},
      {"usage", {{"memoryPeak", optional_number(e.memory_peak)}, {"cpuMicros", optional_number(e.cpu_micros)},
                 {"pidsPeak", optional_number(e.pids_peak)}, {"bytesWritten", e.bytes_written}, {"inodesUsed", e.inodes_used}}},
      {"limitEvents", {{"oomKills", e.oom_kills}, {"pidsLimitHits", e.pids_limit_hits}, {"cpuThrottledMicros", e.cpu_throttled_micros}}},
      {"logs", {{"stdout", stream_json(e.stdout_log)}, {"stderr", stream_json(e.stderr_log)}, {"events", stream_json(e.events)}}},
      {"network", network_json(e)},
      {"wallMs", e.wall.count()},
      {"exit", exit_json(e)},
      {"killedBy", std::string(killed_by_name(e.killed_by))},
  };
}

}  // namespace airlock::sandbox
