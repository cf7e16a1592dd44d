#include "manifests/cyclonedx.h"

#include <algorithm>
#include <initializer_list>
#include <iterator>

#include "base/error.h"

namespace airlock::manifests {
namespace {

constexpr std::string_view kSpdxIds[] = {
#include "manifests/spdx_ids.def"
};

// A value of the document and the way to it, for errors.
struct At {
  const Json& value;
  std::string path;
  int version;  // of the specification, its second number: 1.5 -> 5

  std::unexpected<Error> wrong(std::string_view why) const {
    return fail(Code::kSbom, printable((path.empty() ? "the document" : path)) + ": " + std::string(why));
  }
  bool has(std::string_view key) const { return value.contains(key); }
  At in(std::string_view key) const {
    static const Json kAbsent;
    const auto it = value.find(key);
    return {it == value.end() ? kAbsent : *it, path.empty() ? std::string(key) : path + "." + std::string(key), version};
  }
};

using Check = Result<void> (*)(const At&);

// Calls `check` for each element of a list that may be absent.
Result<void> each(const At& list, Check check) {
  if (list.value.is_null()) return {};
  if (!list.value.is_array()) return list.wrong("expected a list");
  for (std::size_t i = 0; i < list.value.size(); ++i)
    TRY(check({list.value[i], list.path + "[" + std::to_string(i) + "]", list.version}));
  return {};
}

Result<void> maybe(const At& at, Check check) {
  if (at.value.is_null()) return {};
  return check(at);
}

Result<void> object(const At& at) {
  if (!at.value.is_object()) return at.wrong("expected an object");
  return {};
}

Result<void> text(const At& at) {
  if (!at.value.is_string()) return at.wrong("expected a string");
  return {};
}

Result<void> one_of(const At& at, std::initializer_list<std::string_view> words) {
  TRY(text(at));
  if (std::ranges::find(words, at.value.get_ref<const std::string&>()) == words.end())
    return at.wrong("\"" + printable(at.value.get_ref<const std::string&>().substr(0, 60)) + "\" is none of the allowed words");
  return {};
}

// Digits where the pattern has '0', hex digits of either case where it has 'x', the same character elsewhere.
bool like(std::string_view value, std::string_view pattern) {
  return std::ranges::equal(value, pattern, [](char c, char p) {
    if (p == '0') return c >= '0' && c <= '9';
    if (p == 'x') return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
    return c == p;
  });
}

// RFC 3339 date-time.
Result<void> date_time(const At& at) {
  TRY(text(at));
  std::string_view value = at.value.get_ref<const std::string&>();
  const auto bad = [&] { return at.wrong("expected a time like 2026-01-31T12:00:00Z"); };
  if (value.size() < 20 || !(like(value.substr(0, 19), "0000-00-00T00:00:00") || like(value.substr(0, 19), "0000-00-00t00:00:00"))) return bad();
  const auto number = [&](std::size_t from) { return (value[from] - '0') * 10 + (value[from + 1] - '0'); };
  if (number(5) < 1 || number(5) > 12 || number(8) < 1 || number(8) > 31 || number(11) > 23 || number(14) > 59 || number(17) > 60) return bad();
  value.remove_prefix(19);
  if (value.starts_with('.')) {
    const auto digits = value.find_first_not_of("0123456789", 1);
    if (digits == 1 || digits == std::string_view::npos) return bad();
    value.remove_prefix(digits);
  }
  if (value == "Z" || value == "z" || like(value, "+00:00") || like(value, "-00:00")) return {};
  return bad();
}

Result<void> property(const At& at) {
  TRY(object(at));
  if (at.version >= 6) TRY(text(at.in("name")));
  TRY(maybe(at.in("name"), text));
  return maybe(at.in("value"), text);
}

Result<void> attachment(const At& at) {
  TRY(object(at));
  TRY(text(at.in("content")));
  TRY(maybe(at.in("contentType"), text));
  if (at.has("encoding")) TRY(one_of(at.in("encoding"), {"base64"}));
  return {};
}

Result<void> hash(const At& at) {
  TRY(object(at));
  TRY(one_of(at.in("alg"), {"MD5", "SHA-1", "SHA-256", "SHA-384", "SHA-512", "SHA3-256", "SHA3-384", "SHA3-512", "BLAKE2b-256",
                            "BLAKE2b-384", "BLAKE2b-512", "BLAKE3"}));
  const At content = at.in("content");
  TRY(text(content));
  const std::string& hex = content.value.get_ref<const std::string&>();
  const auto sizes = {32u, 40u, 64u, 96u, 128u};
  if (std::ranges::find(sizes, hex.size()) == sizes.end() || !like(hex, std::string(hex.size(), 'x')))
    return content.wrong("expected 32, 40, 64, 96 or 128 hex digits");
  return {};
}

Result<void> licence(const At& at) {
  TRY(object(at));
  if (at.has("id") == at.has("name")) return at.wrong("expected either an id or a name");
  TRY(maybe(at.in("name"), text));
  TRY(maybe(at.in("id"), text));
  if (at.has("id") && !std::ranges::binary_search(kSpdxIds, std::string_view(at.value["id"].get_ref<const std::string&>())))
    return at.in("id").wrong("\"" + printable(at.value["id"].get<std::string>()) + "\" is no SPDX licence identifier");
  TRY(maybe(at.in("text"), attachment));
  return each(at.in("properties"), property);
}

// Licences are a list of named ones, or (from 1.5 on) exactly one expression.
Result<void> licence_choices(const At& at) {
  if (at.value.is_null()) return {};
  if (!at.value.is_array()) return at.wrong("expected a list");
  const auto is_expression = [](const Json& item) { return item.is_object() && item.contains("expression"); };
  const auto expressions = std::ranges::count_if(at.value, is_expression);
  if (at.version >= 5 && expressions > 0 && at.value.size() > 1) return at.wrong("an expression must stand alone");
  return each(at, [](const At& item) -> Result<void> {
    TRY(object(item));
    if (item.has("expression") == item.has("license")) return item.wrong("expected either a license or an expression");
    if (item.has("expression")) return text(item.in("expression"));
    return licence(item.in("license"));
  });
}

Result<void> issue(const At& at) {
  TRY(object(at));
  return one_of(at.in("type"), {"defect", "enhancement", "security"});
}

Result<void> patch(const At& at) {
  TRY(object(at));
  TRY(one_of(at.in("type"), {"unofficial", "monkey", "backport", "cherry-pick"}));
  if (at.has("diff")) TRY(maybe(at.in("diff").in("text"), attachment));
  return each(at.in("resolves"), issue);
}

Result<void> swid(const At& at) {
  TRY(object(at));
  TRY(text(at.in("tagId")));
  TRY(text(at.in("name")));
  return maybe(at.in("text"), attachment);
}

Result<void> external_reference(const At& at) {
  TRY(object(at));
  TRY(text(at.in("type")));
  if (!at.in("url").value.is_string() && !at.in("url").value.is_object()) return at.in("url").wrong("expected a string");
  return each(at.in("hashes"), hash);
}

Result<void> component_type(const At& at) {
  TRY(one_of(at, {"application", "framework", "library", "container", "platform", "operating-system", "device", "device-driver",
                  "firmware", "file", "machine-learning-model", "data", "cryptographic-asset"}));
  const std::string& type = at.value.get_ref<const std::string&>();
  const bool of_1_5 = type == "platform" || type == "device-driver" || type == "machine-learning-model" || type == "data";
  if ((of_1_5 && at.version < 5) || (type == "cryptographic-asset" && at.version < 6))
    return at.wrong("\"" + type + "\" came with a later version of the specification");
  return {};
}

Result<void> component(const At& at) {
  TRY(object(at));
  TRY(component_type(at.in("type")));
  TRY(text(at.in("name")));
  if (at.version < 4) TRY(text(at.in("version")));
  for (const char* key : {"version", "group", "publisher", "author", "description", "purl", "cpe", "copyright", "bom-ref", "mime-type"})
    TRY(maybe(at.in(key), text));
  if (at.has("scope")) TRY(one_of(at.in("scope"), {"required", "optional", "excluded"}));
  TRY(each(at.in("hashes"), hash));
  TRY(licence_choices(at.in("licenses")));
  TRY(maybe(at.in("swid"), swid));
  TRY(each(at.in("externalReferences"), external_reference));
  TRY(each(at.in("properties"), property));
  if (at.has("pedigree")) {
    const At pedigree = at.in("pedigree");
    TRY(object(pedigree));
    for (const char* key : {"ancestors", "descendants", "variants"}) TRY(each(pedigree.in(key), component));
    TRY(each(pedigree.in("patches"), patch));
  }
  return each(at.in("components"), component);
}

Result<void> data_flow(const At& at) {
  TRY(object(at));
  TRY(one_of(at.in("flow"), {"inbound", "outbound", "bi-directional", "unknown"}));
  return text(at.in("classification"));
}

Result<void> service(const At& at) {
  TRY(object(at));
  TRY(text(at.in("name")));
  for (const char* key : {"authenticated", "x-trust-boundary"})
    if (at.has(key) && !at.in(key).value.is_boolean()) return at.in(key).wrong("expected true or false");
  TRY(each(at.in("endpoints"), text));
  TRY(each(at.in("data"), data_flow));
  TRY(licence_choices(at.in("licenses")));
  TRY(each(at.in("externalReferences"), external_reference));
  TRY(each(at.in("properties"), property));
  return each(at.in("services"), service);
}

Result<void> tool(const At& at) {
  TRY(object(at));
  return each(at.in("hashes"), hash);
}

Result<void> lifecycle(const At& at) {
  TRY(object(at));
  if (at.has("phase") == at.has("name")) return at.wrong("expected either a phase or a name");
  if (at.has("name")) return text(at.in("name"));
  return one_of(at.in("phase"), {"design", "pre-build", "build", "post-build", "operations", "discovery", "decommission"});
}

Result<void> metadata(const At& at) {
  TRY(object(at));
  TRY(maybe(at.in("timestamp"), date_time));
  TRY(each(at.in("lifecycles"), lifecycle));
  TRY(maybe(at.in("component"), component));
  TRY(licence_choices(at.in("licenses")));
  TRY(each(at.in("properties"), property));
  const At tools = at.in("tools");
  if (tools.value.is_array()) return each(tools, tool);
  if (tools.value.is_null()) return {};
  TRY(object(tools));
  TRY(each(tools.in("components"), component));
  return each(tools.in("services"), service);
}

Result<void> dependency(const At& at) {
  TRY(object(at));
  TRY(text(at.in("ref")));
  return each(at.in("dependsOn"), text);
}

Result<void> vulnerability(const At& at) {
  TRY(object(at));
  TRY(maybe(at.in("id"), text));
  for (const char* key : {"created", "published", "updated"}) TRY(maybe(at.in(key), date_time));
  return each(at.in("properties"), property);
}

Result<int> version_of(const At& document) {
  TRY(object(document));
  if (document.in("bomFormat").value != "CycloneDX") return document.in("bomFormat").wrong("expected \"CycloneDX\"");
  static constexpr std::string_view kVersions[] = {"1.2", "1.3", "1.4", "1.5", "1.6"};
  const Json& version = document.in("specVersion").value;
  for (const std::string_view known : kVersions)
    if (version == known) return known[2] - '0';
  return document.in("specVersion").wrong("expected 1.2 to 1.6");
}

}  // namespace

Result<void> check_cyclonedx(const Json& json) {
  const int version = TRY(version_of({json, "", 0}));
  const At document{json, "", version};
  const At serial = document.in("serialNumber");
  if (document.has("serialNumber") &&
      !(serial.value.is_string() && like(serial.value.get_ref<const std::string&>(), "urn:uuid:xxxxxxxx-xxxx-xxxx-xxxx-xxxxxxxxxxxx")))
    return serial.wrong("expected urn:uuid: and a UUID");
  const At number = document.in("version");
  if (document.has("version") ? !number.value.is_number_unsigned() || number.value == 0u : document.version < 4)
    return number.wrong("expected a whole number, one or more");
  TRY(maybe(document.in("metadata"), metadata));
  TRY(each(document.in("components"), component));
  TRY(each(document.in("services"), service));
  TRY(each(document.in("externalReferences"), external_reference));
  TRY(each(document.in("dependencies"), dependency));
  TRY(each(document.in("vulnerabilities"), vulnerability));
  return each(document.in("properties"), property);
}

}  // namespace airlock::manifests
