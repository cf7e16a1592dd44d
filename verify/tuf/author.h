// verify/tuf/author: TUF metadata as its publisher writes it: new documents, and signatures on them. Pure.
//
// A document is {"signed": ..., "signatures": [...]}, written in canonical JSON; what is signed is the OLPC canonical
// form of "signed". Times have no fraction, keys have the ids that key_id_of() gives them, hashes are SHA-256: the forms
// that every client reads.
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "verify/keys.h"

namespace airlock::verify::tuf {

struct RoleKeys {
  std::vector<PublicKey> keys;
  std::uint64_t threshold = 1;
};

// kUsage: a role of the four is missing, or cannot reach its threshold; kKeyUnsupported.
Result<Json> make_root(std::uint64_t version, Instant expires, const std::map<std::string, RoleKeys>& roles);
// `targets`: {path: {"length", "hashes", "custom"?}}
Json make_targets(std::uint64_t version, Instant expires, Json targets);
Json make_snapshot(std::uint64_t version, Instant expires, std::uint64_t targets_version, std::string_view targets_bytes);
Json make_timestamp(std::uint64_t version, Instant expires, std::uint64_t snapshot_version, std::string_view snapshot_bytes);

Json target_entry(std::string_view content, Json custom);  // custom null: none

// Adds or replaces the signature of this key.
Result<void> sign_document(Json& document, const PrivateKey& key);
std::string write_document(const Json& document);  // with a final line feed

}  // namespace airlock::verify::tuf
