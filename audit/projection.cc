#include "audit/projection.h"

#include <algorithm>
#include <array>
#include <optional>
#include <span>

namespace airlock::audit {
namespace {

using manifests::EventView;
using manifests::LineValue;
using manifests::SubjectType;

// Where each member of a record stands in its table.
struct Shape {
  std::span<const std::string_view> members, data;
  std::vector<std::size_t> data_at;
  std::size_t id, tenant, first_seq, timestamp, state, started, ended, last_seq, replay;
  std::array<std::size_t, manifests::kFromFirst.size()> who_at;
};

std::size_t place(std::span<const std::string_view> members, std::string_view name) {
  return static_cast<std::size_t>(std::ranges::find(members, name) - members.begin());
}

Shape make_shape(std::span<const std::string_view> members, std::span<const std::string_view> data,
                 std::string_view id) {
  const auto at = [&](std::string_view name) { return place(members, name); };
  Shape shape{members,
              data,
              {},
              at(id),
              at("tenant"),
              at("firstSeq"),
              at("timestamp"),
              at("state"),
              at("startedAt"),
              at("endedAt"),
              at("lastSeq"),
              at("replay"),
              {}};
  for (const std::string_view name : data) shape.data_at.push_back(at(name));
  for (std::size_t i = 0; i < manifests::kFromFirst.size(); ++i)
    shape.who_at[i] = at(manifests::kFromFirst[i]);
  return shape;
}

const Shape& shape_of(SubjectType type) {
  static const Shape job = make_shape(manifests::kJobMembers, manifests::kJobData, "jobId");
  static const Shape run = make_shape(manifests::kRunMembers, manifests::kRunData, "runId");
  static const Shape step = make_shape(manifests::kStepMembers, manifests::kStepData, "stepId");
  switch (type) {
    case SubjectType::kJob: return job;
    case SubjectType::kRun: return run;
    case SubjectType::kStep: return step;
    case SubjectType::kOther: break;  // has no record
  }
  std::unreachable();
}

constexpr std::size_t kMostData =
    std::max({manifests::kJobData.size(), manifests::kRunData.size(), manifests::kStepData.size()});

// An id or a time: safe in a JSON string as it stands.
std::string quoted(std::string_view text) { return '"' + std::string(text) + '"'; }

}  // namespace

Projection::Projection(SubjectType type) : type_(type), members_(shape_of(type).members.size()) {
  bytes_ = sizeof *this + members_.size() * sizeof(std::string);
}

void Projection::set(std::size_t member, std::string value) {
  bytes_ += value.size();
  members_[member] = std::move(value);
}

void Projection::add_to_step(const EventView& event, const manifests::Subject& subject) {
  auto it = steps_.find(subject.step);
  if (it == steps_.end()) {
    it = steps_.emplace(std::string(subject.step), Projection(SubjectType::kStep)).first;
    bytes_ += it->second.bytes_;
  }
  const std::size_t before = it->second.bytes_;
  it->second.add(event, subject);
  bytes_ += it->second.bytes_ - before;
}

void Projection::add(const EventView& event, const manifests::Subject& subject) {
  const Shape& shape = shape_of(type_);
  const bool step = type_ == SubjectType::kStep;
  if (members_[shape.id].empty()) {
    set(shape.id, quoted(step ? subject.step : subject.id));
    if (!step) set(shape.tenant, quoted(event.tenant));
  }
  if (!step && subject.type == SubjectType::kStep) return add_to_step(event, subject);
  if (manifests::creates_subject(event.kind)) {
    set(shape.first_seq, std::to_string(event.seq));
    set(shape.timestamp, quoted(event.ts_text));
    for (std::size_t i = 0; i < event.who.size(); ++i)
      if (event.who[i]) set(shape.who_at[i], std::string(*event.who[i]));
  }
  if (event.kind == "step.attempt") {
    attempts_.emplace_back(event.data.text());
    bytes_ += attempts_.back().size();
  } else if (event.kind != "step.network") {
    std::array<std::optional<LineValue>, kMostData> values;
    event.data.pick(shape.data, std::span(values).first(shape.data.size()));
    for (std::size_t i = 0; i < shape.data.size(); ++i)
      if (values[i]) set(shape.data_at[i], std::string(values[i]->text()));
  }
  if (event.kind == "run.replayed") set(shape.replay, std::string(event.data.text()));
  if (event.after) {
    set(shape.state, quoted(to_text(*event.after)));
    if (*event.after == manifests::AuditState::kRunning && members_[shape.started].empty())
      set(shape.started, quoted(event.ts_text));
    set(shape.ended, manifests::is_ended(*event.after) ? quoted(event.ts_text) : std::string());
  }
  set(shape.last_seq, std::to_string(event.seq));
}

void Projection::join(Projection&& later) {
  const Shape& shape = shape_of(type_);
  const bool has_state = !later.members_[shape.state].empty();
  for (std::size_t i = 0; i < members_.size(); ++i) {
    if (i == shape.ended ? !has_state : later.members_[i].empty()) continue;
    if (i == shape.started && !members_[i].empty()) continue;
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
  const auto names = shape_of(type_).members;
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
  const auto names = shape_of(type).members;
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
