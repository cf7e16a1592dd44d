#include "base/path.h"

#include <unicase.h>
#include <uninorm.h>
#include <unistr.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstdlib>
#include <memory>

#include "base/error.h"

namespace airlock {
namespace {

const std::uint8_t* u8(std::string_view text) { return reinterpret_cast<const std::uint8_t*>(text.data()); }

bool device_name(std::string_view component) {
  // NUL, NUL.txt, COM1 ... are devices on Windows in every folder.
  static constexpr std::array<std::string_view, 22> kNames = {
      "con",  "prn",  "aux",  "nul",  "com1", "com2", "com3", "com4", "com5", "com6", "com7",
      "com8", "com9", "lpt1", "lpt2", "lpt3", "lpt4", "lpt5", "lpt6", "lpt7", "lpt8", "lpt9"};
  std::string stem(component.substr(0, component.find('.')));
  for (char& c : stem)
    if (c >= 'A' && c <= 'Z') c = static_cast<char>(c - 'A' + 'a');
  return std::ranges::find(kNames, stem) != kNames.end();
}

const char* component_problem(std::string_view c, const Limits& limits) {
  if (c.empty()) return "an empty component";
  if (c == "." || c == "..") return "a . or .. component";
  if (c.size() > limits.path_component_bytes) return "a component that is too long";
  if (c.back() == '.' || c.back() == ' ') return "a component that ends in a dot or a space";
  if (device_name(c)) return "a Windows device name";
  return nullptr;
}

}  // namespace

bool valid_utf8(std::string_view text) { return text.empty() || u8_check(u8(text), text.size()) == nullptr; }

Result<void> safe_path(std::string_view path, const Limits& limits) {
  const auto refuse = [&](std::string_view why) {
    return fail(Code::kArchivePath, "\"" + std::string(path.substr(0, 120)) + "\" has " + std::string(why));
  };
  if (path.empty()) return fail(Code::kArchivePath, "empty path");
  if (path.size() > limits.path_bytes) return refuse("more than " + std::to_string(limits.path_bytes) + " bytes");
  if (path.front() == '/') return refuse("a leading slash");
  if (path.find_first_of("\\:") != std::string_view::npos) return refuse("a backslash or colon");
  if (path.find('\0') != std::string_view::npos) return refuse("a NUL byte");
  if (!valid_utf8(path)) return refuse("invalid UTF-8");
  if (printable(path) != path) return refuse("control characters or text direction overrides");
  std::size_t depth = 0;
  for (std::string_view rest = path;;) {
    const auto slash = rest.find('/');
    if (const char* why = component_problem(rest.substr(0, slash), limits)) return refuse(why);
    if (++depth > limits.path_depth) return refuse("more than " + std::to_string(limits.path_depth) + " levels");
    if (slash == std::string_view::npos) return {};
    rest.remove_prefix(slash + 1);
  }
}

std::string collision_key(std::string_view path) {
  // Folding can denormalise and normalising can change what folds, so libunistring does both in one call.
  std::size_t size = 0;
  const std::unique_ptr<std::uint8_t, decltype(&std::free)> folded(
      u8_casefold(u8(path), path.size(), nullptr, UNINORM_NFC, nullptr, &size), &std::free);
  if (folded == nullptr) return std::string(path);  // not UTF-8: safe_path() refuses it anyway
  return {reinterpret_cast<const char*>(folded.get()), size};
}

}  // namespace airlock
