// audit/records: the records of a window's jobs or runs, folded from its events and put in order, in fixed
// memory.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <unordered_map>

#include "audit/projection.h"
#include "audit/spool.h"

namespace airlock::audit {

class Records {
 public:
  // What the history says about a subject before the window; for subjects that began before it.
  using Before = std::function<Result<Projection>(const std::string& id)>;
  using Each = std::function<Result<void>(std::string_view line)>;

  Records(manifests::SubjectType type, std::string folder);  // kJob or kRun; folder for the spool

  Result<void> add(const manifests::EventView& event, const manifests::Subject& subject);
  // Once, at the end: each record's line, sorted as the format says.
  Result<void> drain(const Before& before, const Each& each);

 private:
  struct Hash {
    using is_transparent = void;
    std::size_t operator()(std::string_view text) const { return std::hash<std::string_view>{}(text); }
  };
  Result<void> put_aside();
  Result<void> finish_one(const std::string& id, std::string line, const Before& before, SortedSpool& sorted);

  manifests::SubjectType type_;
  std::string folder_;
  std::unordered_map<std::string, Projection, Hash, std::equal_to<>> open_;
  std::size_t bytes_ = 0;
  SortedSpool by_id_;
  manifests::CanonicalLine parser_;
};

}  // namespace airlock::audit
