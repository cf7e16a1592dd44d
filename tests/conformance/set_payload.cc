// payload: documents that bundles carry and steps read. Each must go through a bundle's archive unchanged, and through the
// strict parser where it is JSON; facts are compared where a reader is at hand. A CycloneDX document is checked as the
// `sbom.cdx.json` of a bundle is.
#include "archive/archive.h"
#include "base/json.h"
#include "base/path.h"
#include "manifests/cyclonedx.h"
#include "scratch.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

Result<std::string> carried(std::string_view bytes) {
  std::string packed;
  archive::ArchiveWriter writer([&](std::string_view part) -> Result<void> {
    packed += part;
    return {};
  });
  TRY(writer.add("data/document", bytes));
  TRY(writer.finish());
  const UniqueFd fd = TRY(memory_file(packed));
  archive::ArchiveReader reader = TRY(archive::ArchiveReader::open(fd.get()));
  TRY(reader.next());
  return reader.read_all(bytes.size());
}

Result<Json> read_document(const std::string& kind, std::string_view bytes, const std::string& what) {
  if (kind == "rustsec") {  // Markdown behind a front matter; airlock carries it and reads nothing of it
    if (!valid_utf8(bytes)) return fail(Code::kField, what + ": not UTF-8");
    return Json();
  }
  Json json = TRY(parse_json(bytes, what));
  if (kind == "cyclonedx") TRY(manifests::check_cyclonedx(json));
  return json;
}

// A fact is a value of that name or, where the document has a list of that name, its length.
void compare(const Json& facts, const Json& document, Report& report) {
  for (const auto& [name, want] : facts.items()) {
    const Json value = document.is_object() ? document.value(name, Json()) : Json();
    if (want.is_number_unsigned() && (value.is_array() || value.is_null())) report.equal(name, want.get<std::size_t>(), value.size());
    else if (!value.is_null()) report.equal(name, want, value);
  }
}

}  // namespace

void run_payload(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("document"), report);
  const auto back = carried(bytes);
  if (!back || *back != bytes) report.differ("the same bytes", back ? "others" : "an error", "carried in an archive");
  const auto document = read_document(c.kind(), bytes, c.id());
  report.judge(c.expect(), document);
  if (document) compare(c.json().value("facts", Json::object()), *document, report);
}

}  // namespace airlock::conformance
