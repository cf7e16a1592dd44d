// base/olpc_json: OLPC canonical JSON (http://wiki.laptop.org/go/Canonical_JSON), over which TUF and old in-toto sign.
//
// Keys sorted by their bytes, no white space, only '"' and '\' escaped in strings: a line feed stands as itself, so the
// form is not always JSON. Integers only. RFC 8785, which everything else here is written in, is base/json.h.
#pragma once

#include <string>

#include "base/json.h"
#include "base/result.h"

namespace airlock {

// kJson: a number with a fraction or exponent stands somewhere in it; readers would spell it differently.
Result<std::string> olpc_canonical_json(const Json& value);

}  // namespace airlock
