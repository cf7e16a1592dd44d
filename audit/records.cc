#include "audit/records.h"

#include <optional>

namespace airlock::audit {
namespace {

constexpr std::size_t kOpenBytes = 12 << 20, kSpoolBytes = 8 << 20;

}  // namespace

Records::Records(manifests::SubjectType type, std::string folder)
    : type_(type), folder_(std::move(folder)), by_id_(folder_, kSpoolBytes) {}

Result<void> Records::add(const manifests::EventView& event, const manifests::Subject& subject) {
  auto it = open_.find(subject.id);
  if (it == open_.end()) {
    it = open_.emplace(std::string(subject.id), Projection(type_)).first;
    bytes_ += it->second.bytes();
  }
  const std::size_t before = it->second.bytes();
  it->second.add(event, subject);
  bytes_ += it->second.bytes() - before;
  return bytes_ < kOpenBytes ? Result<void>() : put_aside();
}

Result<void> Records::put_aside() {
  for (const auto& [id, record] : open_) TRY(by_id_.add(id, record.line()));
  open_.clear();
  bytes_ = 0;
  return {};
}

Result<void> Records::finish_one(const std::string& id, Projection record, const Before& before, SortedSpool& sorted) {
  if (!record.has("firstSeq")) {
    Projection whole = TRY(before(id));
    whole.join(std::move(record));
    record = std::move(whole);
  }
  std::string key(record.text("timestamp"));
  if (type_ == manifests::SubjectType::kRun) key += '\n' + std::string(record.text("dagId"));
  return sorted.add(key + '\n' + id, record.line());
}

Result<void> Records::drain(const Before& before, const Each& each) {
  TRY(put_aside());
  SortedSpool sorted(folder_, kSpoolBytes);
  manifests::CanonicalLine parser;
  std::string current;
  std::optional<Projection> joined;
  TRY(by_id_.drain([&](const std::string& id, std::string line) -> Result<void> {
    Projection part = TRY(Projection::read(type_, TRY(parser.parse(line))));
    if (joined && id == current) {
      joined->join(std::move(part));
      return {};
    }
    if (joined) TRY(finish_one(current, std::move(*joined), before, sorted));
    joined = std::move(part);
    current = id;
    return {};
  }));
  if (joined) TRY(finish_one(current, std::move(*joined), before, sorted));
  return sorted.drain([&](const std::string&, const std::string& line) { return each(line); });
}

}  // namespace airlock::audit
