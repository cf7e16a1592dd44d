#include "audit/verify/record_check.h"

#include "base/encoding.h"
#include "manifests/audit.h"

namespace airlock::audit {
namespace {

using manifests::LineValue;

std::unexpected<Error> contradicts(std::string why) { return fail(Code::kAuditCrossCheck, std::move(why)); }

Result<std::string_view> need_string(const LineValue& record, std::string_view member) {
  const auto text = record.string_at(member);
  if (!text) return fail(Code::kAuditLine, std::string(member) + ": expected a string");
  return *text;
}

std::string_view raw_text(const LineValue& record, std::string_view member) {
  const auto value = record.find(member);
  return value ? value->text() : std::string_view();
}

// A projected member: as the history says, absent where the history never said it. What happened before the
// window is not in the bundle; there the signature alone vouches for it.
Result<void> same_field(const LineValue& record, std::string_view member, const Fingerprint& want,
                        bool known) {
  const std::string_view text = raw_text(record, member);
  if (!want && !known) return {};
  if ((text.empty() ? Fingerprint() : Fingerprint(text)) == want) return {};
  if (text.empty()) return contradicts("\"" + std::string(member) + "\" is missing, but the history has it");
  if (!want) return contradicts("\"" + std::string(member) + "\" is not in the history");
  return contradicts("\"" + std::string(member) + "\" is not what the history says");
}

Result<void> same_time(const LineValue& record, std::string_view member, const std::optional<Instant>& want,
                       bool known) {
  const std::string_view text = raw_text(record, member);
  if (!want && !known) return {};
  if (want ? text == "\"" + want->text() + "\"" : text.empty()) return {};
  return contradicts("\"" + std::string(member) + "\" is not what the history says" +
                     (want ? ", which is " + want->text() : ""));
}

Result<void> same_seq(const LineValue& record, std::string_view member,
                      const std::optional<std::uint64_t>& want) {
  if (!want || record.uint_at(member) == want) return {};
  return contradicts("\"" + std::string(member) + "\" is not what the history says, which is " +
                     std::to_string(*want));
}

// Members that every record has; `known`: its beginning is in the window.
template <std::size_t N>
Result<void> same_track(const LineValue& record, const Track<N>& track, bool known) {
  const std::string_view state = TRY(need_string(record, "state"));
  if (track.state && state != to_text(*track.state))
    return contradicts("state is \"" + std::string(state) + "\", but its events lead to \"" +
                       std::string(to_text(*track.state)) + "\"");
  TRY(same_seq(record, "lastSeq", track.last_seq));
  TRY(same_time(record, "startedAt", known ? track.started : std::nullopt, known));
  return same_time(record, "endedAt", track.ended, known || track.state.has_value());
}

template <std::size_t N>
Result<void> same_beginning(const LineValue& record, const Track<N>& track, std::string_view tenant) {
  if (TRY(need_string(record, "tenant")) != tenant) return contradicts("another tenant's record");
  TRY(need_string(record, "timestamp"));
  TRY(same_seq(record, "firstSeq", track.first_seq));
  TRY(same_time(record, "timestamp", track.created, track.first_seq.has_value()));
  for (std::size_t i = 0; i < manifests::kFromFirst.size(); ++i)
    TRY(same_field(record, manifests::kFromFirst[i], track.fields[i], track.first_seq.has_value()));
  return {};
}

Result<void> same_attempts(const LineValue& record, const StepTrack& step, bool known) {
  const auto list = record.find("attempts");
  if (!list || list->kind() != manifests::JsonKind::kArray)
    return fail(Code::kAuditLine, "attempts: expected a list");
  const auto attempts = list->items();
  // Attempts before the window stand in front and cannot be held against anything.
  const std::size_t before = attempts.size() >= step.attempts ? attempts.size() - step.attempts : 0;
  if (attempts.size() < step.attempts || (known && before > 0))
    return contradicts("has " + std::to_string(attempts.size()) + " attempts, but the history has " +
                       std::to_string(step.attempts));
  Fingerprint chain;
  for (std::size_t i = before; i < attempts.size(); ++i) chain = chain_attempt(chain, attempts[i].text());
  if (chain != step.attempts_chain)
    return contradicts("an attempt or its evidence is not what the history says");
  return {};
}

Result<void> names_its_hashes(const LineValue& run, std::string_view state) {
  if (state == "pending") return {};
  for (const std::string_view member : {"inputsHash", "planHash"})
    if (!run.string_at(member)) return contradicts("a run that began names no " + std::string(member));
  if (state == "succeeded" && !run.string_at("outputsHash"))
    return contradicts("a run that succeeded names no outputsHash");
  return {};
}

}  // namespace

void RecordCheck::report(std::string_view file, std::uint64_t number, const Error& error) {
  CheckId check = CheckId::kCrossChecks;
  if (error.code == Code::kAuditLine) check = CheckId::kCanonicalForm;
  if (error.code == Code::kAuditOrder) check = CheckId::kOrder;
  findings_.add(check, std::string(file), number, error.context);
}

Result<void> RecordCheck::require_sorted(std::string& previous, std::string key) {
  if (!previous.empty() && key <= previous)
    return fail(Code::kAuditOrder, "does not sort behind the line before it");
  previous = std::move(key);
  return {};
}

void RecordCheck::job(const LineValue& line, std::uint64_t number) {
  if (const auto ok = check_job(line); !ok) report(manifests::audit_path::kJobs, number, ok.error());
}

void RecordCheck::run(const LineValue& line, std::uint64_t number) {
  if (const auto ok = check_run(line); !ok) report(manifests::audit_path::kRuns, number, ok.error());
}

Result<void> RecordCheck::check_job(const LineValue& line) {
  TRY(line.members(manifests::kJobMembers));
  const std::string id(TRY(need_string(line, "jobId")));
  TRY(require_sorted(previous_job_, std::string(TRY(need_string(line, "timestamp"))) + '\n' + id));
  const auto key = uuid_key(id);
  const auto it = key ? index_.jobs.find(*key) : index_.jobs.end();
  if (it == index_.jobs.end()) return contradicts("job " + id + " has no event in the window");
  JobTrack& job = it->second;
  if (std::exchange(job.recorded, true)) return contradicts("job " + id + " has a line already");
  const bool known = job.first_seq.has_value();
  if (!known) ++begun_before_;
  const auto check = [&]() -> Result<void> {
    TRY(same_beginning(line, job, tenant_));
    TRY(same_track(line, job, known));
    for (std::size_t i = 0; i < manifests::kJobData.size(); ++i)
      TRY(same_field(line, manifests::kJobData[i], job.fields[manifests::kFromFirst.size() + i], known));
    return {};
  };
  if (const auto ok = check(); !ok) return fail(ok.error().code, "job " + id + ": " + ok.error().context);
  return {};
}

Result<void> RecordCheck::check_run(const LineValue& line) {
  TRY(line.members(manifests::kRunMembers));
  const std::string id(TRY(need_string(line, "runId")));
  TRY(require_sorted(previous_run_, std::string(TRY(need_string(line, "timestamp"))) + '\n' +
                                        std::string(TRY(need_string(line, "dagId"))) + '\n' + id));
  const auto key = uuid_key(id);
  const auto it = key ? index_.runs.find(*key) : index_.runs.end();
  if (it == index_.runs.end()) return contradicts("run " + id + " has no event in the window");
  RunTrack& run = it->second;
  if (std::exchange(run.recorded, true)) return contradicts("run " + id + " has a line already");
  const bool known = run.first_seq.has_value();
  if (!known) ++begun_before_;
  const auto check = [&]() -> Result<void> {
    TRY(same_beginning(line, run, tenant_));
    TRY(same_track(line, run, known));
    for (std::size_t i = 0; i < manifests::kRunData.size(); ++i)
      TRY(same_field(line, manifests::kRunData[i], run.fields[manifests::kFromFirst.size() + i], known));
    TRY(same_field(line, "replay", run.replay, known));
    TRY(names_its_hashes(line, TRY(need_string(line, "state"))));
    const auto job = uuid_key(line.string_at("jobId").value_or(""));
    if (index_.whole() && (!job || !index_.jobs.contains(*job)))
      return contradicts("its job is not in the history");
    const auto steps = line.find("steps");
    if (!steps || steps->kind() != manifests::JsonKind::kArray)
      return fail(Code::kAuditLine, "steps: expected a list");
    return check_steps(*steps, run);
  };
  if (const auto ok = check(); !ok) return fail(ok.error().code, "run " + id + ": " + ok.error().context);
  if (line.find("replay"))
    replays_.emplace(std::string(manifests::audit_path::kReplayFolder) + id + ".json",
                     Digest::of(manifests::write_replay(line)));
  return {};
}

Result<void> RecordCheck::check_steps(const LineValue& steps, RunTrack& run) {
  const bool known = run.first_seq.has_value();
  std::string previous;
  std::size_t of_window = 0;
  for (const LineValue& step : steps.items()) {
    TRY(step.members(manifests::kStepMembers));
    const std::string id(TRY(need_string(step, "stepId")));
    if (!previous.empty() && id <= previous)
      return fail(Code::kAuditOrder, "step " + id + " does not sort behind the one before it");
    previous = id;
    ++steps_;
    const auto it = run.steps.find(id);
    if (it == run.steps.end()) {
      if (known) return contradicts("step " + id + " has no event");
      continue;
    }
    ++of_window;
    attempts_ += it->second.attempts;
    const auto check = [&]() -> Result<void> {
      TRY(same_track(step, it->second, known));
      for (std::size_t i = 0; i < manifests::kStepData.size(); ++i)
        TRY(same_field(step, manifests::kStepData[i], it->second.fields[i], known));
      return same_attempts(step, it->second, known);
    };
    if (const auto ok = check(); !ok) return fail(ok.error().code, "step " + id + ": " + ok.error().context);
  }
  if (of_window != run.steps.size())
    return contradicts("has " + std::to_string(of_window) + " of the " + std::to_string(run.steps.size()) +
                       " steps that the history has");
  return {};
}

void RecordCheck::finish_jobs() {
  for (const auto& [key, job] : index_.jobs)
    if (!job.recorded)
      return findings_.add(CheckId::kCrossChecks, std::string(manifests::audit_path::kJobs), 0,
                           "job " + to_hex({key.data(), key.size()}) + " has events but no line");
}

void RecordCheck::finish_runs() {
  for (const auto& [key, run] : index_.runs)
    if (!run.recorded)
      return findings_.add(CheckId::kCrossChecks, std::string(manifests::audit_path::kRuns), 0,
                           "run " + to_hex({key.data(), key.size()}) + " has events but no line");
}

}  // namespace airlock::audit
