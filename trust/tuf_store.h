// trust/tuf_store: the TUF metadata that a site trusts, byte for byte as it was received.
//
// One folder, one file a role: root.json, timestamp.json, snapshot.json, targets.json, and delegated roles under their
// percent-encoded names. Each is replaced durably by itself; whatever subset a crash leaves is a state from which the
// client workflow goes on (a newer root with an older timestamp, a newer timestamp with an older snapshot).
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fs.h"
#include "verify/tuf/updater.h"

namespace airlock::trust {

class TufStore : public verify::tuf::Keeper {
 public:
  explicit TufStore(std::string folder, Fs& fs = system_fs()) : folder_(std::move(folder)), fs_(&fs) {}
  Result<std::optional<std::string>> load(std::string_view role) override;
  Result<void> keep(std::string_view role, std::string_view bytes) override;
  const std::string& folder() const { return folder_; }

 private:
  std::string folder_;
  Fs* fs_;
};

// What a refresh came to trust, held in memory over another keeper until somebody decides that it counts.
class StagedKeeper : public verify::tuf::Keeper {
 public:
  explicit StagedKeeper(verify::tuf::Keeper& below) : below_(&below) {}
  Result<std::optional<std::string>> load(std::string_view role) override;
  Result<void> keep(std::string_view role, std::string_view bytes) override;

  const std::vector<std::string>& roots() const { return roots_; }  // that were accepted, in order
  bool empty() const { return kept_.empty(); }
  // Root first, so that what is below is never newer than the root that vouches for it. kIo...
  Result<void> commit();

 private:
  verify::tuf::Keeper* below_;
  std::vector<std::string> roots_;
  std::map<std::string, std::string, std::less<>> kept_;
};

// A repository as a folder: FOLDER/metadata and FOLDER/targets, with the file names a client asks for.
class FolderSource : public verify::tuf::Source {
 public:
  explicit FolderSource(std::string folder) : folder_(std::move(folder)) {}
  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) override;
  Result<std::optional<std::string>> target(const std::string& name, std::uint64_t limit) override;

 private:
  std::string folder_;
};

}  // namespace airlock::trust
