// sandbox/setup_plan: decides, without touching the kernel, what the child does between clone and exec.
//
// The plan is a list of plain operations in the order in which they must happen; child.cc carries them out one by one
// and reports the index of the one that failed. Order is the security property: read make_plan() top to bottom.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/sandbox.h"

namespace airlock::sandbox {

enum class OpKind : std::uint8_t {
  kUnshare,         // new namespaces `flags` for the caller itself
  kNewSession,      // no controlling terminal
  kOpenTree,        // slot = clone of the mount at `path`, below it too when `value`
  kPrivateMounts,   // nothing propagates to or from the host
  kEnterUserNs,     // the user namespace that the slot keeps
  kSetIds,          // value: uid and gid; flags bit 0: drop supplementary groups
  kDieWithRunner,   // SIGKILL when the thread that started it ends
  kNewTmpfs,        // slot = new tmpfs, `value` bytes, `flags` inodes; not attached
  kNewProc,         // slot = new proc of this pid namespace, only processes, other users' hidden
  kAttachRoot,      // slot over the host's root, and make it the current folder
  kMakeDir,         // `path` below the new root; value: mode
  kMakeFile,        // empty file `path`, content `text`
  kMakeLink,        // symbolic link `path` -> `text`
  kGive,            // `path` belongs to uid `value` and gid `flags`
  kOomScore,        // as likely a victim of the kernel as any process
  kTakeSubtree,     // slot = clone of the mount at `path` below the new root
  kRestrict,        // mount attributes `flags` on slot, below it too when `value`
  kAttach,          // slot at `path` below the new root
  kSendOut,         // descriptors of folder `path` and of mount namespace `text` to the runner
  kPivot,           // the new root becomes the root, the host's is detached
  kRestrictRoot,    // mount attributes `flags` on "/"
  kHostName,        // `text`
  kChangeDir,       // `path`
  kStandardFds,     // 0 = /dev/null, 1, 2, 3, control, init; everything above is closed
  kLimit,           // rlimit `value` to `flags`
  kFileMode,        // umask `value`
  kNoNewPrivs,
  kLandlockRules,   // slot = ruleset over file rights `flags`, network rights `value`, scopes `extra`
  kLandlockPath,    // rights `flags` below `path`
  kLandlockEnforce,  // slot
  kDropCapabilities,  // every set, and what could bring one back
  kSeccomp,
  kSeccompListener,  // likewise; the runner gets the listener
  kExecInit,
};

struct Op {
  OpKind kind;
  Layer layer;  // what is missing if this fails
  std::string path{};
  std::string text{};
  unsigned slot = 0;  // index into the child's table of descriptors
  std::uint64_t flags = 0;
  std::uint64_t value = 0;
  std::uint64_t extra = 0;
};

std::string describe(const Op& op);  // "attach /in/feed"

// A mount whose source was looked at by the runner.
struct ResolvedMount {
  std::string source;  // no symbolic link in it
  std::string target;
  bool is_dir = true;
};

// A mount that the runner opens, for a child that does not see the host's tree.
struct HostSource {
  std::string path;
  bool recursive = false;
  unsigned slot = 0;
};

// What of the host a Rootfs::kHostRo step sees, or of its image a Rootfs::kImage step.
struct HostTree {
  std::vector<ResolvedMount> mounts;                          // "/usr" and the like
  std::vector<std::pair<std::string, std::string>> symlinks;  // "/bin" -> "usr/bin"
};

struct HostFacts {
  LayerSet layers;  // to use
  bool root = false;
  std::uint32_t host_uid = 0, host_gid = 0;  // who the step is outside
  unsigned landlock_abi = 0;
  HostTree tree;
  bool raise_oom_score = false;  // the runner is protected from the OOM killer; its steps must not be
  // Steps start from a prepared place (sandbox/place.h), not from the runner's own namespaces.
  bool place = false;
};

struct SetupPlan {
  std::uint64_t clone_flags = 0;
  bool deny_setgroups = false;  // demanded by the kernel of an ordinary user
  std::string uid_map, gid_map;  // empty: no user namespace
  std::vector<HostSource> sources;
  std::vector<Op> ops;
  unsigned slots = 0;
  std::vector<std::string> argv, env;
};

// Inside, the step is always this user and group.
inline constexpr std::uint32_t kInsideId = 65534;

// kStepInput when the spec asks for something that is not possible. `image`: sandbox/image_tree.h, for Rootfs::kImage.
Result<SetupPlan> make_plan(const StepSpec& spec, const HostFacts& host, const std::vector<ResolvedMount>& mounts, const HostTree& image = {});

// What the thread of a slot does once, so that its steps need not: sandbox/place.h.
SetupPlan make_place_plan(const HostFacts& host);

// Rights that Landlock of this ABI can handle.
std::uint64_t landlock_fs_rights(unsigned abi);

}  // namespace airlock::sandbox
