#include "vectors.h"

#include <algorithm>
#include <filesystem>
#include <system_error>

#include "base/digest.h"
#include "base/io.h"

namespace airlock::conformance {
namespace {

constexpr std::uint64_t kMaxFile = 256 * kMiB;
constexpr std::string_view kSurrogate = "\\udc", kPrivate = "\\uf7";

// A lone surrogate is no Unicode, and base/json refuses it. For the index alone it becomes a character of the private
// use area, U+F780..U+F7FF, which no index uses otherwise; raw_bytes() turns it back.
std::string without_surrogates(std::string text) {
  std::size_t backslashes = 0;
  for (std::size_t at = 0; at + kSurrogate.size() < text.size(); ++at) {
    const bool escapes = text[at] == '\\' && backslashes % 2 == 0;
    if (escapes && std::string_view(text).substr(at, kSurrogate.size()) == kSurrogate) {
      // The second half of a pair follows the first, six characters before.
      const bool second_half = at >= 6 && (std::string_view(text).substr(at - 6, 4) == "\\ud8" || std::string_view(text).substr(at - 6, 4) == "\\ud9" ||
                                           std::string_view(text).substr(at - 6, 4) == "\\uda" || std::string_view(text).substr(at - 6, 4) == "\\udb");
      if (!second_half) text.replace(at, kPrivate.size(), kPrivate);
    }
    backslashes = text[at] == '\\' ? backslashes + 1 : 0;
  }
  return text;
}

Result<Expect> read_expect(const Json& json) {
  if (json.is_object() || json.is_null()) return Expect::kElsewhere;
  if (json == "accept") return Expect::kAccept;
  if (json == "reject") return Expect::kReject;
  if (json == "either") return Expect::kEither;
  if (json == "per-test") return Expect::kElsewhere;
  return fail(Code::kField, "expect: " + json.dump());
}

bool leaves(std::string_view path) {
  return path.empty() || path.starts_with('/') || ("/" + std::string(path) + "/").contains("/../");
}

}  // namespace

std::string_view to_string(Expect expect) {
  switch (expect) {
    case Expect::kAccept: return "accept";
    case Expect::kReject: return "reject";
    case Expect::kEither: return "either";
    case Expect::kElsewhere: return "as stated inside";
  }
  std::unreachable();
}

Result<Case> Case::read(const Json& json, std::string folder) {
  if (!json.is_object() || !json.contains("id") || !json["id"].is_string()) return fail(Code::kField, "a case without id");
  Case c;
  c.id_ = json["id"].get<std::string>();
  c.folder_ = std::move(folder);
  auto expect = read_expect(json.value("expect", Json()));
  if (!expect) return fail(Code::kField, c.id_ + ": " + expect.error().context);
  c.expect_ = *expect;
  if (json.contains("strict") && json["strict"].is_string()) c.strict_ = TRY(read_expect(json["strict"]));
  if (json.contains("files")) {
    if (!json["files"].is_object()) return fail(Code::kField, c.id_ + ".files is not an object");
    for (const auto& [role, file] : json["files"].items())
      if (!file.is_object() || !file.value("path", Json()).is_string() || !file.value("sha256", Json()).is_string() ||
          leaves(file["path"].get<std::string>()))
        return fail(Code::kField, c.id_ + ".files." + role + " needs a path below the set and a sha256");
  }
  c.json_ = json;
  return c;
}

const Json* Case::entry(std::string_view role) const {
  const auto files = json_.find("files");
  if (files == json_.end()) return nullptr;
  const auto file = files->find(role);
  return file == files->end() ? nullptr : &*file;
}

bool Case::has_file(std::string_view role) const { return entry(role) != nullptr; }

std::vector<std::string> Case::roles() const {
  std::vector<std::string> out;
  if (json_.contains("files"))
    for (const auto& [role, file] : json_["files"].items()) out.push_back(role);
  return out;
}

std::string Case::path(std::string_view role) const {
  const Json* file = entry(role);
  return file == nullptr ? "" : folder_ + "/" + (*file)["path"].get<std::string>();
}

Result<std::string> Case::file(std::string_view role) const {
  const Json* file = entry(role);
  if (file == nullptr) return fail(Code::kField, "the case has no file \"" + std::string(role) + "\"");
  std::string bytes = TRY(read_file(path(role), kMaxFile));
  const std::string want = (*file)["sha256"].get<std::string>(), got = Digest::of(bytes).hex();
  if (want != got)
    return fail(Code::kMemberDigest, (*file)["path"].get<std::string>() + " has SHA-256 " + got + ", the index states " + want);
  return bytes;
}

std::optional<std::string> Case::text(std::string_view key) const {
  const auto it = json_.find(key);
  if (it == json_.end() || !it->is_string()) return std::nullopt;
  return it->get<std::string>();
}

std::optional<std::uint64_t> Case::number(std::string_view key) const {
  const auto it = json_.find(key);
  if (it == json_.end() || !it->is_number_unsigned()) return std::nullopt;
  return it->get<std::uint64_t>();
}

Result<std::vector<std::string>> set_names(const std::string& dir, std::string_view only) {
  std::error_code error;
  std::vector<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(dir, error)) {
    const std::string name = entry.path().filename().string();
    if (entry.is_directory() && (name == only || (only.empty() && path_exists(entry.path().string() + "/index.json"))))
      names.push_back(name);
  }
  if (error) return fail(Code::kNotFound, dir + ": " + error.message());
  if (names.empty())
    return fail(Code::kNotFound, dir + (only.empty() ? " holds no set: no folder with an index.json" : " holds no set " + std::string(only)));
  std::ranges::sort(names);
  return names;
}

Result<VectorSet> read_set(const std::string& dir, const std::string& name) {
  VectorSet set{name, dir + "/" + name, {}};
  const std::string what = set.folder + "/index.json";
  const Json index = TRY(parse_json(without_surrogates(TRY(read_file(what, kMaxFile))), what));
  if (!index.is_object() || !index.contains("cases") || !index["cases"].is_array())
    return fail(Code::kField, what + ": expected an object with a list `cases`");
  for (const Json& json : index["cases"]) {
    auto one = Case::read(json, set.folder);
    if (!one) return fail(one.error().code, what + ": " + one.error().context);
    set.cases.push_back(std::move(*one));
  }
  if (set.cases.empty()) return fail(Code::kField, what + ": no case");
  return set;
}

std::string raw_bytes(std::string_view text) {
  // U+F780..U+F7FF is EF 9E 80..EF 9F BF: 0xF700 | byte.
  std::string out;
  for (std::size_t at = 0; at < text.size();) {
    const auto byte = [&](std::size_t i) { return static_cast<unsigned char>(text[at + i]); };
    if (at + 2 < text.size() && byte(0) == 0xEF && (byte(1) == 0x9E || byte(1) == 0x9F) && byte(2) >= 0x80) {
      out += static_cast<char>((byte(1) == 0x9F ? 0xC0 : 0x80) | (byte(2) & 0x3F));
      at += 3;
    } else {
      out += text[at++];
    }
  }
  return out;
}

}  // namespace airlock::conformance
