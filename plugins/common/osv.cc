#include "common/osv.h"

#include <algorithm>
#include <array>
#include <set>

namespace airlock::plugin {
namespace {

// The order at one and the same version: what was fixed and introduced at once is affected, and a version that is both
// first and last is affected too. The schema leaves the tie open; this is its safe side.
enum class EventKind { kFixed, kIntroduced, kLastAffected };

struct Event {
  EventKind kind;
  Lower at;
};

std::weak_ordering compare(const Lower& a, const Lower& b) {
  if (!a || !b) return a.has_value() <=> b.has_value();
  return *a <=> *b;
}

bool before(const Event& a, const Event& b) {
  if (const auto order = compare(a.at, b.at); order != 0) return order < 0;
  return a.kind < b.kind;
}

Result<Event> parse_event(const Json& value, const std::string& path) {
  static constexpr std::array<std::pair<std::string_view, EventKind>, 3> kKinds = {
      {{"introduced", EventKind::kIntroduced}, {"fixed", EventKind::kFixed}, {"last_affected", EventKind::kLastAffected}}};
  auto reader = TRY(ObjectReader::of(value, path));
  if (value.size() != 1) return fail(Code::kField, path + ": an event holds exactly one of introduced, fixed, last_affected");
  for (const auto& [name, kind] : kKinds) {
    if (!reader.has(name)) continue;
    const std::string text = TRY(reader.string(name));
    if (kind == EventKind::kIntroduced && text == "0") return Event{kind, std::nullopt};
    auto version = SemVer::parse(text);
    if (!version) return fail(Code::kField, path + "." + std::string(name) + ": " + version.error().context);
    return Event{kind, *version};
  }
  return fail(Code::kField, path + ": unknown event");
}

std::vector<Interval> intervals_of(std::vector<Event> events) {
  std::ranges::stable_sort(events, before);
  std::vector<Interval> out;
  bool open = false;
  for (const Event& event : events) {
    switch (event.kind) {
      case EventKind::kIntroduced:
        if (!open) out.push_back({event.at, std::nullopt, std::nullopt});
        open = true;
        break;
      case EventKind::kFixed:
        if (open) out.back().fixed = event.at;
        open = false;
        break;
      case EventKind::kLastAffected:
        if (open) out.back().last_affected = event.at;
        open = false;
        break;
    }
  }
  return out;
}

// Ecosystems whose versions are SemVer, so that a range of type ECOSYSTEM can be ordered as well.
bool semver_ecosystem(std::string_view ecosystem) {
  return ecosystem == "Go" || ecosystem == "npm" || ecosystem == "crates.io";
}

Result<void> add_range(Affected& affected, std::string_view ecosystem, const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  const std::string type = TRY(reader.string("type"));
  const Json& events = *TRY(reader.array("events"));
  if (type == "GIT") return {};  // commits, not versions: no SBOM names them
  if (type != "SEMVER" && type != "ECOSYSTEM") return fail(Code::kField, path + ".type: unknown range type " + type);
  if (type == "ECOSYSTEM" && !semver_ecosystem(ecosystem)) {
    affected.undecided.push_back("a range in the version order of " + std::string(ecosystem));
    return {};
  }
  std::vector<Event> parsed;
  for (std::size_t i = 0; i < events.size(); ++i) {
    if (events[i].is_object() && events[i].contains("limit")) {
      affected.undecided.push_back("a range with a limit event");
      return {};
    }
    parsed.push_back(TRY(parse_event(events[i], path + ".events[" + std::to_string(i) + "]")));
  }
  if (std::ranges::none_of(parsed, [](const Event& e) { return e.kind == EventKind::kIntroduced; }))
    return fail(Code::kField, path + ".events: nothing is introduced");
  for (Interval& interval : intervals_of(std::move(parsed))) affected.intervals.push_back(std::move(interval));
  return {};
}

Result<void> add_affected(Advisory& advisory, const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  const Json* package = TRY(reader.object_or_null("package"));
  if (package == nullptr) return {};  // the schema allows records of commits alone
  auto names = TRY(ObjectReader::of(*package, path + ".package"));
  const std::string ecosystem = TRY(names.string("ecosystem"));
  const std::string name = TRY(names.string("name"));
  if (ecosystem.empty() || name.empty()) return fail(Code::kField, path + ".package: empty name");
  Affected& affected = advisory.packages[{ecosystem, name}];
  if (const Json* ranges = TRY(reader.array_or_null("ranges")))
    for (std::size_t i = 0; i < ranges->size(); ++i)
      TRY(add_range(affected, ecosystem, (*ranges)[i], path + ".ranges[" + std::to_string(i) + "]"));
  for (std::string& version : TRY(reader.strings_or_empty("versions"))) affected.versions.push_back(std::move(version));
  return {};
}

template <class T>
void sort_unique(std::vector<T>& values) {
  std::ranges::sort(values);
  values.erase(std::unique(values.begin(), values.end()), values.end());
}

Result<Interval> parse_interval(const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  Interval interval;
  if (const std::string text = TRY(reader.string("introduced")); text != "0") interval.introduced = TRY(SemVer::parse(text));
  if (reader.has("fixed")) interval.fixed = TRY(SemVer::parse(TRY(reader.string("fixed"))));
  if (reader.has("lastAffected")) interval.last_affected = TRY(SemVer::parse(TRY(reader.string("lastAffected"))));
  TRY(reader.finish());
  return interval;
}

Result<Affected> parse_affected(const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  (void)TRY(reader.string("id"));
  Affected affected;
  const Json& intervals = *TRY(reader.array("intervals"));
  for (std::size_t i = 0; i < intervals.size(); ++i)
    affected.intervals.push_back(TRY(parse_interval(intervals[i], path + ".intervals[" + std::to_string(i) + "]")));
  affected.versions = TRY(reader.strings_or_empty("versions"));
  affected.undecided = TRY(reader.strings_or_empty("undecided"));
  TRY(reader.finish());
  return affected;
}

// "1.22rc1" -> "1.22.0-rc.1", "1.22" -> "1.22.0", as the Go vulnerability database orders the tags of Go itself.
std::string go_release_as_semver(std::string_view tag) {
  const auto letter = tag.find_first_of("abcdefghijklmnopqrstuvwxyz-");
  const std::string_view core = tag.substr(0, letter);
  const auto dots = std::ranges::count(core, '.');
  std::string out(core);
  for (auto i = dots; i < 2; ++i) out += ".0";
  if (letter == std::string_view::npos) return out;
  if (tag[letter] == '-') return out + std::string(tag.substr(letter));
  const auto digit = tag.find_first_of("0123456789", letter);
  if (digit == std::string_view::npos) return std::string(tag);  // no release was ever called that: stays unparsable
  return out + "-" + std::string(tag.substr(letter, digit - letter)) + "." + std::string(tag.substr(digit));
}

}  // namespace

bool Interval::holds(const SemVer& version) const {
  if (introduced && version < *introduced) return false;
  if (fixed && version >= *fixed) return false;
  return !last_affected || version <= *last_affected;
}

Result<Advisory> parse_advisory(const Json& value, std::string_view what) {
  const std::string path(what);
  auto reader = TRY(ObjectReader::of(value, path));
  Advisory advisory;
  advisory.id = TRY(reader.string("id"));
  if (advisory.id.empty() || advisory.id.size() > 200) return fail(Code::kField, path + ".id: empty or too long");
  advisory.modified = TRY(reader.string("modified"));
  if (!Instant::parse(advisory.modified)) return fail(Code::kField, path + ".modified: not a UTC time");
  advisory.withdrawn = reader.has("withdrawn");
  advisory.summary = TRY(reader.string_or("summary", ""));
  advisory.aliases = TRY(reader.strings_or_empty("aliases"));
  sort_unique(advisory.aliases);
  if (const Json* affected = TRY(reader.array_or_null("affected")))
    for (std::size_t i = 0; i < affected->size(); ++i)
      TRY(add_affected(advisory, (*affected)[i], path + ".affected[" + std::to_string(i) + "]"));
  for (auto& [package, affected] : advisory.packages) {
    sort_unique(affected.versions);
    sort_unique(affected.undecided);
  }
  return advisory;
}

Result<SemVer> parse_version(std::string_view ecosystem, std::string_view package, std::string_view text) {
  if (ecosystem != "Go") return SemVer::parse(text);
  if (text.starts_with('v')) text.remove_prefix(1);
  if (package != "stdlib") return SemVer::parse(text);
  if (text.starts_with("go")) text.remove_prefix(2);
  return SemVer::parse(go_release_as_semver(text));
}

std::optional<Finding> affects(const Affected& affected, const std::optional<SemVer>& version, std::string_view text) {
  const auto interval_with = [&](const SemVer& v) {
    return std::ranges::find_if(affected.intervals, [&](const Interval& i) { return i.holds(v); });
  };
  Finding finding;
  const auto hit = version ? interval_with(*version) : affected.intervals.end();
  if (hit != affected.intervals.end()) finding.interval = &*hit;
  else if (!std::ranges::binary_search(affected.versions, text)) return std::nullopt;

  // A fix counts only when no other range of the same advisory still holds it.
  for (const Interval& interval : affected.intervals) {
    if (!version || !interval.fixed || *interval.fixed <= *version) continue;
    if (interval_with(*interval.fixed) != affected.intervals.end()) continue;
    if (!finding.fixed || *interval.fixed < *finding.fixed) finding.fixed = interval.fixed;
  }
  return finding;
}

Json to_json(const Interval& interval) {
  Json out = {{"introduced", interval.introduced ? interval.introduced->str() : "0"}};
  if (interval.fixed) out["fixed"] = interval.fixed->str();
  if (interval.last_affected) out["lastAffected"] = interval.last_affected->str();
  return out;
}

Json to_json(const Affected& affected) {
  Json intervals = Json::array();
  std::set<std::string> seen;  // one advisory may list a package several times with the same range
  for (const Interval& interval : affected.intervals) {
    Json item = to_json(interval);
    if (seen.insert(canonical_json(item)).second) intervals.push_back(std::move(item));
  }
  Json out = {{"intervals", std::move(intervals)}};
  if (!affected.versions.empty()) out["versions"] = affected.versions;
  if (!affected.undecided.empty()) out["undecided"] = affected.undecided;
  return out;
}

Result<Index> parse_index(const Json& value) {
  auto reader = TRY(ObjectReader::of(value, "index"));
  if (TRY(reader.string("schema")) != kIndexSchema)
    return fail(Code::kField, "index.schema: expected " + std::string(kIndexSchema));
  Index index;
  for (const auto& [id, entry] : TRY(reader.object("advisories"))->items()) {
    auto fields = TRY(ObjectReader::of(entry, "index.advisories." + id));
    Advisory& advisory = index.advisories[id];
    advisory.id = id;
    advisory.aliases = TRY(fields.strings_or_empty("aliases"));
    advisory.summary = TRY(fields.string_or("summary", ""));
    advisory.modified = TRY(fields.string("modified"));
  }
  const Json& packages = *TRY(reader.array("packages"));
  for (std::size_t i = 0; i < packages.size(); ++i) {
    const std::string path = "index.packages[" + std::to_string(i) + "]";
    auto fields = TRY(ObjectReader::of(packages[i], path));
    auto ecosystem = TRY(fields.string("ecosystem"));
    auto name = TRY(fields.string("name"));
    auto& by_id = index.packages[{std::move(ecosystem), std::move(name)}];
    const Json& advisories = *TRY(fields.array("advisories"));
    for (std::size_t k = 0; k < advisories.size(); ++k) {
      const std::string inner = path + ".advisories[" + std::to_string(k) + "]";
      Affected affected = TRY(parse_affected(advisories[k], inner));
      const std::string id = advisories[k]["id"].get<std::string>();
      if (!index.advisories.contains(id)) return fail(Code::kField, inner + ".id: not among index.advisories");
      by_id.insert_or_assign(id, std::move(affected));
    }
  }
  return index;
}

}  // namespace airlock::plugin
