#include "common/sbom.h"

#include <set>

namespace airlock::plugin {
namespace {

std::string at(const std::string& path, std::size_t i) { return path + "[" + std::to_string(i) + "]"; }

// Recursion ends: the JSON reader has bounded the nesting.
Result<void> add_cyclonedx(const Json& value, const std::string& path, std::vector<Component>& out) {
  auto reader = TRY(ObjectReader::of(value, path));
  Component component;
  component.name = TRY(reader.string("name"));
  component.version = TRY(reader.string_or("version", ""));
  if (const std::string purl = TRY(reader.string_or("purl", "")); !purl.empty()) component.purls.push_back(purl);
  out.push_back(std::move(component));
  const Json* nested = TRY(reader.array_or_null("components"));
  for (std::size_t i = 0; nested != nullptr && i < nested->size(); ++i)
    TRY(add_cyclonedx((*nested)[i], at(path + ".components", i), out));
  return {};
}

Result<Sbom> parse_cyclonedx(const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  if (TRY(reader.string("bomFormat")) != "CycloneDX") return fail(Code::kField, path + ".bomFormat: expected CycloneDX");
  Sbom sbom;
  sbom.format = "CycloneDX " + TRY(reader.string("specVersion"));
  sbom.serial = TRY(reader.string_or("serialNumber", ""));
  if (const Json* metadata = TRY(reader.object_or_null("metadata"))) {
    auto fields = TRY(ObjectReader::of(*metadata, path + ".metadata"));
    if (const Json* product = TRY(fields.object_or_null("component"))) {
      TRY(add_cyclonedx(*product, path + ".metadata.component", sbom.components));
      sbom.name = sbom.components.front().name;
      if (!sbom.components.front().purls.empty()) sbom.product = sbom.components.front().purls.front();
    }
  }
  const Json* components = TRY(reader.array_or_null("components"));
  for (std::size_t i = 0; components != nullptr && i < components->size(); ++i)
    TRY(add_cyclonedx((*components)[i], at(path + ".components", i), sbom.components));
  return sbom;
}

Result<std::vector<std::string>> spdx_purls(ObjectReader& package, const std::string& path) {
  std::vector<std::string> purls;
  const Json* refs = TRY(package.array_or_null("externalRefs"));
  for (std::size_t i = 0; refs != nullptr && i < refs->size(); ++i) {
    auto ref = TRY(ObjectReader::of((*refs)[i], at(path + ".externalRefs", i)));
    if (TRY(ref.string("referenceType")) == "purl") purls.push_back(TRY(ref.string("referenceLocator")));
  }
  return purls;
}

// The SPDX ids of what the document describes: by relationship, or by the older documentDescribes.
Result<std::set<std::string>> described_by(ObjectReader& document, const std::string& path) {
  std::set<std::string> ids;
  for (std::string& id : TRY(document.strings_or_empty("documentDescribes"))) ids.insert(std::move(id));
  const Json* relationships = TRY(document.array_or_null("relationships"));
  for (std::size_t i = 0; relationships != nullptr && i < relationships->size(); ++i) {
    auto relation = TRY(ObjectReader::of((*relationships)[i], at(path + ".relationships", i)));
    const std::string type = TRY(relation.string("relationshipType"));
    const std::string from = TRY(relation.string("spdxElementId")), to = TRY(relation.string("relatedSpdxElement"));
    if (type == "DESCRIBES" && from == "SPDXRef-DOCUMENT") ids.insert(to);
    if (type == "DESCRIBED_BY" && to == "SPDXRef-DOCUMENT") ids.insert(from);
  }
  return ids;
}

Result<Sbom> parse_spdx(const Json& value, const std::string& path) {
  auto reader = TRY(ObjectReader::of(value, path));
  Sbom sbom;
  sbom.format = TRY(reader.string("spdxVersion"));
  if (!sbom.format.starts_with("SPDX-2.")) return fail(Code::kField, path + ".spdxVersion: expected SPDX-2.x");
  sbom.serial = TRY(reader.string_or("documentNamespace", ""));
  sbom.name = TRY(reader.string("name"));
  const std::set<std::string> described = TRY(described_by(reader, path));
  const Json* packages = TRY(reader.array_or_null("packages"));
  for (std::size_t i = 0; packages != nullptr && i < packages->size(); ++i) {
    auto fields = TRY(ObjectReader::of((*packages)[i], at(path + ".packages", i)));
    Component component;
    component.name = TRY(fields.string("name"));
    component.version = TRY(fields.string_or("versionInfo", ""));
    component.purls = TRY(spdx_purls(fields, fields.path()));
    const bool product = described.contains(TRY(fields.string_or("SPDXID", "")));
    if (product && sbom.product.empty() && !component.purls.empty()) sbom.product = component.purls.front();
    sbom.components.push_back(std::move(component));
  }
  return sbom;
}

}  // namespace

Result<Sbom> parse_sbom(const Json& value, std::string_view what) {
  const std::string path(what);
  if (!value.is_object()) return fail(Code::kField, path + ": expected an object");
  if (value.contains("bomFormat")) return parse_cyclonedx(value, path);
  if (value.contains("spdxVersion")) return parse_spdx(value, path);
  return fail(Code::kField, path + ": neither CycloneDX (bomFormat) nor SPDX (spdxVersion)");
}

}  // namespace airlock::plugin
