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

Result<void> Records::finish_one(const std::string& id, std::string line, const Before& before,
                                 SortedSpool& sorted) {
  manifests::LineValue record = TRY(parser_.parse(line));
  if (!record.find("firstSeq")) {
    Projection whole = TRY(before(id));
    whole.join(TRY(Projection::read(type_, record)));
    line = whole.line();
    record = TRY(parser_.parse(line));
  }
  std::string key(record.string_at("timestamp").value_or(""));
  if (type_ == manifests::SubjectType::kRun)
    key += '\n' + std::string(record.string_at("dagId").value_or(""));
  return sorted.add(key + '\n' + id, std::move(line));
}

Result<void> Records::drain(const Before& before, const Each& each) {
  TRY(put_aside());
  SortedSpool sorted(folder_, kSpoolBytes);
  std::optional<std::pair<std::string, std::string>> current;  // id and line
  TRY(by_id_.drain([&](const std::string& id, std::string line) -> Result<void> {
    if (current && current->first == id) {
      Projection joined = TRY(Projection::read(type_, TRY(parser_.parse(current->second))));
      joined.join(TRY(Projection::read(type_, TRY(parser_.parse(line)))));
      current->second = joined.line();
      return {};
    }
    if (current) TRY(finish_one(current->first, std::move(current->second), before, sorted));
    current.emplace(id, std::move(line));
    return {};
  }));
  if (current) TRY(finish_one(current->first, std::move(current->second), before, sorted));
  return sorted.drain([&](const std::string&, const std::string& line) { return each(line); });
}

}  // namespace airlock::audit
