// ledger/event: one event of a log, and the canonical line that is hashed. Pure.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "ledger/ledger.h"

namespace airlock::ledger {

struct Event {
  std::uint64_t seq = 0;
  Instant ts = Instant::from_millis(0);
  std::string tenant, kind, subject;
  Who who;
  std::optional<Json> before, after;
  Json data = Json::object();
};

// Canonical JSON without a line feed.
std::string event_line(const Event& event);

// The reverse: refuses (kLedgerTampered) what event_line() would not have written, byte for byte.
Result<Event> parse_event(std::string_view line);

// after.state or before.state; empty when there is none.
std::string state_of(const std::optional<Json>& side);

// The ids in a subject "run:<id>" or "run:<id>/step:<id>". kField when it has another form.
struct RunSubject {
  std::string run, step;
};
Result<RunSubject> parse_run_subject(std::string_view subject);
std::string run_subject(const RunId& run);
std::string step_subject(const RunId& run, const StepId& step);

// Reads the fields of an event's data; errors are kField and name kind and field.
class EventData {
 public:
  explicit EventData(const Event& event) : event_(&event) {}
  Result<std::string> text(const char* key) const;
  Result<std::uint64_t> count(const char* key) const;
  Result<Digest> digest(const char* key) const;
  Result<Instant> instant(const char* key) const;
  Result<std::string> json(const char* key) const;                     // canonical
  Result<bool> boolean(const char* key) const;
  Result<std::optional<std::string>> maybe_text(const char* key) const;
  Result<std::optional<Digest>> maybe_digest(const char* key) const;
  Result<std::optional<Instant>> maybe_instant(const char* key) const;
  std::optional<std::string> maybe_json(const char* key) const;        // canonical
  const Json* find(const char* key) const;
  std::unexpected<Error> wrong(const char* key, std::string_view expected) const;

 private:
  const Event* event_;
};

}  // namespace airlock::ledger
