// verify/tuf/updater: the client workflow (specification section 5): what to look up next, and what its answer changes.
//
// Start at Updater::start() and refresh(). The updater asks a Source for files by name and hands what it came to trust
// to a Keeper, at once and byte for byte: root by root, then timestamp, snapshot, targets. Whoever implements these two
// decides whether that is a folder, an archive that passes by, or memory; here is no I/O.
//
//   metadata names   "2.root.json", "timestamp.json", "snapshot.json" or "5.snapshot.json", "7.ROLE.json" (percent-encoded)
//   target names     the target path, with HASH. before its last part in repositories with consistent snapshots
//
// Errors: those of TrustedSet; kTufMissing: a file is not there; kTufLimit: it is longer than it may be; kTufTarget: no
// role names the target.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "verify/tuf/trusted_set.h"

namespace airlock::verify::tuf {

struct UpdateLimits {
  std::uint64_t root_bytes = 512 * kKiB, timestamp_bytes = 64 * kKiB;
  std::uint64_t snapshot_bytes = 8 * kMiB, targets_bytes = 8 * kMiB;  // where no length was announced, and above all
  std::uint64_t root_updates = 1024;                                  // in one refresh, which then goes on with what it has
  std::size_t delegations = 32;                                       // roles visited for one target
};

class Source {
 public:
  virtual ~Source() = default;
  // nullopt: there is no such file. kTooLarge: it is longer than `limit` bytes.
  virtual Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) = 0;
  virtual Result<std::optional<std::string>> target(const std::string& name, std::uint64_t limit) = 0;
};

class Keeper {
 public:
  virtual ~Keeper() = default;
  virtual Result<std::optional<std::string>> load(std::string_view role) = 0;  // nullopt: nothing is kept
  virtual Result<void> keep(std::string_view role, std::string_view bytes) = 0;
};

struct FoundTarget {
  std::string path;
  TargetFile file;
  std::string role;  // which of the targets roles named it
};

class Updater {
 public:
  // Begins at the root that the keeper holds; kTufMissing when it holds none. Both must outlive the updater.
  static Result<Updater> start(Source& source, Keeper& keeper, Instant reference_time, const UpdateLimits& limits = {});

  // Root chain, timestamp, snapshot, targets. Once.
  Result<void> refresh();

  // Walks the delegations in order of precedence. After refresh().
  Result<FoundTarget> find(std::string_view target_path);

  // The target's bytes, checked. Looked up under each name that its hashes allow.
  Result<std::string> fetch(const FoundTarget& target);

  const TrustedSet& trusted() const { return trusted_; }

 private:
  Updater(Source& source, Keeper& keeper, TrustedSet trusted, const UpdateLimits& limits)
      : source_(source), keeper_(keeper), trusted_(std::move(trusted)), limits_(limits) {}
  Result<void> walk_roots();
  Result<void> update_timestamp();
  Result<void> update_snapshot();
  Result<void> update_targets(std::string_view role, std::string_view delegator);
  Result<std::optional<std::string>> look_up(const std::string& name, std::uint64_t limit);
  Result<std::string> require(const std::string& name, std::uint64_t limit);
  std::string versioned(std::string_view role, std::uint64_t version) const;

  Source& source_;
  Keeper& keeper_;
  TrustedSet trusted_;
  UpdateLimits limits_;
};

}  // namespace airlock::verify::tuf
