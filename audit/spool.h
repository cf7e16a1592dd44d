// audit/spool: sorts any number of records in a fixed amount of memory, through one unlinked temporary file.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/unique_fd.h"

namespace airlock::audit {

class SortedSpool {
 public:
  // `folder`: where the temporary file goes if there is more than `budget` bytes to sort.
  SortedSpool(std::string folder, std::size_t budget) : folder_(std::move(folder)), budget_(budget) {}

  Result<void> add(std::string key, std::string value);

  using Each = std::function<Result<void>(const std::string& key, std::string value)>;
  // Once, after the last add(): all records by key bytes, equal keys in the order they were added.
  Result<void> drain(const Each& each);

 private:
  struct Record {
    std::string key, value;
  };
  struct Segment {
    std::uint64_t begin, end;  // bytes of the temporary file
  };
  class SegmentReader;

  void sort();
  Result<void> spill();
  Result<void> merge(const Each& each);

  std::string folder_;
  std::size_t budget_, held_ = 0;
  std::vector<Record> records_;
  std::vector<Segment> segments_;
  UniqueFd file_;
};

}  // namespace airlock::audit
