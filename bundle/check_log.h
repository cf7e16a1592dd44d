// bundle/check_log: a verdict being written, check by check, while a bundle is judged.
#pragma once

#include <string>
#include <string_view>

#include "base/ids.h"
#include "base/result.h"
#include "bundle/verdict.h"

namespace airlock::bundle {

// Writes down each check as it ends. All stages share one.
class CheckLog {
 public:
  CheckLog(Verdict& verdict, const CheckObserver& observer) : verdict_(verdict), observer_(observer) {}
  void passed(std::string_view name, Seen seen) { add({std::string(name), true, std::move(seen)}); }
  // The error of a stage becomes the last check; archive errors belong to the archive check, whichever stage met them.
  void refused(std::string_view name, const Error& error);
  void set_file_bytes(std::uint64_t bytes) { verdict_.file_bytes = bytes; }
  void set_bundle(const BundleId& bundle, const std::string& version, std::uint64_t generation, const Digest& manifest_sha256);
  Verdict activated() const;  // the verdict as it stands, of a bundle that is now active

  template <class T>
  Result<T> note(std::string_view name, Result<T> result) {
    if (!result) refused(name, result.error());
    return result;
  }

 private:
  void add(Check check);
  Verdict& verdict_;
  const CheckObserver& observer_;
};

}  // namespace airlock::bundle
