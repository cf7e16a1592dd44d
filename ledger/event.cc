#include "ledger/event.h"

namespace airlock::ledger {
namespace {

Result<Event> read_event(const Json& json) {
  ObjectReader reader = TRY(ObjectReader::of(json, "event"));
  Event event;
  event.seq = TRY(reader.uint("seq"));
  event.ts = TRY(reader.instant("ts"));
  event.tenant = TRY(reader.string("tenant"));
  event.kind = TRY(reader.string("kind"));
  event.subject = TRY(reader.string("subject"));
  event.who.actor = TRY(reader.string("actor"));
  if (reader.has("reason")) event.who.reason = TRY(reader.string("reason"));
  if (reader.has("ticket")) event.who.ticket = TRY(reader.string("ticket"));
  if (reader.has("traceId")) event.who.trace_id = TRY(reader.string("traceId"));
  if (const Json* before = TRY(reader.object_or_null("before"))) event.before = *before;
  if (const Json* after = TRY(reader.object_or_null("after"))) event.after = *after;
  event.data = *TRY(reader.object("data"));
  TRY(reader.finish());
  return event;
}

}  // namespace

std::string event_line(const Event& event) {
  Json json = {{"seq", event.seq},   {"ts", event.ts.text()},    {"tenant", event.tenant},
               {"kind", event.kind}, {"subject", event.subject}, {"actor", event.who.actor},
               {"data", event.data}};
  if (event.who.reason) json["reason"] = *event.who.reason;
  if (event.who.ticket) json["ticket"] = *event.who.ticket;
  if (event.who.trace_id) json["traceId"] = *event.who.trace_id;
  if (event.before) json["before"] = *event.before;
  if (event.after) json["after"] = *event.after;
  return canonical_json(json);
}

Result<Event> parse_event(std::string_view line) {
  const auto json = parse_json(line, "event");
  if (!json) return fail(Code::kLedgerTampered, json.error().context);
  auto event = read_event(*json);
  if (!event) return fail(Code::kLedgerTampered, event.error().context);
  if (event_line(*event) != line) return fail(Code::kLedgerTampered, "the line is not canonical JSON");
  return event;
}

std::string state_of(const std::optional<Json>& side) {
  if (!side || !side->is_object()) return {};
  const auto found = side->find("state");
  return found != side->end() && found->is_string() ? found->get<std::string>() : std::string();
}

Result<RunSubject> parse_run_subject(std::string_view subject) {
  constexpr std::string_view kRun = "run:", kStep = "/step:";
  if (!subject.starts_with(kRun))
    return fail(Code::kField, "subject \"" + std::string(subject.substr(0, 80)) + "\" is no run");
  const std::string_view rest = subject.substr(kRun.size());
  const std::size_t slash = rest.find(kStep);
  if (slash == std::string_view::npos) return RunSubject{std::string(rest), {}};
  return RunSubject{std::string(rest.substr(0, slash)), std::string(rest.substr(slash + kStep.size()))};
}

std::string run_subject(const RunId& run) { return "run:" + run.str(); }
std::string step_subject(const RunId& run, const StepId& step) {
  return "run:" + run.str() + "/step:" + step.str();
}

const Json* EventData::find(const char* key) const {
  const auto found = event_->data.find(key);
  return found == event_->data.end() ? nullptr : &*found;
}

std::unexpected<Error> EventData::wrong(const char* key, std::string_view expected) const {
  return fail(Code::kField,
              event_->kind + " " + event_->subject + ": data." + key + " must be " + std::string(expected));
}

Result<std::string> EventData::text(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_string()) return wrong(key, "text");
  return value->get<std::string>();
}

Result<std::uint64_t> EventData::count(const char* key) const {
  const Json* value = find(key);
  // A non-negative number made in memory from a signed int is "integer", the same number parsed is
  // "unsigned".
  if (value == nullptr || !value->is_number_integer() ||
      (!value->is_number_unsigned() && value->get<std::int64_t>() < 0))
    return wrong(key, "a whole number");
  return value->get<std::uint64_t>();
}

Result<Digest> EventData::digest(const char* key) const {
  auto parsed = Digest::parse(TRY(text(key)));
  if (!parsed) return wrong(key, "a SHA-256 digest");
  return parsed;
}

Result<Instant> EventData::instant(const char* key) const {
  auto parsed = Instant::parse(TRY(text(key)));
  if (!parsed) return wrong(key, "a time");
  return parsed;
}

Result<std::string> EventData::json(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr) return wrong(key, "there");
  return canonical_json(*value);
}

Result<bool> EventData::boolean(const char* key) const {
  const Json* value = find(key);
  if (value == nullptr || !value->is_boolean()) return wrong(key, "true or false");
  return value->get<bool>();
}

Result<std::optional<std::string>> EventData::maybe_text(const char* key) const {
  if (find(key) == nullptr) return std::optional<std::string>();
  return std::optional<std::string>(TRY(text(key)));
}

Result<std::optional<Digest>> EventData::maybe_digest(const char* key) const {
  if (find(key) == nullptr) return std::optional<Digest>();
  return std::optional<Digest>(TRY(digest(key)));
}

Result<std::optional<Instant>> EventData::maybe_instant(const char* key) const {
  if (find(key) == nullptr) return std::optional<Instant>();
  return std::optional<Instant>(TRY(instant(key)));
}

std::optional<std::string> EventData::maybe_json(const char* key) const {
  const Json* value = find(key);
  return value == nullptr ? std::nullopt : std::optional(canonical_json(*value));
}

}  // namespace airlock::ledger
