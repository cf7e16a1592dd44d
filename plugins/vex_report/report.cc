#include "report.h"

#include <set>
#include <utility>

namespace airlock::plugin {
namespace {

constexpr std::string_view kMatchSchema = "airlock.sbom-match/v1";  // match.h of sbom-match says the same
constexpr std::string_view kSummarySchema = "airlock.advisory-summary/v1";

constexpr std::string_view kStatusNotes =
    "Found by package name and version alone. Whether the vulnerable code is present and reached has not been examined.";

// One advisory over all SBOMs: the products it was found in and the packages in each.
struct Found {
  Json first;                                               // any of its matches: aliases and summary are the same in all
  std::map<std::string, std::set<std::string>> products;    // product -> purls
  std::map<std::string, std::set<std::string>> sboms;       // SBOM file -> purls
};

std::string product_of(const Json& sbom) {
  for (const char* key : {"product", "serial"})
    if (const std::string text = sbom[key].get<std::string>(); !text.empty()) return text;
  return "urn:airlock:sbom:" + sbom["file"].get<std::string>();
}

std::map<std::string, Found> by_advisory(const Matches& all) {
  std::map<std::string, Found> out;
  for (const auto& [file, report] : all) {
    const std::string product = product_of(report["sbom"]);
    for (const Json& match : report["matches"]) {
      Found& found = out[match["advisory"].get<std::string>()];
      if (found.first.is_null()) found.first = match;
      found.products[product].insert(match["purl"].get<std::string>());
      found.sboms[file].insert(match["purl"].get<std::string>());
    }
  }
  return out;
}

std::string advisory_page(const std::string& id) {
  if (id.starts_with("GO-")) return "https://pkg.go.dev/vuln/" + id;
  return "https://osv.dev/vulnerability/" + id;
}

Json component(const std::string& id) {
  Json out = {{"@id", id}};
  if (id.starts_with("pkg:")) out["identifiers"] = {{"purl", id}};
  return out;
}

Json statement(const std::string& id, const Found& found) {
  Json vulnerability = {{"@id", advisory_page(id)}, {"name", id}};
  if (const Json& aliases = found.first["aliases"]; !aliases.empty()) vulnerability["aliases"] = aliases;
  if (const Json& text = found.first["summary"]; text != "") vulnerability["description"] = text;
  Json products = Json::array();
  for (const auto& [product, purls] : found.products) {
    Json item = component(product);
    for (const std::string& purl : purls)
      if (purl != product) item["subcomponents"].push_back(component(purl));
    products.push_back(std::move(item));
  }
  return {{"vulnerability", std::move(vulnerability)},
          {"products", std::move(products)},
          {"status", "under_investigation"},
          {"status_notes", kStatusNotes}};
}

std::uint64_t count(const Json& report, const char* name) { return report["counts"][name].get<std::uint64_t>(); }

// A cell of a Markdown table: documents are foreign, so nothing in them may draw a table or a line of its own.
std::string cell(const Json& text) {
  std::string out;
  for (const char c : printable(text.get<std::string>())) {
    if (std::string_view("|`*_<>[]\\").find(c) != std::string_view::npos) out += '\\';
    out += c;
  }
  return out;
}

Result<void> check_strings(const Json& object, std::initializer_list<const char*> keys, const std::string& path) {
  auto reader = TRY(ObjectReader::of(object, path));
  for (const char* key : keys) (void)TRY(reader.string(key));
  return {};
}

}  // namespace

Result<void> add_matches(Matches& all, const Json& report, std::string_view what) {
  const std::string path(what);
  auto reader = TRY(ObjectReader::of(report, path));
  if (TRY(reader.string("schema")) != kMatchSchema)
    return fail(Code::kField, path + ".schema: expected " + std::string(kMatchSchema));
  TRY(check_strings(*TRY(reader.object("sbom")), {"file", "product", "serial", "format"}, path + ".sbom"));
  auto counts = TRY(ObjectReader::of(*TRY(reader.object("counts")), path + ".counts"));
  for (const char* name : {"components", "purls", "affected", "unaffected", "unclear", "malformed", "withoutPurl"})
    (void)TRY(counts.uint(name));
  for (const Json& match : *TRY(reader.array("matches"))) {
    TRY(check_strings(match, {"purl", "advisory", "summary", "package", "version"}, path + ".matches[]"));
    auto fields = TRY(ObjectReader::of(match, path + ".matches[]"));
    (void)TRY(fields.strings_or_empty("aliases"));
    if (!fields.has("aliases") || !fields.has("fixed")) return fail(Code::kField, path + ".matches[]: incomplete");
  }
  (void)TRY(reader.array("unknownVersions"));
  (void)TRY(reader.array("undecided"));
  const std::string file = report["sbom"]["file"].get<std::string>();
  if (all.contains(file)) return fail(Code::kField, path + ": a second report about " + file);
  all.emplace(file, report);
  return {};
}

Json open_vex(const Matches& all, std::string_view author, const Instant& timestamp) {
  Json statements = Json::array();
  for (const auto& [id, found] : by_advisory(all)) statements.push_back(statement(id, found));
  Json document = {{"@context", "https://openvex.dev/ns/v0.2.0"},
                   {"author", author},
                   {"role", "automated scanner"},
                   {"timestamp", timestamp.text()},
                   {"version", 1},
                   {"tooling", "airlock vex-report"},
                   {"statements", std::move(statements)}};
  document["@id"] = "urn:airlock:vex:sha256:" + Digest::of(canonical_json(document)).hex();
  return document;
}

Json summary(const Matches& all) {
  Json sboms = Json::array(), advisories = Json::array();
  std::uint64_t components = 0, purls = 0, matches = 0, unclear = 0, with_matches = 0;
  for (const auto& [file, report] : all) {
    components += count(report, "components");
    purls += count(report, "purls");
    matches += report["matches"].size();
    unclear += count(report, "unclear") + count(report, "malformed");
    with_matches += report["matches"].empty() ? 0U : 1U;
    sboms.push_back({{"file", file},
                     {"format", report["sbom"]["format"]},
                     {"product", report["sbom"]["product"]},
                     {"counts", report["counts"]},
                     {"matches", report["matches"].size()},
                     {"unknownVersions", report["unknownVersions"]},
                     {"undecided", report["undecided"]}});
  }
  for (const auto& [id, found] : by_advisory(all)) {
    Json where = Json::object();
    for (const auto& [file, names] : found.sboms) where[file] = names;
    advisories.push_back({{"id", id}, {"aliases", found.first["aliases"]}, {"summary", found.first["summary"]}, {"sboms", where}});
  }
  const Json counts = {{"sboms", all.size()},         {"sbomsWithMatches", with_matches}, {"components", components},
                       {"purls", purls},              {"matches", matches},               {"advisories", advisories.size()},
                       {"unclear", unclear}};
  return {{"schema", kSummarySchema}, {"counts", counts}, {"sboms", sboms}, {"advisories", advisories}};
}

std::string summary_markdown(const Json& summary) {
  const Json& counts = summary["counts"];
  const auto number = [&](const char* name) { return std::to_string(counts[name].get<std::uint64_t>()); };
  std::string out = "# Advisories matched against SBOMs\n\n";
  out += number("sboms") + " SBOMs with " + number("components") + " components and " + number("purls") +
         " package URLs were matched. " + number("sbomsWithMatches") + " of them name a version that an advisory calls affected: " +
         number("matches") + " matches of " + number("advisories") + " advisories. " + number("unclear") +
         " package URLs could not be decided.\n\n";
  out += "| advisory | aliases | what | SBOM | package URL |\n| --- | --- | --- | --- | --- |\n";
  for (const Json& advisory : summary["advisories"]) {
    std::string aliases;
    for (const Json& alias : advisory["aliases"]) aliases += (aliases.empty() ? "" : " ") + cell(alias);
    for (const auto& [file, purls] : advisory["sboms"].items())
      for (const Json& purl : purls)
        out += "| " + cell(advisory["id"]) + " | " + aliases + " | " + cell(advisory["summary"]) + " | " + cell(file) + " | " + cell(purl) + " |\n";
  }
  out += "\n## Not decided\n\n| SBOM | package URL | why |\n| --- | --- | --- |\n";
  for (const Json& sbom : summary["sboms"]) {
    for (const Json& item : sbom["unknownVersions"])
      out += "| " + cell(sbom["file"]) + " | " + cell(item["purl"]) + " | " + cell(item["reason"]) + " |\n";
    for (const Json& item : sbom["undecided"])
      out += "| " + cell(sbom["file"]) + " | " + cell(item["purl"]) + " | " + cell(item["advisory"]) + ": " + cell(item["reasons"][0]) + " |\n";
  }
  return out;
}

}  // namespace airlock::plugin
