// audit/verify/findings: what was found wrong, by check. The checks are made in one pass but reported in
// their order: a line that breaks its rules matters less than a file that is not the signed one.
#pragma once

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "audit/verify/audit_verify.h"

namespace airlock::audit {

enum class CheckId : std::uint8_t {
  kArchive,
  kSignatures,
  kManifest,
  kFiles,
  kCanonicalForm,
  kOrder,
  kMerkleRoot,
  kCheckpoint,
  kConsistency,
  kCrossChecks
};
inline constexpr std::size_t kCheckCount = 10;
std::string_view check_name(CheckId id);
Code check_code(CheckId id);  // what a failure of it is reported as

class Findings {
 public:
  // Keeps the first failure of each check.
  void add(CheckId id, std::string file, std::uint64_t line, std::string reason);
  void add(CheckId id, Failure failure);
  bool failed(CheckId id) const { return failures_[static_cast<std::size_t>(id)].has_value(); }
  bool any() const;
  const Failure* first() const;  // of the earliest check that failed
  // What a later check had to say about that very line.
  std::optional<std::string> reason_at(const std::string& file, std::uint64_t line) const;
  void replace_first(Failure failure);  // when its line is known better

  void seen(CheckId id, std::string text) { seen_[static_cast<std::size_t>(id)] = std::move(text); }
  // Fills checks, failure and accepted.
  void write(Report& report) const;

 private:
  std::array<std::optional<Failure>, kCheckCount> failures_;
  std::array<std::string, kCheckCount> seen_;
};

}  // namespace airlock::audit
