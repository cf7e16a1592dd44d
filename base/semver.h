// base/semver: Semantic Versioning 2.0.0, https://semver.org, sections 2, 9, 10 and 11.
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace airlock {

class SemVer {
 public:
  static Result<SemVer> parse(std::string_view text);
  const std::string& str() const { return text_; }
  bool prerelease() const { return !pre_.empty(); }

  // Precedence of section 11: build metadata is ignored.
  friend std::weak_ordering operator<=>(const SemVer& a, const SemVer& b);
  friend bool operator==(const SemVer& a, const SemVer& b) { return (a <=> b) == 0; }

 private:
  SemVer() = default;
  std::string text_;
  std::uint64_t major_ = 0, minor_ = 0, patch_ = 0;
  std::vector<std::string> pre_;
};

}  // namespace airlock
