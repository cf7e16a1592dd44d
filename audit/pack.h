// audit/pack: a staged bundle as one deterministic archive, and the exchange of its first member.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace airlock::audit {

// Writes the files of `folder` named by `paths` (in that order) as a .tar.zst at `archive`, synced. The first
// file has a zstd frame of its own.
Result<void> pack(const std::string& folder, const std::vector<std::string>& paths,
                  const std::string& archive);

// Writes to `to` the archive at `from` with another content of its first member: one new frame, then the
// bytes behind the old one as they are. Synced.
Result<void> replace_first_member(const std::string& from, std::string_view bytes, const std::string& to);

// Moves what was made to its final name, which must not exist; durable on return. kAlreadyExists.
Result<void> publish(const std::string& made, const std::string& name);

}  // namespace airlock::audit
