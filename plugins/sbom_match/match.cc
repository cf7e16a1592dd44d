#include "match.h"

#include <map>
#include <optional>
#include <set>
#include <utility>
#include <vector>

#include "common/purl.h"

namespace airlock::plugin {
namespace {

using ByAdvisory = std::map<std::string, Affected>;

// What is known about the packages of an index by exact and by folded name.
class Lookup {
 public:
  explicit Lookup(const Index& index) : index_(index) {
    for (const auto& [package, advisories] : index.packages)
      if (package.first == "Go") folded_[folded(package.second)].push_back(package.second);
  }

  struct Entry {
    std::string name;
    const ByAdvisory* advisories;
    bool exact;
  };

  std::vector<Entry> find(const PackageName& package) const {
    if (const auto it = index_.packages.find({package.ecosystem, package.name}); it != index_.packages.end())
      return {{package.name, &it->second, true}};
    std::vector<Entry> out;
    if (package.ecosystem != "Go") return out;
    if (const auto it = folded_.find(folded(package.name)); it != folded_.end())
      for (const std::string& name : it->second) out.push_back({name, &index_.packages.at({"Go", name}), false});
    return out;
  }

 private:
  const Index& index_;
  std::map<std::string, std::vector<std::string>> folded_;
};

enum class Outcome { kAffected, kUnaffected, kUnknown };

// Judges one distinct purl after the other and keeps what the report says about each.
class Matcher {
 public:
  explicit Matcher(const Index& index) : index_(index), lookup_(index) {}

  // `stated` is the component's own version: it counts when the purl names none.
  void examine(const std::string& text, const std::string& stated) {
    auto purl = parse_purl(text);
    if (!purl) {
      ++malformed;
      unknown.push_back({{"purl", text}, {"reason", "malformed package URL"}, {"advisories", Json::array()}});
      return;
    }
    const std::string version = purl->version.empty() ? stated : purl->version;
    const auto package = osv_package(*purl);
    const std::vector<Lookup::Entry> entries = package ? lookup_.find(*package) : std::vector<Lookup::Entry>{};
    if (!entries.empty()) ++listed;
    bool hit = false, unclear = false;
    for (const Lookup::Entry& entry : entries) {
      const Outcome outcome = judge(text, *package, version, entry);
      hit = hit || outcome == Outcome::kAffected;
      unclear = unclear || outcome == Outcome::kUnknown;
    }
    if (hit) ++affected;
    else if (unclear) ++unclear_purls;  // listed under unknownVersions or undecided
    else ++unaffected;
  }

  Json matches = Json::array(), unknown = Json::array(), undecided = Json::array();
  std::uint64_t listed = 0, affected = 0, unaffected = 0, unclear_purls = 0, malformed = 0;

 private:
  Outcome judge(const std::string& purl, const PackageName& package, const std::string& version, const Lookup::Entry& entry) {
    std::string_view plain = version;
    if (package.ecosystem == "Go" && plain.starts_with('v')) plain.remove_prefix(1);
    const auto parsed = parse_version(package.ecosystem, entry.name, version);
    const std::optional<SemVer> semver = parsed ? std::optional(*parsed) : std::nullopt;
    Outcome outcome = Outcome::kUnaffected;
    Json unclear = Json::array();
    for (const auto& [id, affected_by] : *entry.advisories) {
      if (const auto finding = affects(affected_by, semver, plain)) {
        add_match(purl, package, version, entry, id, *finding);
        outcome = Outcome::kAffected;
      } else if (!affected_by.undecided.empty()) {
        undecided.push_back({{"purl", purl}, {"advisory", id}, {"reasons", affected_by.undecided}});
        if (outcome == Outcome::kUnaffected) outcome = Outcome::kUnknown;
      } else if (!semver && !affected_by.intervals.empty()) {
        unclear.push_back(id);
      }
    }
    if (unclear.empty()) return outcome;
    const std::string reason = version.empty() ? "no version" : "version \"" + version + "\" cannot be ordered";
    unknown.push_back({{"purl", purl}, {"reason", reason}, {"advisories", std::move(unclear)}});
    return outcome == Outcome::kAffected ? outcome : Outcome::kUnknown;
  }

  void add_match(const std::string& purl, const PackageName& package, const std::string& version, const Lookup::Entry& entry,
                 const std::string& id, const Finding& finding) {
    const Advisory& advisory = index_.advisories.at(id);
    Json match = {{"purl", purl},       {"ecosystem", package.ecosystem}, {"package", entry.name}, {"version", version},
                  {"advisory", id},     {"aliases", advisory.aliases},    {"summary", advisory.summary},
                  {"nameMatch", entry.exact ? "exact" : "case-insensitive"}};
    match["range"] = finding.interval != nullptr ? to_json(*finding.interval) : Json{{"versions", true}};
    match["fixed"] = finding.fixed ? Json(finding.fixed->str()) : Json(nullptr);
    matches.push_back(std::move(match));
  }

  const Index& index_;
  Lookup lookup_;
};

bool versioned(const std::string& text) {
  const auto purl = parse_purl(text);
  return purl && !purl->version.empty();
}

}  // namespace

Json match_report(const Sbom& sbom, const Index& index, std::string_view file) {
  std::set<std::pair<std::string, std::string>> distinct;  // a purl that is listed twice is one package used twice
  std::uint64_t without_purl = 0;
  for (const Component& component : sbom.components) {
    if (component.purls.empty()) ++without_purl;
    for (const std::string& purl : component.purls) distinct.emplace(purl, versioned(purl) ? "" : component.version);
  }
  Matcher matcher(index);
  for (const auto& [purl, stated] : distinct) matcher.examine(purl, stated);

  const Json counts = {{"components", sbom.components.size()},
                       {"withoutPurl", without_purl},
                       {"purls", distinct.size()},
                       {"listed", matcher.listed},
                       {"affected", matcher.affected},
                       {"unaffected", matcher.unaffected},
                       {"unclear", matcher.unclear_purls},
                       {"malformed", matcher.malformed}};
  return {{"schema", kMatchSchema},
          {"sbom", {{"file", file}, {"format", sbom.format}, {"serial", sbom.serial}, {"name", sbom.name}, {"product", sbom.product}}},
          {"counts", counts},
          {"matches", matcher.matches},
          {"unknownVersions", matcher.unknown},
          {"undecided", matcher.undecided}};
}

}  // namespace airlock::plugin
