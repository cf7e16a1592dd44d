#include "base/trace_context.h"

#include <algorithm>
#include <utility>

#include "base/path.h"

namespace airlock {
namespace {

constexpr std::size_t kMaxMembers = 32, kMaxKey = 256, kMaxValue = 256;
constexpr std::size_t kMaxBaggage = 8192, kMaxBaggageEntries = 180;

std::unexpected<Error> bad(std::string why) { return fail(Code::kTraceContext, std::move(why)); }

std::string_view trimmed(std::string_view text) {
  const auto begin = text.find_first_not_of(" \t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

// Calls `take` for each part between separators; its error ends the walk.
template <class Take>
Result<void> for_each_part(std::string_view text, char separator, const Take& take) {
  for (std::size_t begin = 0; begin <= text.size();) {
    const std::size_t end = std::min(text.find(separator, begin), text.size());
    TRY(take(text.substr(begin, end - begin)));
    begin = end + 1;
  }
  return {};
}

bool lower_hex(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f'); });
}
bool all_zero(std::string_view text) { return text.find_first_not_of('0') == std::string_view::npos; }

std::uint8_t byte_of(std::string_view hex) {
  const auto digit = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  return static_cast<std::uint8_t>(digit(hex[0]) * 16 + digit(hex[1]));
}

bool state_key_ok(std::string_view key) {
  const auto alnum = [](char c) { return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9'); };
  const auto more = [&](char c) { return alnum(c) || std::string_view("_-*/@").contains(c); };
  return !key.empty() && key.size() <= kMaxKey && alnum(key[0]) && std::ranges::all_of(key, more);
}

bool state_value_ok(std::string_view value) {
  const auto ok = [](char c) { return c >= 0x20 && c <= 0x7E && c != ',' && c != '='; };
  return !value.empty() && value.size() <= kMaxValue && value.back() != ' ' && std::ranges::all_of(value, ok);
}

bool same_name(std::string_view a, std::string_view b) {
  const auto lower = [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; };
  return std::ranges::equal(a, b, {}, lower, lower);
}

// RFC 9110 token.
bool token_ok(std::string_view text) {
  const auto ok = [](char c) {
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("!#$%&'*+-.^_`|~").contains(c);
  };
  return !text.empty() && std::ranges::all_of(text, ok);
}

bool baggage_octets(std::string_view text) {
  return std::ranges::all_of(text, [](char c) { return c > 0x20 && c < 0x7F && !std::string_view("\",;\\").contains(c); });
}

Result<std::string> percent_decoded(std::string_view text) {
  static constexpr std::string_view kHex = "0123456789abcdefABCDEF";
  std::string out;
  for (std::size_t at = 0; at < text.size(); ++at) {
    if (text[at] != '%') {
      out += text[at];
      continue;
    }
    if (at + 2 >= text.size() || !kHex.contains(text[at + 1]) || !kHex.contains(text[at + 2])) return bad("a baggage value with a broken % escape");
    const auto digit = [](char c) { return c <= '9' ? c - '0' : (c | 0x20) - 'a' + 10; };
    out += static_cast<char>(digit(text[at + 1]) * 16 + digit(text[at + 2]));
    at += 2;
  }
  if (!valid_utf8(out)) return bad("a baggage value that is not UTF-8");
  return out;
}

std::string percent_encoded(std::string_view text) {
  std::string out;
  for (const char c : text) {
    const bool unreserved = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || std::string_view("-._~").contains(c);
    if (unreserved) {
      out += c;
    } else {
      static constexpr char kDigits[] = "0123456789ABCDEF";
      out += '%';
      out += kDigits[static_cast<unsigned char>(c) >> 4];
      out += kDigits[static_cast<unsigned char>(c) & 0xF];
    }
  }
  return out;
}

Result<BaggageProperty> parse_property(std::string_view text) {
  const auto equals = text.find('=');
  BaggageProperty property{std::string(trimmed(text.substr(0, equals))), std::nullopt};
  if (!token_ok(property.key)) return bad("a baggage property without a proper key");
  if (equals == std::string_view::npos) return property;
  property.value = std::string(trimmed(text.substr(equals + 1)));
  if (!baggage_octets(*property.value)) return bad("a baggage property with characters that must be escaped");
  return property;
}

Result<BaggageEntry> parse_entry(std::string_view text) {
  BaggageEntry entry;
  bool first = true;
  TRY(for_each_part(text, ';', [&](std::string_view part) -> Result<void> {
    if (!std::exchange(first, false)) {
      entry.properties.push_back(TRY(parse_property(part)));
      return {};
    }
    const auto equals = part.find('=');
    if (equals == std::string_view::npos) return bad("a baggage entry without a value");
    entry.key = std::string(trimmed(part.substr(0, equals)));
    const std::string_view value = trimmed(part.substr(equals + 1));
    if (!token_ok(entry.key)) return bad("a baggage entry without a proper key");
    if (!baggage_octets(value)) return bad("a baggage value with characters that must be escaped");
    entry.value = TRY(percent_decoded(value));
    return {};
  }));
  return entry;
}

}  // namespace

Result<TraceParent> parse_traceparent(std::string_view value) {
  const std::string_view text = trimmed(value);
  // 00-<trace id>-<parent id>-<flags>
  static constexpr std::size_t kSize = 55, kTrace = 3, kParent = 36, kFlags = 53;
  if (text.size() < kSize) return bad("a traceparent of " + std::to_string(text.size()) + " characters");
  for (const std::size_t dash : {kTrace - 1, kParent - 1, kFlags - 1})
    if (text[dash] != '-') return bad("a traceparent whose fields have another length");
  const std::string_view version = text.substr(0, 2), trace = text.substr(kTrace, 32), parent = text.substr(kParent, 16), flags = text.substr(kFlags, 2);
  for (const std::string_view part : {version, trace, parent, flags})
    if (!lower_hex(part)) return bad("a traceparent with something else than lower-case hex digits");
  if (version == "ff") return bad("version ff of traceparent, which is forbidden");
  if (version == "00" ? text.size() != kSize : text.size() > kSize && text[kSize] != '-') return bad("a traceparent that goes on after its flags");
  if (all_zero(trace) || all_zero(parent)) return bad("a traceparent with an id of zeros");
  return TraceParent{std::string(trace), std::string(parent), byte_of(version), byte_of(flags)};
}

Result<TraceState> parse_tracestate(const std::vector<std::string>& values) {
  TraceState state;
  std::size_t count = 0;
  for (const std::string& value : values)
    TRY(for_each_part(value, ',', [&](std::string_view part) -> Result<void> {
      const std::string_view member = trimmed(part);
      if (member.empty()) return {};  // allowed, so that lists can be joined
      if (++count > kMaxMembers) return bad("a tracestate of more than " + std::to_string(kMaxMembers) + " members");
      const auto equals = member.find('=');
      if (equals == std::string_view::npos || !state_key_ok(member.substr(0, equals)) || !state_value_ok(member.substr(equals + 1)))
        return bad("a tracestate member that is not key=value");
      const std::string key(member.substr(0, equals));
      if (std::ranges::none_of(state.members, [&](const auto& m) { return m.first == key; }))
        state.members.emplace_back(key, member.substr(equals + 1));
      return {};
    }));
  return state;
}

TraceContext read_trace_context(const Headers& headers) {
  std::vector<std::string> parents, states;
  for (const auto& [name, value] : headers) {
    if (same_name(name, "traceparent")) parents.push_back(value);
    if (same_name(name, "tracestate")) states.push_back(value);
  }
  TraceContext context;
  if (parents.size() != 1) return context;
  if (auto parent = parse_traceparent(parents[0])) context.parent = std::move(*parent);
  if (!context.parent) return context;
  if (auto state = parse_tracestate(states)) context.state = std::move(*state);
  return context;
}

Result<std::vector<BaggageEntry>> parse_baggage(std::string_view value) {
  std::vector<BaggageEntry> entries;
  if (value.size() > kMaxBaggage) return bad("baggage of more than " + std::to_string(kMaxBaggage) + " bytes");
  TRY(for_each_part(value, ',', [&](std::string_view part) -> Result<void> {
    if (trimmed(part).empty()) return {};
    if (entries.size() == kMaxBaggageEntries) return bad("baggage of more than " + std::to_string(kMaxBaggageEntries) + " entries");
    entries.push_back(TRY(parse_entry(part)));
    return {};
  }));
  return entries;
}

std::string write_baggage(const std::vector<BaggageEntry>& entries) {
  std::string out;
  for (const BaggageEntry& entry : entries) {
    out += (out.empty() ? "" : ",") + entry.key + "=" + percent_encoded(entry.value);
    for (const BaggageProperty& property : entry.properties) {
      out += ";" + property.key;
      if (property.value) out += "=" + *property.value;
    }
  }
  return out;
}

}  // namespace airlock
