// sandbox: runs one hostile program at a time behind every wall this host offers (docs/architecture.md, "Sandbox").
//
// Start at Host::probe(): it starts a real step and says which layers hold here. Make one Slot per worker thread with
// Slot::create(); Slot::run() starts one step, waits for it, and returns what happened with the evidence. When it
// returns, every process of the step is dead and its /out can be read with harvest() (sandbox/harvest.h).
// A layer that is missing and not named in the Policy is kSandboxUnavailable: nothing is downgraded silently.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/time.h"
#include "base/unique_fd.h"
#include "sandbox/cancel.h"
#include "sandbox/evidence.h"
#include "sandbox/layers.h"
#include "sandbox/network.h"

namespace airlock::sandbox {

struct Mount {
  std::string source;  // absolute path of a folder or file; its content must be readable for others (0755/0644)
  std::string target;  // "/plugin" or "/in/NAME"; always mounted read-only, nosuid, nodev
};

enum class Rootfs {
  kNone,    // nothing but /plugin /in /out /tmp /dev /proc: static programs
  kHostRo,  // also the host's /usr, /bin, /lib*, /sbin, a minimal /etc, all read-only
  kImage,   // also what lies in StepSpec::image, read-only; our own names hide the image's
};

struct Resources {
  std::uint64_t memory = 256 * kMiB;  // at least kMinMemory; no swap
  double cpu = 1.0;                   // cores, at least 0.01
  unsigned pids = 64;                 // processes and threads of the step
  std::uint64_t disk = 1 * kGiB;      // /out and /tmp together
  std::uint64_t inodes = 65'536;      // files and folders in /out and /tmp together
  Millis timeout{300'000};            // wall clock; then SIGTERM, `grace`, then everything is killed
  Millis grace{5'000};
};
inline constexpr std::uint64_t kMinMemory = 4 * kMiB, kMinDisk = 64 * kKiB;

// Output streams go to files of the runner, which are created or emptied. What exceeds a cap is read and dropped, so
// a flood neither blocks the step nor grows the runner. An empty path keeps nothing but still counts.
struct Capture {
  std::string stdout_path, stderr_path;
  std::string events_path;                            // fd 3, as written
  std::uint64_t log_bytes = 16 * kMiB;                // each of stdout and stderr
  std::uint64_t events_bytes = 16 * kMiB;
  std::size_t event_line_bytes = 64 * kKiB;           // longer lines are not given to on_event
  std::function<void(std::string_view line)> on_event;  // each whole line of fd 3; untrusted text; called by run()'s thread
};

struct StepSpec {
  std::vector<std::string> argv;             // argv[0]: absolute path inside the sandbox, executed as it is
  std::map<std::string, std::string> env;    // complete: nothing of the runner's environment is added
  std::vector<Mount> mounts;
  Rootfs rootfs = Rootfs::kNone;
  std::string image;                         // kImage: absolute path of a root file system, readable for others
  std::vector<NetworkGrant> network;         // what it may reach, from the namespace of run()'s caller; empty: nothing
  Resources resources;
  Capture capture;
};

struct Outcome {
  enum class Kind {
    kExited,       // value: exit code
    kSignaled,     // value: signal number
    kTimedOut,
    kOutOfMemory,
    kCancelled,    // Cancel::stop() or kill()
    kNotStarted,   // the program could not be executed; value: errno
  };
  Kind kind;
  int value = 0;
};

struct Finished {
  Outcome outcome;
  Evidence evidence;
  UniqueFd out;  // /out, open for harvest(); close it before the slot's next run(): its files count as the slot's memory
};

// Nothing when the step exited with 0; else kStepExit, kStepSignal, kStepTimeout, kStepMemory or kInterrupted.
std::optional<Error> step_error(const Finished& finished);

// What decides which system calls a step may make: SHA-256 of the seccomp program and the sandbox version. Part of
// every stepHash.
Result<Digest> profile_digest();

// What this machine offers. Immutable after the probe; shared by all slots.
class Host {
 public:
  // Takes some 10 ms. A missing layer is no error here: see layers().
  static Result<std::shared_ptr<const Host>> probe();
  ~Host();

  const std::vector<LayerStatus>& layers() const;
  const Digest& profile() const;
  std::string summary() const;  // one line: "as root; cgroup v1 (cpu cpuacct memory pids); Landlock ABI 7"

  struct Impl;
  const Impl& impl() const { return *impl_; }

 private:
  explicit Host(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

struct Policy {
  std::vector<Degradation> allow_degraded;
};

// A place where steps run, one at a time: owns a thread, the control groups and a prepared
// place (sandbox/place.h).
// Not thread-safe: one worker thread per slot. Several slots run in parallel in one process.
class Slot {
 public:
  // kSandboxUnavailable when a layer is missing that `policy` does not name.
  static Result<std::unique_ptr<Slot>> create(std::shared_ptr<const Host> host, const Policy& policy);
  ~Slot();  // removes the control groups

  // Blocks until the step and all it started are dead. Errors are failures of the sandbox or of the spec
  // (kSandboxSetup, kSandboxUnavailable, kStepInput, kIo); whatever the step itself does is a Finished.
  // kInterrupted: `cancel` was already drained, nothing was started.
  Result<Finished> run(const StepSpec& spec, const Cancel& cancel);

 private:
  struct Impl;
  explicit Slot(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace airlock::sandbox
