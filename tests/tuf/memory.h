// What the TUF tests share: a repository and a store that are maps.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "verify/tuf/updater.h"

namespace airlock::verify::tuf::test {

class MemorySource : public Source {
 public:
  std::map<std::string, std::string> files, target_files;
  std::vector<std::string> looked_up;

  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) override {
    looked_up.push_back("metadata/" + name);
    return find(files, name, limit);
  }
  Result<std::optional<std::string>> target(const std::string& name, std::uint64_t limit) override {
    looked_up.push_back("targets/" + name);
    return find(target_files, name, limit);
  }

 private:
  static Result<std::optional<std::string>> find(const std::map<std::string, std::string>& in, const std::string& name, std::uint64_t limit) {
    const auto it = in.find(name);
    if (it == in.end()) return std::nullopt;
    if (it->second.size() > limit) return fail(Code::kTooLarge, name);
    return std::optional(it->second);
  }
};

class MemoryKeeper : public Keeper {
 public:
  std::map<std::string, std::string, std::less<>> files;

  Result<std::optional<std::string>> load(std::string_view role) override {
    const auto it = files.find(role);
    if (it == files.end()) return std::nullopt;
    return std::optional(it->second);
  }
  Result<void> keep(std::string_view role, std::string_view bytes) override {
    files.insert_or_assign(std::string(role), std::string(bytes));
    return {};
  }
};

}  // namespace airlock::verify::tuf::test
