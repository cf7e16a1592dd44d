// trace-context: W3C traceparent and tracestate as headers (kind trace) and baggage. CloudEvents are skipped.
#include <map>

#include "base/trace_context.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

void run_trace(const Case& c, Report& report) {
  Headers headers;
  for (const Json& header : c.json().value("headers", Json::array())) headers.emplace_back(header.at(0), header.at(1));
  const TraceContext got = read_trace_context(headers);
  if (const auto want = c.text("traceparent")) report.equal("traceparent", *want, std::string(got.parent ? "continue" : "new"));
  if (const auto want = c.text("trace_id")) report.equal("trace_id", *want, got.parent ? got.parent->trace_id : "");
  if (c.text("tracestate") == "dropped") report.equal("members of tracestate", std::size_t{0}, got.state.members.size());
  const Json kept = c.has("tracestate") && c.json()["tracestate"].is_object() ? c.json()["tracestate"].value("kept", Json::object()) : Json::object();
  const std::map<std::string, std::string> members(got.state.members.begin(), got.state.members.end());
  for (const auto& [key, value] : kept.items()) {
    const auto it = members.find(key);
    report.equal("tracestate " + key, value.get<std::string>(), it == members.end() ? "(dropped)" : it->second);
  }
}

void run_baggage(const Case& c, Report& report) {
  const auto got = parse_baggage(c.text("value").value_or(""));
  report.judge(c.expect(), got);
  if (!got) return;
  if (c.has("entries")) {
    Json seen = Json::array();
    for (const BaggageEntry& entry : *got) {
      Json properties = Json::array();
      for (const BaggageProperty& p : entry.properties) properties.push_back({{"key", p.key}, {"value", p.value ? Json(*p.value) : Json()}});
      seen.push_back({{"key", entry.key}, {"value", entry.value}, {"properties", properties}});
    }
    report.equal("entries", c.json()["entries"], seen);
  }
  if (const auto want = c.text("serialised")) report.equal("serialised", *want, write_baggage(*got));
  const auto again = parse_baggage(write_baggage(*got));
  if (!again || *again != *got) report.differ("the same entries", again ? "others" : "an error", "written and read again");
}

}  // namespace

void run_trace_context(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind == "trace") return run_trace(c, report);
  if (kind == "baggage") return run_baggage(c, report);
  if (kind == "cloudevent") return report.skip("kind cloudevent: airlock neither sends nor receives CloudEvents");
  report.differ("a known kind", kind, "nothing to run it with");
}

}  // namespace airlock::conformance
