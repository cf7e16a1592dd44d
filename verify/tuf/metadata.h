// verify/tuf/metadata: TUF metadata (specification 1.0.x, https://theupdateframework.github.io/specification/) as values.
//
// A file is {"signed": {...}, "signatures": [{"keyid", "sig"}]}; the signatures are over the OLPC canonical form of
// "signed". Nothing here is trusted: parse_* says that a document has the form of its role, TrustedSet (trusted_set.h)
// says that it may be believed. Unknown fields are kept out of the values but stay part of what is signed.
//
// Errors: kTufMalformed with role and field. JSON is strict (base/json.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"
#include "verify/tuf/key.h"

namespace airlock::verify::tuf {

inline constexpr std::string_view kRoot = "root", kTimestamp = "timestamp", kSnapshot = "snapshot", kTargets = "targets";
bool is_top_level(std::string_view role);

struct Role {
  std::vector<std::string> keyids;  // each once
  std::uint64_t threshold = 1;      // at least 1
};

using Keys = std::map<std::string, Key, std::less<>>;  // by keyid

struct Root {
  Keys keys;
  std::map<std::string, Role, std::less<>> roles;  // the four top-level roles, at least
  bool consistent_snapshot = true;
};

// What one metadata file says about another one.
struct MetaFile {
  std::uint64_t version = 1;
  std::optional<std::uint64_t> length;
  std::map<std::string, std::string> hashes;  // algorithm -> hex
};

struct Timestamp {
  MetaFile snapshot;
};

struct Snapshot {
  std::map<std::string, MetaFile, std::less<>> meta;  // "targets.json", "ROLE.json"
};

struct TargetFile {
  std::uint64_t length = 0;
  std::map<std::string, std::string> hashes;  // not empty
};

struct DelegatedRole {
  std::string name;
  Role role;
  bool terminating = false;
  std::vector<std::string> paths;          // patterns; one of the two lists is there
  std::vector<std::string> hash_prefixes;  // of the hex SHA-256 of the target path
};

// TAP 15: 2^bit_length roles "PREFIX-HEX", a target belongs to the one that the first bits of its path's hash name.
struct SuccinctRoles {
  Role role;
  std::uint64_t bit_length = 1;  // 1 to 32
  std::string name_prefix;
};

struct Delegations {
  Keys keys;
  std::vector<DelegatedRole> roles;  // in order of precedence
  std::optional<SuccinctRoles> succinct;
};

struct Targets {
  std::map<std::string, TargetFile, std::less<>> targets;  // by target path
  std::optional<Delegations> delegations;
};

// keyid -> raw bytes; empty where the text was not hex, which no key accepts.
using Signatures = std::map<std::string, std::string, std::less<>>;

template <class T>
struct Document {
  std::uint64_t version = 0;  // at least 1
  Instant expires;
  T body;
  std::string canonical;  // what the signatures are over
  Signatures signatures;
};

Result<Document<Root>> parse_root(std::string_view bytes);
Result<Document<Timestamp>> parse_timestamp(std::string_view bytes);
Result<Document<Snapshot>> parse_snapshot(std::string_view bytes);
// `role`: "targets" or a delegated role's name, for errors alone: the document does not say whose it is.
Result<Document<Targets>> parse_targets(std::string_view bytes, std::string_view role);

// kTufSignatures unless at least `role.threshold` different keys of `keys` that `role` lists signed. Keys are counted by
// their bytes: one key under two ids counts once. `name` is for errors.
Result<void> check_signatures(std::string_view canonical, const Signatures& signatures, const Keys& keys,
                              const Role& role, std::string_view name);

// kTufHash unless `bytes` has the length and every hash that we know of. `what` is for errors.
Result<void> check_content(std::string_view bytes, std::optional<std::uint64_t> length,
                           const std::map<std::string, std::string>& hashes, std::string_view what);

}  // namespace airlock::verify::tuf
