#include "base/olpc_json.h"

namespace airlock {
namespace {

void write_string(std::string& out, const std::string& text) {
  out += '"';
  for (const char c : text) {
    if (c == '"' || c == '\\') out += '\\';
    out += c;
  }
  out += '"';
}

// Recursion is bounded by the depth that parse_json lets through.
Result<void> write_value(std::string& out, const Json& value) {
  switch (value.type()) {
    case Json::value_t::null: out += "null"; return {};
    case Json::value_t::boolean: out += value.get<bool>() ? "true" : "false"; return {};
    case Json::value_t::number_integer: out += std::to_string(value.get<std::int64_t>()); return {};
    case Json::value_t::number_unsigned: out += std::to_string(value.get<std::uint64_t>()); return {};
    case Json::value_t::number_float:
      return fail(Code::kJson, "canonical JSON has integers only, found " + canonical_number(value.get<double>()));
    case Json::value_t::string: write_string(out, value.get_ref<const std::string&>()); return {};
    case Json::value_t::array: {
      out += '[';
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (it != value.begin()) out += ',';
        TRY(write_value(out, *it));
      }
      out += ']';
      return {};
    }
    case Json::value_t::object: {
      out += '{';
      // Json's map is ordered by bytes already, which is the order asked for.
      for (auto it = value.begin(); it != value.end(); ++it) {
        if (it != value.begin()) out += ',';
        write_string(out, it.key());
        out += ':';
        TRY(write_value(out, it.value()));
      }
      out += '}';
      return {};
    }
    case Json::value_t::binary:
    case Json::value_t::discarded: break;  // never built by parse_json nor by hand
  }
  return fail(Code::kInternal, "a value that is not JSON");
}

}  // namespace

Result<std::string> olpc_canonical_json(const Json& value) {
  std::string out;
  TRY(write_value(out, value));
  return out;
}

}  // namespace airlock
