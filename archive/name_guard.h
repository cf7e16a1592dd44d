// archive/name_guard: which names have been seen. Two members must differ on every file system that may ever hold
// them, and none may be a folder of another. Pure; 40 bytes or so a member, whatever the length of its name.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>

#include "base/result.h"

namespace airlock::archive {

class NameGuard {
 public:
  // kArchiveDuplicate: same name, same name but for case or Unicode form (also of a folder above), or a file where
  // another member needs a folder.
  Result<void> add(std::string_view path);

 private:
  struct Key {
    std::uint64_t high, low;
    friend bool operator==(const Key&, const Key&) = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const { return static_cast<std::size_t>(key.low); }
  };
  static Key key_of(std::string_view text);
  Result<void> add_folders(std::string_view path);

  std::unordered_map<Key, std::uint64_t, KeyHash> seen_;  // collision key -> low half of the exact name; files: kFile
  std::string last_folder_;                               // already added: members come sorted
};

}  // namespace airlock::archive
