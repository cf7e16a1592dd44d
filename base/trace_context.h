// base/trace_context: W3C Trace Context (https://www.w3.org/TR/trace-context-2/) and Baggage (https://www.w3.org/TR/baggage/):
// what a caller says about the trace that its work belongs to. Pure.
//
// A header that breaks the rules never stops the work: the trace is begun anew (read_trace_context). Where an operator
// gives a value by hand (--traceparent), the same rules refuse it. kTraceContext names what is wrong.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace airlock {

struct TraceParent {
  std::string trace_id;       // 32 lower-case hex digits, not all zero
  std::string parent_id;      // 16 lower-case hex digits, not all zero
  std::uint8_t version = 0, flags = 0;
  bool sampled() const { return (flags & 1) != 0; }
};

// White space around the value is passed over. A version above 00 may go on after another "-".
Result<TraceParent> parse_traceparent(std::string_view value);

struct TraceState {
  std::vector<std::pair<std::string, std::string>> members;  // in order; of a key that comes twice the first
};
// The values of all headers of that name, in order. One bad member, or more than 32, drops the whole.
Result<TraceState> parse_tracestate(const std::vector<std::string>& values);

struct TraceContext {
  std::optional<TraceParent> parent;  // nothing: begin a new trace
  TraceState state;                   // empty without a parent
};
using Headers = std::vector<std::pair<std::string, std::string>>;  // names are compared without case
TraceContext read_trace_context(const Headers& headers);

struct BaggageProperty {
  std::string key;
  std::optional<std::string> value;
  friend bool operator==(const BaggageProperty&, const BaggageProperty&) = default;
};
struct BaggageEntry {
  std::string key;
  std::string value;  // percent-decoded
  std::vector<BaggageProperty> properties;
  friend bool operator==(const BaggageEntry&, const BaggageEntry&) = default;
};

// At most 8192 bytes and 180 entries.
Result<std::vector<BaggageEntry>> parse_baggage(std::string_view value);
std::string write_baggage(const std::vector<BaggageEntry>& entries);  // all but unreserved characters percent-encoded

}  // namespace airlock
