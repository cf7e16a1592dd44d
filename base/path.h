// base/path: which relative paths are safe to create on any machine that may ever read a bundle or an output.
#pragma once

#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace airlock {

// Refuses (kArchivePath): empty, absolute, "." or ".." or empty components, backslash, colon, control characters,
// bidi overrides, invalid UTF-8, components ending in a dot or space, Windows device names, too long or too deep.
Result<void> safe_path(std::string_view path, const Limits& limits = {});

bool valid_utf8(std::string_view text);  // no over-long forms, no surrogates, at most U+10FFFF

// Two paths with the same key would be one file on a case-insensitive or normalising file system. Full Unicode
// case folding and NFC for the scripts such file systems fold; ASCII exact.
std::string collision_key(std::string_view path);

}  // namespace airlock
