#include "audit/projection.h"

#include <algorithm>
#include <span>

namespace airlock::audit {
namespace {

using manifests::EventView;
using manifests::LineValue;
using manifests::SubjectType;

std::span<const std::string_view> table(SubjectType type) {
  switch (type) {
    case SubjectType::kJob: return manifests::kJobMembers;
    case SubjectType::kRun: return manifests::kRunMembers;
    case SubjectType::kStep: return manifests::kStepMembers;
    case SubjectType::kOther: return {};
  }
  std::unreachable();
}

std::span<const std::string_view> data_table(SubjectType type) {
  switch (type) {
    case SubjectType::kJob: return manifests::kJobData;
    case SubjectType::kRun: return manifests::kRunData;
    case SubjectType::kStep: return manifests::kStepData;
    case SubjectType::kOther: return {};
  }
  std::unreachable();
}

std::string_view id_member(SubjectType type) {
  return type == SubjectType::kJob ? "jobId" : (type == SubjectType::kRun ? "runId" : "stepId");
}

std::size_t place(SubjectType type, std::string_view member) {
  const auto names = table(type);
  return static_cast<std::size_t>(std::ranges::lower_bound(names, member) - names.begin());
}

// An id or a time: safe in a JSON string as it stands.
std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

}  // namespace

Projection::Projection(SubjectType type) : type_(type), members_(table(type).size()) {
  bytes_ = sizeof *this + members_.size() * sizeof(std::string);
}

void Projection::set(std::size_t member, std::string value) {
  bytes_ += value.size();
  members_[member] = std::move(value);
}
void Projection::set(std::string_view member, std::string value) { set(place(type_, member), std::move(value)); }

std::string_view Projection::text(std::string_view member) const { return members_[place(type_, member)]; }
bool Projection::has(std::string_view member) const { return !text(member).empty(); }

void Projection::add(const EventView& event, const manifests::Subject& subject) {
  if (type_ != SubjectType::kStep) {
    set(id_member(type_), quoted(subject.id));
    set("tenant", quoted(event.tenant));
  } else {
    set("stepId", quoted(subject.step));
  }
  if (type_ == SubjectType::kRun && subject.type == SubjectType::kStep) {
    auto it = steps_.find(subject.step);
    if (it == steps_.end()) {
      it = steps_.emplace(std::string(subject.step), Projection(SubjectType::kStep)).first;
      bytes_ += it->second.bytes_;
    }
    const std::size_t before = it->second.bytes_;
    it->second.add(event, subject);
    bytes_ += it->second.bytes_ - before;
    return;
  }
  if (manifests::creates_subject(event.kind)) {
    set("firstSeq", std::to_string(event.seq));
    set("timestamp", quoted(event.ts_text));
    for (std::size_t i = 0; i < event.who.size(); ++i)
      if (event.who[i]) set(manifests::kFromFirst[i], std::string(*event.who[i]));
  }
  if (event.kind == "step.attempt") {
    attempts_.emplace_back(event.data.text());
    bytes_ += attempts_.back().size();
  } else {
    for (const std::string_view name : data_table(type_))
      if (const auto value = event.data.find(name)) set(name, std::string(value->text()));
  }
  if (event.kind == "run.replayed") set("replay", std::string(event.data.text()));
  if (event.after) {
    set("state", quoted(to_text(*event.after)));
    if (*event.after == manifests::AuditState::kRunning && !has("startedAt")) set("startedAt", quoted(event.ts_text));
    set("endedAt", manifests::is_ended(*event.after) ? quoted(event.ts_text) : std::string());
  }
  set("lastSeq", std::to_string(event.seq));
}

void Projection::join(Projection&& later) {
  const bool has_state = later.has("state");
  for (std::size_t i = 0; i < members_.size(); ++i) {
    const std::string_view name = table(type_)[i];
    if (name == "endedAt" ? !has_state : later.members_[i].empty()) continue;
    if (name == "startedAt" && !members_[i].empty()) continue;
    set(i, std::move(later.members_[i]));
  }
  for (std::string& attempt : later.attempts_) attempts_.push_back(std::move(attempt));
  for (auto& [id, step] : later.steps_) {
    const auto [it, fresh] = steps_.try_emplace(id, SubjectType::kStep);
    it->second.join(std::move(step));
  }
}

void Projection::write(std::string& out) const {
  out += '{';
  const auto names = table(type_);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const bool list = names[i] == "attempts" || names[i] == "steps";
    if (!list && members_[i].empty()) continue;
    if (out.back() != '{') out += ',';
    out += '"';
    out += names[i];
    out += "\":";
    if (!list) {
      out += members_[i];
      continue;
    }
    out += '[';
    for (const std::string& attempt : attempts_) out += (out.back() == '[' ? "" : ",") + attempt;
    for (const auto& [id, step] : steps_) {
      if (out.back() != '[') out += ',';
      step.write(out);
    }
    out += ']';
  }
  out += '}';
}

std::string Projection::line() const {
  std::string out;
  write(out);
  return out;
}

Result<Projection> Projection::read(SubjectType type, const LineValue& line) {
  Projection out(type);
  const auto names = table(type);
  for (std::size_t i = 0; i < names.size(); ++i) {
    const auto value = line.find(names[i]);
    if (!value) continue;
    if (names[i] == "attempts") {
      for (const LineValue& attempt : value->items()) out.attempts_.emplace_back(attempt.text());
    } else if (names[i] == "steps") {
      for (const LineValue& step : value->items()) {
        const auto id = step.string_at("stepId");
        if (!id) return fail(Code::kInternal, "a record without stepId");
        out.steps_.emplace(std::string(*id), TRY(read(SubjectType::kStep, step)));
      }
    } else {
      out.members_[i] = value->text();
    }
  }
  return out;
}

}  // namespace airlock::audit
