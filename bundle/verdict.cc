#include "bundle/verdict.h"

#include "base/path.h"

namespace airlock::bundle {
namespace {

// What a bundle or a file name puts into a message may be any bytes; a history event holds UTF-8 without controls.
std::string text_of(std::string_view raw) {
  if (valid_utf8(raw)) return printable(raw);
  static constexpr char kHex[] = "0123456789abcdef";
  std::string ascii;
  for (const char c : raw) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x80) ascii += c;
    else ascii += std::string("\\x") + kHex[byte >> 4] + kHex[byte & 15];
  }
  return printable(ascii);
}

}  // namespace

Json Verdict::to_json() const {
  Json list = Json::array();
  for (const Check& check : checks) {
    list.push_back({{"name", check.name}, {"ok", check.ok}, {"seen", text_of(check.seen.text)}});
    if (!check.seen.facts.empty()) list.back()["facts"] = check.seen.facts;
  }
  Json out = {{"accepted", accepted()}, {"activated", activated}, {"checks", std::move(list)},
              {"file", text_of(file)},    {"fileBytes", file_bytes}};
  if (refusal) {
    out["code"] = code_text(*refusal);
    out["message"] = text_of(describe(*refusal));
    out["remedy"] = code_info(refusal->code).remedy;
  }
  if (bundle_id) out["bundleId"] = *bundle_id;
  if (version) out["version"] = *version;
  if (generation) out["generation"] = *generation;
  if (manifest_sha256) out["manifestSha256"] = manifest_sha256->hex();
  return out;
}

}  // namespace airlock::bundle
