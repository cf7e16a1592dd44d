// osv-index: reads every OSV record below /in/osv and writes /out/index.json, the affected ranges by package.
//
// The output depends on the records alone: sorted, canonical JSON, no times and no paths of the machine. A record that
// cannot be understood fails the step and is named; a silent gap would read as "not affected" later on.
#include "common/osv.h"
#include "common/step.h"

namespace airlock::plugin {
namespace {

// The records by id, each id once.
class Records {
 public:
  // The same id twice: databases republish, so the later `modified` wins. Two different records with one time have no
  // order, and guessing would make the result depend on file names.
  Result<void> add(const Document& document) {
    ++documents;
    Record record{TRY(parse_advisory(document.value, document.name)), document.name, canonical_json(document.value)};
    const auto known = by_id.find(record.advisory.id);
    if (known == by_id.end()) {
      const std::string id = record.advisory.id;
      by_id.emplace(id, std::move(record));
      return {};
    }
    Record& kept = known->second;
    const Instant old_time = TRY(Instant::parse(kept.advisory.modified)), new_time = TRY(Instant::parse(record.advisory.modified));
    if (old_time == new_time && kept.bytes != record.bytes)
      return fail(Code::kField, record.file + ": " + known->first + " is also in " + kept.file + ", differs, and neither is newer");
    if (new_time > old_time) std::swap(kept, record);
    superseded.push_back({{"id", known->first}, {"file", record.file}, {"by", kept.file}});
    return {};
  }

  struct Record {
    Advisory advisory;
    std::string file, bytes;  // bytes: canonical, to compare
  };
  std::map<std::string, Record> by_id;
  Json superseded = Json::array();
  std::uint64_t documents = 0;
};

Json index_of(const Records& records) {
  Json advisories = Json::object(), withdrawn = Json::array();
  std::map<std::pair<std::string, std::string>, Json> packages;
  std::uint64_t without_packages = 0;
  for (const auto& [id, record] : records.by_id) {
    const Advisory& advisory = record.advisory;
    if (advisory.withdrawn) {
      withdrawn.push_back(id);
      continue;
    }
    advisories[id] = {
        {"aliases", advisory.aliases}, {"file", record.file}, {"modified", advisory.modified}, {"summary", advisory.summary}};
    if (advisory.packages.empty()) ++without_packages;
    for (const auto& [package, affected] : advisory.packages) {
      Json item = to_json(affected);
      item["id"] = id;
      packages[package].push_back(std::move(item));
    }
  }
  Json list = Json::array();
  for (auto& [package, items] : packages)
    list.push_back({{"ecosystem", package.first}, {"name", package.second}, {"advisories", std::move(items)}});
  const Json counts = {{"documents", records.documents},
                       {"advisories", advisories.size()},
                       {"packages", list.size()},
                       {"superseded", records.superseded.size()},
                       {"withdrawn", withdrawn.size()},
                       {"withoutPackages", without_packages}};
  return {{"schema", kIndexSchema}, {"advisories", advisories}, {"packages", list}, {"counts", counts},
          {"superseded", records.superseded}, {"withdrawn", withdrawn}};
}

Result<void> index_advisories(Step& step) {
  Records records;
  TRY(for_each_document(step.input("osv"), [&](const Document& document) { return records.add(document); }));
  step.events.progress(0.9);
  const Json index = index_of(records);
  TRY(step.write("index.json", canonical_json(index) + "\n"));
  step.events.metric("advisories", index["counts"]["advisories"].get<std::uint64_t>());
  step.events.progress(1.0);
  return {};
}

}  // namespace
}  // namespace airlock::plugin

int main(int argc, char** argv) {
  return airlock::plugin::run_plugin("osv-index", {argv, static_cast<std::size_t>(argc)}, {},
                                     &airlock::plugin::index_advisories);
}
