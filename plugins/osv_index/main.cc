// osv-index: reads every OSV record below /in/osv and writes /out/index.json, the affected ranges by package.
//
// The output depends on the records alone: sorted, canonical JSON, no times and no paths of the machine. A record that
// cannot be understood fails the step and is named; a silent gap would read as "not affected" later on.
#include "common/osv.h"
#include "common/step.h"

namespace airlock::plugin {
namespace {

struct Collected {
  std::map<std::string, std::pair<Advisory, std::string>> by_id;  // id -> the newest record and its file
  Json superseded = Json::array();
  Json withdrawn = Json::array();
  std::uint64_t documents = 0;
};

// The same id twice: databases republish, so the later `modified` wins. Two different records with one time have no
// order, and guessing would make the result depend on file names.
Result<void> add(Collected& all, Advisory advisory, const Json& source, const std::string& file,
                 std::map<std::string, std::string>& content) {
  const std::string id = advisory.id, bytes = canonical_json(source);
  const auto known = all.by_id.find(id);
  if (known == all.by_id.end()) {
    content[id] = bytes;
    all.by_id.emplace(id, std::pair(std::move(advisory), file));
    return {};
  }
  auto& [kept, kept_file] = known->second;
  const auto old_time = TRY(Instant::parse(kept.modified)), new_time = TRY(Instant::parse(advisory.modified));
  if (old_time == new_time && content[id] != bytes)
    return fail(Code::kField, file + ": " + id + " is also in " + kept_file + ", differs, and neither is newer");
  const bool newer = new_time > old_time;
  all.superseded.push_back({{"id", id}, {"file", newer ? kept_file : file}, {"by", newer ? file : kept_file}});
  if (!newer) return {};
  content[id] = bytes;
  known->second = {std::move(advisory), file};
  return {};
}

Result<Collected> collect(const Step& step) {
  Collected all;
  std::map<std::string, std::string> content;
  TRY(for_each_document(step.input("osv"), [&](Document document) -> Result<void> {
    ++all.documents;
    auto advisory = TRY(parse_advisory(document.value, document.name));
    return add(all, std::move(advisory), document.value, document.name, content);
  }));
  return all;
}

Json index_of(Collected& all) {
  Json advisories = Json::object();
  std::map<std::pair<std::string, std::string>, Json> packages;
  std::uint64_t without_packages = 0;
  for (const auto& [id, entry] : all.by_id) {
    const auto& [advisory, file] = entry;
    if (advisory.withdrawn) {
      all.withdrawn.push_back(id);
      continue;
    }
    advisories[id] = {{"aliases", advisory.aliases}, {"file", file}, {"modified", advisory.modified}, {"summary", advisory.summary}};
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
  const Json counts = {{"documents", all.documents},
                       {"advisories", advisories.size()},
                       {"packages", list.size()},
                       {"superseded", all.superseded.size()},
                       {"withdrawn", all.withdrawn.size()},
                       {"withoutPackages", without_packages}};
  return {{"schema", kIndexSchema}, {"advisories", advisories}, {"packages", list}, {"counts", counts},
          {"superseded", all.superseded}, {"withdrawn", all.withdrawn}};
}

Result<void> index_advisories(Step& step) {
  Collected all = TRY(collect(step));
  step.events.progress(0.9);
  const Json index = index_of(all);
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
