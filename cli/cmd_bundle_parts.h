// cli/cmd_bundle_parts: `bundle split`, `bundle parts`, and what the arguments of `bundle import` mean when they are parts.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "bundle/import.h"
#include "bundle/parts.h"
#include "cli/shell.h"

namespace airlock::cli {

void register_bundle_split(CLI::App& group, Shell& shell);  // below `bundle`
void register_bundle_parts(CLI::App& group, Shell& shell);

// The one file that an import reads: the bundle that was named, or the file that its parts make.
class ImportSource {
 public:
  // Takes the parts into the box of the site, in any order and in as many commands as it needs. While some are missing:
  // prints which and fails with kPartsMissing; kPart names a part that is damaged, after all others were taken. kUsage,
  // before anything is copied: several bundles, parts of several bundles, or both kinds.
  static Result<ImportSource> take(Shell& shell, const std::string& box, const std::vector<std::string>& files, const Limits& limits,
                                   Wait wait);

  const std::string& path() const { return path_; }
  // Forgets the parts once the site has the bundle, or the quarantine has the file. After any other end they stay, so
  // that the same command goes on from there.
  void settle(const Shell& shell, const bundle::ImportOutcome& outcome);

 private:
  explicit ImportSource(std::string path) : path_(std::move(path)) {}
  std::string path_;
  struct Joined {  // holds the lock of the box while the import reads
    bundle::PartBox box;
    bundle::PartSet set;
  };
  std::optional<Joined> joined_;
};

}  // namespace airlock::cli
