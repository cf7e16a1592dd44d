// archive/pax_records: the records of pax extension headers that others wrote (POSIX.1 pax, "pax Extended Header"). Pure.
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock::archive {

struct ForeignEntry;

// An empty value takes back what a global header said; readers that do not know that see an empty name.
using PaxMap = std::map<std::string, std::string>;

// kArchiveHeader: a length that is wrong, no '=', an empty key. Of a key that comes twice the last value counts.
Result<PaxMap> parse_pax(std::string_view body);

// Lets the records override what the header said: path, linkpath, size, and the sparse files of GNU tar 0.0, 0.1
// and 1.0. Extended attributes and ACLs are noted, others ignored. kArchiveHeader: a size that is not a number.
Result<void> apply_pax(ForeignEntry& entry, const PaxMap& global, const PaxMap& local);

}  // namespace airlock::archive
