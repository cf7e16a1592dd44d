// vex-report [--author TEXT]: turns every matches.json below /in/matches into /out/vex.openvex.json, /out/summary.json
// and /out/summary.md. The time in the OpenVEX document is SOURCE_DATE_EPOCH, so a replay writes the same bytes.
#include <charconv>
#include <cstdlib>

#include "common/step.h"
#include "report.h"

namespace airlock::plugin {
namespace {

Result<Instant> source_date() {
  const char* value = std::getenv("SOURCE_DATE_EPOCH");
  if (value == nullptr) return Instant::from_millis(0);
  const std::string_view text(value);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  constexpr std::int64_t kLastSecond = 253'402'300'799;  // of the year 9999
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0 || seconds > kLastSecond)
    return fail(Code::kUsage, "SOURCE_DATE_EPOCH is not a number of seconds");
  return Instant::from_millis(seconds * 1000);
}

Result<void> report_matches(Step& step) {
  const Instant timestamp = TRY(source_date());
  Matches all;
  TRY(for_each_document(step.input("matches"),
                        [&](const Document& document) { return add_matches(all, document.value, document.name); }));
  step.events.progress(0.5);
  const std::string author = step.option("author").empty() ? "airlock" : step.option("author");
  TRY(step.write("vex.openvex.json", canonical_json(open_vex(all, author, timestamp)) + "\n"));
  const Json overview = summary(all);
  TRY(step.write("summary.json", canonical_json(overview) + "\n"));
  TRY(step.write("summary.md", summary_markdown(overview)));
  step.events.metric("matches", overview["counts"]["matches"].get<std::uint64_t>());
  step.events.progress(1.0);
  return {};
}

}  // namespace
}  // namespace airlock::plugin

int main(int argc, char** argv) {
  return airlock::plugin::run_plugin("vex-report", {argv, static_cast<std::size_t>(argc)}, {"author"},
                                     &airlock::plugin::report_matches);
}
