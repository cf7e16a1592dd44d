// audit/verify/locate: which line of a damaged file is the first that is not the signed one.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "base/result.h"

namespace airlock::audit {

struct DamagedLine {
  std::uint64_t line = 0;  // 1-based
  std::string reason;
};

// Reads the bundle a second time, the file beside its proofs/lines/FILE.txt, which must have been found to be
// as signed. nullopt when every line fits (then the damage is not in a line).
Result<std::optional<DamagedLine>> locate_damage(const std::string& bundle, const std::string& file,
                                                 std::uint64_t max_line_bytes);

}  // namespace airlock::audit
