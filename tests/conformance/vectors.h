// conformance/vectors: a folder of test vectors as fixtures/vectors/README.md lays it out, read and checked.
//
// DIR/<set>/index.json holds `about`, `sources`, `common` and `cases`; a case has `id`, `expect` and either `files` (role ->
// path below the set's folder, sha256) or inline data. Nothing here knows a set or a case by name.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace airlock::conformance {

enum class Expect {
  kAccept,
  kReject,
  kEither,      // only safety counts
  kElsewhere,   // the answers stand further inside: per-test files, steps
};
std::string_view to_string(Expect expect);

class Case {
 public:
  // `folder` is the set's folder. kField: no id, a malformed file entry, a path that leaves the folder.
  static Result<Case> read(const Json& json, std::string folder);

  const std::string& id() const { return id_; }
  Expect expect() const { return expect_; }
  std::optional<Expect> strict() const { return strict_; }
  std::string kind() const { return text("kind").value_or(""); }
  const Json& json() const { return json_; }
  const std::string& folder() const { return folder_; }

  bool has_file(std::string_view role) const;
  std::vector<std::string> roles() const;
  // The bytes of a file, whose SHA-256 must be the one the index states: kMemberDigest otherwise. kField: no such role.
  Result<std::string> file(std::string_view role) const;
  std::string path(std::string_view role) const;            // absolute or as DIR was given; empty without that role

  bool has(std::string_view key) const { return json_.contains(key); }
  std::optional<std::string> text(std::string_view key) const;       // nullopt: not there, or not a string
  std::optional<std::uint64_t> number(std::string_view key) const;

 private:
  Case() = default;
  const Json* entry(std::string_view role) const;
  std::string id_, folder_;
  Expect expect_ = Expect::kElsewhere;
  std::optional<Expect> strict_;
  Json json_;
};

struct VectorSet {
  std::string name, folder;
  std::vector<Case> cases;
};

// The sets of a folder, by name; kNotFound: it holds none. A set that `only` names must be there.
Result<std::vector<std::string>> set_names(const std::string& dir, std::string_view only);
// kJson, kField, kNotFound: index.json is missing or malformed.
Result<VectorSet> read_set(const std::string& dir, const std::string& name);

// Bytes that are not UTF-8 stand in an index as \udc80..\udcff, the way Python writes them. This gives the bytes back.
std::string raw_bytes(std::string_view text);

}  // namespace airlock::conformance
