// bundle/check_log: the verdict of a bundle while it is written, check by check.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "bundle/verdict.h"
#include "verify/bundle_manifest.h"

namespace airlock::bundle {

// Writes down each check as it ends. All stages share one.
class CheckLog {
 public:
  explicit CheckLog(Verdict& verdict) : verdict_(verdict) {}
  void passed(std::string_view name, std::string seen) { verdict_.checks.push_back({std::string(name), true, std::move(seen)}); }
  // The error of a stage becomes the last check; archive errors belong to the archive check, whichever stage met them.
  void refused(std::string_view name, const Error& error);
  void set_file_bytes(std::uint64_t bytes) { verdict_.file_bytes = bytes; }
  void set_manifest(const verify::VerifiedBundleManifest& manifest);
  Verdict activated() const;  // the verdict as it stands, of a bundle that is now active

  template <class T>
  Result<T> note(std::string_view name, Result<T> result) {
    if (!result) refused(name, result.error());
    return result;
  }

 private:
  Verdict& verdict_;
};

}  // namespace airlock::bundle
