// sandbox/evidence: what is recorded about one attempt of a step, for the ledger and the auditor.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/time.h"
#include "sandbox/layers.h"
#include "sandbox/network.h"

namespace airlock::sandbox {

struct StreamEvidence {
  std::uint64_t bytes = 0;  // written by the step
  std::uint64_t kept = 0;   // in the file; less than `bytes` when the cap was reached
};

enum class KilledBy { kNobody, kTimeout, kTimeoutAfterGrace, kCancel, kOutOfMemory };

struct Evidence {
  std::vector<Layer> layers;           // in force
  std::vector<Degradation> degraded;   // missing, and why the operator went on
  std::string seccomp_profile;         // version of the profile
  Digest seccomp_digest = Digest::of_empty();
  unsigned landlock_abi = 0;           // 0: not in force
  std::uint32_t host_uid = 0;          // who the step was outside

  std::string cgroup_mode;             // "v1", "v2" or "none"
  std::uint64_t memory_limit = 0;      // what the step declared
  // Files in /out and /tmp are memory to the kernel: the group's hard limit is the declared memory plus disk.
  std::uint64_t group_memory_limit = 0;
  std::uint64_t pids_limit = 0;
  std::uint64_t cpu_limit_millis = 0;  // thousandths of a core
  std::uint64_t disk_limit = 0;
  std::uint64_t inode_limit = 0;
  Millis timeout{0};

  std::optional<std::uint64_t> memory_peak;     // bytes, files in /out and /tmp included
  std::optional<std::uint64_t> cpu_micros;
  std::optional<std::uint64_t> pids_peak;
  std::uint64_t bytes_written = 0;              // held by /out and /tmp at the end
  std::uint64_t inodes_used = 0;
  std::uint64_t oom_kills = 0;
  std::uint64_t pids_limit_hits = 0;
  std::uint64_t cpu_throttled_micros = 0;
  StreamEvidence stdout_log, stderr_log, events;

  std::vector<NetworkGrant> network;   // what it could reach
  DecisionLog network_log;             // what it tried

  Millis wall{0};
  std::optional<int> exit_code;
  std::optional<int> exit_signal;
  KilledBy killed_by = KilledBy::kNobody;
};

// One object: {layers, degraded, seccomp, landlockAbi, hostUid, cgroup, limits, usage, limitEvents, logs, network, wallMs,
// exit, killedBy}. `network`: {mode: "denied" | "brokered", granted: [{endpoint, name?}], decisions: [decision_json()],
// others: attempts beyond those}.
Json evidence_json(const Evidence& evidence);

}  // namespace airlock::sandbox
