// verify/sigstore/proto_json: JSON as protobuf writes it, read field by field.
//
// null means absent; 64-bit numbers are strings or numbers; bytes are base64; unknown fields are ignored, as newer
// writers may add some. Every error names the path of the field and is of the code given at the start.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/time.h"

namespace airlock::verify::sigstore {

class Proto {
 public:
  // `value` must outlive the reader; kJson errors of parse_json come before it.
  Proto(const Json& value, std::string path, Code code) : value_(&value), path_(std::move(path)), code_(code) {}

  bool has(std::string_view key) const { return find(key) != nullptr; }
  std::optional<Proto> maybe(std::string_view key) const;                // an object, when it is there
  Result<Proto> object(std::string_view key) const;
  Result<std::vector<Proto>> list(std::string_view key, std::size_t most) const;  // empty when absent
  Result<std::string> text(std::string_view key) const;
  Result<std::string> bytes(std::string_view key) const;                 // base64 decoded, not empty
  Result<std::uint64_t> number(std::string_view key) const;              // 0 when absent, as protobuf leaves zeros out
  Result<std::optional<Instant>> instant(std::string_view key) const;
  Result<std::string> own_bytes() const;                                 // the value itself, base64

  std::unexpected<Error> wrong(std::string_view key, std::string_view why) const;
  const Json& json() const { return *value_; }
  const std::string& path() const { return path_; }

 private:
  const Json* find(std::string_view key) const;
  std::string path_of(std::string_view key) const;
  const Json* value_;
  std::string path_;
  Code code_;
};

}  // namespace airlock::verify::sigstore
