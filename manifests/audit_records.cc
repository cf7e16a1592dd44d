#include "manifests/audit_records.h"

#include <algorithm>
#include <span>
#include <string>
#include <utility>

namespace airlock::manifests {
namespace {

using enum AuditState;

constexpr std::array<std::string_view, 13> kStateTexts = {
    "pending", "queued", "leased",  "ready",     "running",  "waiting_approval", "succeeded",
    "cached",  "failed", "skipped", "cancelled", "canceled", "timed_out"};

struct KindState {
  std::string_view kind;
  AuditState state;
};
constexpr std::array kStates = {
    KindState{"job.submitted", kPending},   KindState{"job.queued", kQueued},
    KindState{"job.leased", kLeased},       KindState{"job.running", kRunning},
    KindState{"job.succeeded", kSucceeded}, KindState{"job.failed", kFailed},
    KindState{"job.timed_out", kTimedOut},  KindState{"job.canceled", kCanceled},
    KindState{"job.retried", kPending},     KindState{"run.created", kPending},
    KindState{"run.running", kRunning},     KindState{"run.resumed", kRunning},
    KindState{"run.succeeded", kSucceeded}, KindState{"run.failed", kFailed},
    KindState{"run.cancelled", kCancelled}, KindState{"run.timed_out", kTimedOut},
    KindState{"step.running", kRunning},    KindState{"step.succeeded", kSucceeded},
    KindState{"step.cached", kCached},      KindState{"step.failed", kFailed},
    KindState{"step.skipped", kSkipped},    KindState{"step.cancelled", kCancelled},
    KindState{"step.timed_out", kTimedOut},
};

// Members of a history event, in canonical order.
enum Member : std::size_t {
  kMActor,
  kMAfter,
  kMBefore,
  kMData,
  kMKind,
  kMReason,
  kMSeq,
  kMSubject,
  kMTenant,
  kMTicket,
  kMTraceId,
  kMTs
};
constexpr std::array<std::string_view, 12> kEventMembers = {"actor",  "after",  "before",  "data",
                                                            "kind",   "reason", "seq",     "subject",
                                                            "tenant", "ticket", "traceId", "ts"};

// Both sides walk or search these tables by order.
static_assert(std::ranges::is_sorted(kEventMembers) && std::ranges::is_sorted(kJobMembers) &&
              std::ranges::is_sorted(kRunMembers) && std::ranges::is_sorted(kStepMembers));

// {"state": "..."}, or nothing when the subject is not a thing with states.
Result<std::optional<AuditState>> read_state(const std::optional<LineValue>& value, std::string_view member) {
  if (!value) return std::optional<AuditState>();
  const auto state = value->find("state");
  if (!state) return std::optional<AuditState>();
  const auto text = state->string();
  const auto parsed = text ? parse_audit_state(*text) : std::nullopt;
  if (!parsed) return fail(Code::kAuditLine, std::string(member) + ".state: not a state");
  return parsed;
}

}  // namespace

std::string_view to_text(AuditState state) { return kStateTexts[static_cast<std::size_t>(state)]; }

std::optional<AuditState> parse_audit_state(std::string_view text) {
  const auto it = std::ranges::find(kStateTexts, text);
  if (it == kStateTexts.end()) return std::nullopt;
  return static_cast<AuditState>(it - kStateTexts.begin());
}

Result<EventView> read_event(const LineValue& line) {
  const auto m = TRY(line.members(kEventMembers));
  const auto text = [&](Member member) -> Result<std::string_view> {
    const auto value = m[member] ? m[member]->string() : std::nullopt;
    if (!value) return fail(Code::kAuditLine, std::string(kEventMembers[member]) + ": expected a string");
    return *value;
  };
  const auto seq = m[kMSeq] ? m[kMSeq]->uint() : std::nullopt;
  if (!seq) return fail(Code::kAuditLine, "seq: expected a whole number");
  if (!m[kMData] || m[kMData]->kind() != JsonKind::kObject)
    return fail(Code::kAuditLine, "data: expected an object");
  const std::string_view ts = TRY(text(kMTs));
  const auto instant = Instant::parse(ts);
  if (ts.size() != 24 || !instant) return fail(Code::kAuditLine, "ts: expected YYYY-MM-DDTHH:MM:SS.mmmZ");
  const std::string_view kind = TRY(text(kMKind));
  const bool followed = is_followed(kind);
  const std::optional<LineValue> nothing;
  const auto tenant = TRY(text(kMTenant));
  const auto subject = TRY(text(kMSubject));
  const auto before = TRY(read_state(followed ? m[kMBefore] : nothing, "before"));
  const auto after = TRY(read_state(followed ? m[kMAfter] : nothing, "after"));
  EventView event{.seq = *seq,
                  .ts = *instant,
                  .ts_text = ts,
                  .tenant = tenant,
                  .kind = kind,
                  .subject = subject,
                  .who = {},
                  .before = before,
                  .after = after,
                  .data = *m[kMData]};
  TRY(text(kMActor));
  constexpr std::array kWho = {kMActor, kMReason, kMTicket, kMTraceId};
  for (std::size_t i = 0; i < kWho.size(); ++i) {
    if (!m[kWho[i]]) continue;
    TRY(text(kWho[i]));
    event.who[i] = m[kWho[i]]->text();
  }
  return event;
}

bool is_followed(std::string_view kind) {
  return kind.starts_with("job.") || kind.starts_with("run.") || kind.starts_with("step.");
}

Subject parse_subject(std::string_view subject) {
  if (subject.starts_with("job:")) return {SubjectType::kJob, subject.substr(4), {}};
  if (!subject.starts_with("run:")) return {};
  const std::string_view rest = subject.substr(4);
  const auto slash = rest.find("/step:");
  if (slash == std::string_view::npos) return {SubjectType::kRun, rest, {}};
  return {SubjectType::kStep, rest.substr(0, slash), rest.substr(slash + 6)};
}

bool is_ended(AuditState state) {
  switch (state) {
    case kPending:
    case kQueued:
    case kLeased:
    case kReady:
    case kRunning:
    case kWaitingApproval: return false;
    case kSucceeded:
    case kCached:
    case kFailed:
    case kSkipped:
    case kCancelled:
    case kCanceled:
    case kTimedOut: return true;
  }
  std::unreachable();
}

bool creates_subject(std::string_view kind) { return kind == "job.submitted" || kind == "run.created"; }

std::optional<AuditState> state_after(std::string_view kind) {
  const auto it = std::ranges::find(kStates, kind, &KindState::kind);
  return it == kStates.end() ? std::nullopt : std::optional(it->state);
}

std::string write_replay(const LineValue& run) {
  static constexpr std::array<std::string_view, 13> kRun = {
      "dagDigest", "dagId",  "dagVersion", "error", "inputsHash", "jobId", "outputsHash",
      "planHash",  "replay", "replayOf",   "runId", "runToken",   "state"};
  static constexpr std::array<std::string_view, 7> kStep = {"error", "fromRun",  "inputsHash", "outputsHash",
                                                            "state", "stepHash", "stepId"};
  const auto copy = [](const LineValue& from, std::span<const std::string_view> names, std::string& out) {
    for (const std::string_view name : names) {
      const auto value = from.find(name);
      if (!value) continue;
      if (out.back() != '{') out += ',';
      out += '"' + std::string(name) + "\":" + std::string(value->text());
    }
  };
  std::string out = "{";
  copy(run, kRun, out);
  out += out.back() == '{' ? "\"steps\":[" : ",\"steps\":[";
  if (const auto steps = run.find("steps")) {
    for (const LineValue& step : steps->items()) {
      out += out.back() == '[' ? "{" : ",{";
      copy(step, kStep, out);
      out += '}';
    }
  }
  return out + "]}\n";
}

}  // namespace airlock::manifests
