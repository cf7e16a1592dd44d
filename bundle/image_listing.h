// bundle/image_listing: a folder of any files as text, to be compared with what it was.
#pragma once

#include <string>

#include "base/result.h"

namespace airlock::bundle {

// One line for each thing below `folder`, sorted: "d MODE - PATH", "f MODE SHA256 PATH", "l - TARGET PATH"; what else there
// could be is "? MODE - PATH". PATH is relative; a byte of it or of TARGET that is no letter, digit or one of "./_-+@:" is
// written %XX. Reads every file, follows nothing.
Result<std::string> list_image(const std::string& folder);

// The path of the first line that only one of two listings has, readable.
std::string first_listing_difference(const std::string& wanted, const std::string& got);

}  // namespace airlock::bundle
