#include "manifests/audit_records.h"

#include <algorithm>

namespace airlock::manifests {
namespace {

struct KindState {
  std::string_view kind, state;
};
constexpr std::array kStates = {
    KindState{"job.submitted", "pending"},   KindState{"job.queued", "queued"},
    KindState{"job.leased", "leased"},       KindState{"job.running", "running"},
    KindState{"job.succeeded", "succeeded"}, KindState{"job.failed", "failed"},
    KindState{"job.timed_out", "timed_out"}, KindState{"job.canceled", "canceled"},
    KindState{"job.retried", "pending"},     KindState{"run.created", "pending"},
    KindState{"run.running", "running"},     KindState{"run.resumed", "running"},
    KindState{"run.succeeded", "succeeded"}, KindState{"run.failed", "failed"},
    KindState{"run.cancelled", "cancelled"}, KindState{"run.timed_out", "timed_out"},
    KindState{"step.running", "running"},    KindState{"step.succeeded", "succeeded"},
    KindState{"step.cached", "cached"},      KindState{"step.failed", "failed"},
    KindState{"step.skipped", "skipped"},    KindState{"step.cancelled", "cancelled"},
    KindState{"step.timed_out", "timed_out"},
};

}  // namespace

Subject parse_subject(std::string_view subject) {
  if (subject.starts_with("job:")) return {SubjectType::kJob, subject.substr(4), {}};
  if (!subject.starts_with("run:")) return {};
  const std::string_view rest = subject.substr(4);
  const auto slash = rest.find("/step:");
  if (slash == std::string_view::npos) return {SubjectType::kRun, rest, {}};
  return {SubjectType::kStep, rest.substr(0, slash), rest.substr(slash + 6)};
}

bool is_ended(SubjectType type, std::string_view state) {
  if (state == "succeeded" || state == "failed" || state == "timed_out") return true;
  switch (type) {
    case SubjectType::kJob: return state == "canceled";
    case SubjectType::kRun: return state == "cancelled";
    case SubjectType::kStep: return state == "cancelled" || state == "cached" || state == "skipped";
    case SubjectType::kOther: return false;
  }
  return false;
}

std::optional<std::string_view> state_after(std::string_view kind) {
  const auto it = std::ranges::find(kStates, kind, &KindState::kind);
  return it == kStates.end() ? std::nullopt : std::optional(it->state);
}

}  // namespace airlock::manifests
