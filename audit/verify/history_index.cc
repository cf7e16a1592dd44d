#include "audit/verify/history_index.h"

#include "base/ids.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

using manifests::EventView;
using manifests::JsonKind;
using manifests::SubjectType;

std::unexpected<Error> contradicts(const EventView& event, std::string_view why) {
  return fail(Code::kAuditCrossCheck,
              std::string(event.subject) + ", " + std::string(event.kind) + ": " + std::string(why));
}

bool is_system(std::string_view actor_json) {
  return actor_json == "\"system\"" || actor_json.starts_with("\"system:");
}

Result<void> check_governance(const EventView& event) {
  if (!manifests::is_governance(event.kind)) return {};
  const auto given = [](const std::optional<std::string_view>& json) { return json && *json != "\"\""; };
  if (!given(event.who[manifests::kActor])) return contradicts(event, "a governance change without an actor");
  if (!given(event.who[manifests::kReason]))
    return contradicts(event, "a governance change without a reason");
  if (!given(event.who[manifests::kTicket]) && !is_system(*event.who[manifests::kActor]))
    return contradicts(event, "a governance change without a ticket");
  return {};
}

Result<void> check_kind(const EventView& event, SubjectType type) {
  const SubjectType wanted = event.kind.starts_with("job.")   ? SubjectType::kJob
                             : event.kind.starts_with("run.") ? SubjectType::kRun
                                                              : SubjectType::kStep;
  if (type != wanted) return contradicts(event, "an event of another kind of subject");
  const auto implied = manifests::state_after(event.kind);
  if (implied && event.after != implied) return contradicts(event, "does not say the state that it leads to");
  return {};
}

// A retry is the only way out of an ended state, and only for jobs that failed or timed out.
bool may_leave(AuditState from, const EventView& event) {
  if (!manifests::is_ended(from)) return true;
  return event.kind == "job.retried" && (from == AuditState::kFailed || from == AuditState::kTimedOut);
}

template <std::size_t N>
Result<void> follow(Track<N>& track, const EventView& event) {
  if (event.before && track.state && *event.before != *track.state)
    return contradicts(event, "says it was " + std::string(to_text(*event.before)) +
                                  ", but the event before left it " + std::string(to_text(*track.state)));
  if (event.after) {
    if (track.state && !may_leave(*track.state, event))
      return contradicts(event, "leaves " + std::string(to_text(*track.state)) + ", which is an end");
    track.state = event.after;
    if (*event.after == AuditState::kRunning && !track.started) track.started = event.ts;
    if (manifests::is_ended(*event.after)) track.ended = event.ts;
    else track.ended.reset();
  }
  track.last_seq = event.seq;
  return {};
}

template <std::size_t N, std::size_t Names>
void project(Track<N>& track, std::size_t offset, const EventView& event,
             const std::array<std::string_view, Names>& names) {
  static_assert(Names <= N);
  std::array<std::optional<manifests::LineValue>, Names> values;
  event.data.pick(names, values);
  for (std::size_t i = 0; i < Names; ++i)
    if (values[i]) track.fields[offset + i] = Fingerprint(values[i]->text());
}

// The first event of a job or run in this window: the one that made it, unless it began before.
template <std::size_t N>
Result<void> begin(Track<N>& track, const EventView& event, bool whole) {
  if (!manifests::creates_subject(event.kind)) {
    if (whole) return contradicts(event, "comes before the event that would have made its subject");
    return {};
  }
  track.first_seq = event.seq;
  track.created = event.ts;
  for (std::size_t i = 0; i < event.who.size(); ++i)
    if (event.who[i]) track.fields[i] = Fingerprint(*event.who[i]);
  return {};
}

}  // namespace

Fingerprint chain_attempt(const Fingerprint& chain, std::string_view data) {
  std::string input(chain.raw());
  input += Digest::of(data).raw();
  return Fingerprint(input);
}

std::optional<UuidKey> uuid_key(std::string_view text) {
  if (!id_rule::Uuid::ok(text)) return std::nullopt;
  UuidKey key{};
  std::size_t at = 0;
  const auto nibble = [](char c) { return c <= '9' ? c - '0' : c - 'a' + 10; };
  for (std::size_t i = 0; i + 1 < text.size(); ++i) {
    if (text[i] == '-') continue;
    key[at++] = static_cast<char>((nibble(text[i]) << 4) | nibble(text[i + 1]));
    ++i;
  }
  return key;
}

Result<void> HistoryIndex::add(const EventView& event) {
  const manifests::Subject subject = manifests::parse_subject(event.subject);
  if (!manifests::is_followed(event.kind)) return check_governance(event);
  TRY(check_kind(event, subject.type));
  const auto key = uuid_key(subject.id);
  if (!key) return contradicts(event, "the subject is not a job or run id");
  if (subject.type == SubjectType::kJob) {
    const auto [it, fresh] = jobs.try_emplace(*key);
    JobTrack& job = it->second;
    if (fresh) TRY(begin(job, event, whole_));
    else if (manifests::creates_subject(event.kind)) return contradicts(event, "the job was there already");
    project(job, manifests::kFromFirst.size(), event, manifests::kJobData);
    return follow(job, event);
  }
  const auto [it, fresh] = runs.try_emplace(*key);
  RunTrack& run = it->second;
  if (fresh) TRY(begin(run, event, whole_));
  else if (manifests::creates_subject(event.kind)) return contradicts(event, "the run was there already");
  if (subject.type == SubjectType::kStep) return add_step(event, run, subject.step);
  project(run, manifests::kFromFirst.size(), event, manifests::kRunData);
  if (event.kind == "run.replayed") run.replay = Fingerprint(event.data.text());
  return follow(run, event);
}

Result<void> HistoryIndex::add_step(const EventView& event, RunTrack& run, std::string_view id) {
  auto it = run.steps.find(id);
  if (it == run.steps.end()) it = run.steps.emplace(std::string(id), StepTrack{}).first;
  StepTrack& step = it->second;
  if (event.kind == "step.attempt") {
    const auto evidence = event.data.find("evidence"), exit = event.data.find("exit");
    const bool ran = (exit && exit->text() != "{}") || event.data.string_at("outcome") == "succeeded";
    if (ran && (!evidence || evidence->kind() != JsonKind::kObject || evidence->text() == "{}"))
      return contradicts(event, "an attempt that ran has no sandbox evidence");
    step.attempts_chain = chain_attempt(step.attempts_chain, event.data.text());
    ++step.attempts;
    step.last_attempt_succeeded = event.data.string_at("outcome") == "succeeded";
  } else if (event.kind != "step.network") {
    project(step, 0, event, manifests::kStepData);
  }
  const bool ran_here = step.state == AuditState::kRunning && step.started;
  if (event.kind == "step.succeeded" && ran_here && !step.last_attempt_succeeded)
    return contradicts(event, "no attempt of it succeeded");
  return follow(step, event);
}

}  // namespace airlock::audit
