#include "audit/spool.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstring>

#include "base/io.h"

namespace airlock::audit {
namespace {

constexpr std::size_t kReadBytes = 64 * 1024;
constexpr std::size_t kOverhead = 96;  // of one record in memory, besides its bytes
constexpr std::string_view kName = "temporary file for sorting";

void put_size(std::string& out, std::uint64_t n) { out.append(reinterpret_cast<const char*>(&n), sizeof n); }

}  // namespace

// One sorted segment, read through a small buffer.
class SortedSpool::SegmentReader {
 public:
  SegmentReader(int fd, Segment segment, std::size_t order)
      : fd_(fd), at_(segment.begin), end_(segment.end), order_(order) {}

  // False at the end.
  Result<bool> next() {
    if (at_ == end_ && used_ == buffer_.size()) return false;
    std::uint64_t sizes[2];
    const std::string header = TRY(take(sizeof sizes));
    std::memcpy(sizes, header.data(), sizeof sizes);
    record.key = TRY(take(sizes[0]));
    record.value = TRY(take(sizes[1]));
    return true;
  }
  bool after(const SegmentReader& other) const {
    return std::pair(std::string_view(record.key), order_) >
           std::pair(std::string_view(other.record.key), other.order_);
  }

  Record record;

 private:
  Result<std::string> take(std::uint64_t n) {
    std::string out;
    while (out.size() < n) {
      if (used_ == buffer_.size()) TRY(fill());
      const std::size_t part = std::min<std::size_t>(buffer_.size() - used_, n - out.size());
      out.append(buffer_, used_, part);
      used_ += part;
    }
    return out;
  }
  Result<void> fill() {
    buffer_.resize(std::min<std::uint64_t>(kReadBytes, end_ - at_));
    const ssize_t n = ::pread(fd_, buffer_.data(), buffer_.size(), static_cast<off_t>(at_));
    if (n <= 0) return n == 0 ? fail(Code::kIo, std::string(kName) + " is cut") : os_fail("pread", kName);
    buffer_.resize(static_cast<std::size_t>(n));
    at_ += buffer_.size();
    used_ = 0;
    return {};
  }

  int fd_;
  std::uint64_t at_, end_;
  std::size_t order_;
  std::string buffer_;
  std::size_t used_ = 0;
};

Result<void> SortedSpool::add(std::string key, std::string value) {
  held_ += key.size() + value.size() + kOverhead;
  records_.push_back({std::move(key), std::move(value)});
  return held_ < budget_ ? Result<void>() : spill();
}

void SortedSpool::sort() { std::ranges::stable_sort(records_, {}, &Record::key); }

Result<void> SortedSpool::spill() {
  if (!file_) {
    file_ = UniqueFd(::open(folder_.c_str(), O_TMPFILE | O_RDWR | O_CLOEXEC, 0600));
    if (!file_) return os_fail("open " + std::string(kName) + " in", folder_);
  }
  sort();
  Segment segment{segments_.empty() ? 0 : segments_.back().end, 0};
  segment.end = segment.begin;
  std::string block;
  const auto flush = [&]() -> Result<void> {
    segment.end += block.size();
    TRY(write_all(file_.get(), block, kName));
    block.clear();
    return {};
  };
  for (const Record& record : records_) {
    put_size(block, record.key.size());
    put_size(block, record.value.size());
    block += record.key;
    block += record.value;
    if (block.size() >= kReadBytes) TRY(flush());
  }
  TRY(flush());
  segments_.push_back(segment);
  records_.clear();
  records_.shrink_to_fit();
  held_ = 0;
  return {};
}

Result<void> SortedSpool::merge(const Each& each) {
  std::vector<SegmentReader> readers;
  readers.reserve(segments_.size());
  for (std::size_t i = 0; i < segments_.size(); ++i) readers.emplace_back(file_.get(), segments_[i], i);
  const auto later = [&](std::size_t a, std::size_t b) { return readers[a].after(readers[b]); };
  std::vector<std::size_t> heap;
  for (std::size_t i = 0; i < readers.size(); ++i)
    if (TRY(readers[i].next())) heap.push_back(i);
  std::ranges::make_heap(heap, later);
  while (!heap.empty()) {
    std::ranges::pop_heap(heap, later);
    SegmentReader& reader = readers[heap.back()];
    TRY(each(reader.record.key, std::move(reader.record.value)));
    if (TRY(reader.next())) std::ranges::push_heap(heap, later);
    else heap.pop_back();
  }
  return {};
}

Result<void> SortedSpool::drain(const Each& each) {
  if (!segments_.empty()) {
    if (!records_.empty()) TRY(spill());
    return merge(each);
  }
  sort();
  for (Record& record : records_) TRY(each(record.key, std::move(record.value)));
  return {};
}

}  // namespace airlock::audit
