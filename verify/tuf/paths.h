// verify/tuf/paths: names of roles and targets as patterns, file names and hash prefixes. Pure text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "verify/tuf/metadata.h"

namespace airlock::verify::tuf {

// Every byte outside [A-Za-z0-9_.~-] as %XX: a role's name as one path component. "." and ".." do not come out as such,
// since ".json" always follows.
std::string percent_encode(std::string_view name);

// "root.json" or, with a version, "3.root.json"; the role's name percent-encoded.
std::string file_name(std::string_view role);
std::string file_name(std::string_view role, std::uint64_t version);

// Specification section 4.5: part by part between slashes; '*' and '?' do not cross them. [abc], [a-z], [!a] as in shells.
bool matches(std::string_view pattern, std::string_view path);

bool is_delegated(const DelegatedRole& role, std::string_view target_path);
std::string succinct_role_of(const SuccinctRoles& roles, std::string_view target_path);

// "a/b.txt" -> "a/HASH.b.txt", as repositories with consistent snapshots store it.
std::string with_hash(std::string_view target_path, std::string_view hash);

}  // namespace airlock::verify::tuf
