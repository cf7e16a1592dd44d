#include "audit/verify/findings.h"

#include <algorithm>
#include <utility>

namespace airlock::audit {
namespace {

struct CheckRow {
  std::string_view name;
  Code code;
};
constexpr std::array<CheckRow, kCheckCount> kRows = {{{"archive", Code::kAuditFile},
                                                      {"signatures", Code::kAuditSignature},
                                                      {"manifest", Code::kAuditManifest},
                                                      {"files", Code::kAuditFile},
                                                      {"canonical-form", Code::kAuditLine},
                                                      {"order", Code::kAuditOrder},
                                                      {"merkle-root", Code::kAuditMerkle},
                                                      {"checkpoint", Code::kAuditCheckpoint},
                                                      {"consistency", Code::kAuditConsistency},
                                                      {"cross-checks", Code::kAuditCrossCheck}}};

}  // namespace

std::string_view check_name(CheckId id) { return kRows[static_cast<std::size_t>(id)].name; }
Code check_code(CheckId id) { return kRows[static_cast<std::size_t>(id)].code; }

void Findings::add(CheckId id, std::string file, std::uint64_t line, std::string reason) {
  add(id, Failure{check_code(id), std::move(file), line, std::move(reason)});
}

void Findings::add(CheckId id, Failure failure) {
  auto& slot = failures_[static_cast<std::size_t>(id)];
  if (!slot) slot = std::move(failure);
}

bool Findings::any() const { return first() != nullptr; }

const Failure* Findings::first() const {
  const auto it = std::ranges::find_if(failures_, [](const auto& f) { return f.has_value(); });
  return it == failures_.end() ? nullptr : &**it;
}

std::optional<std::string> Findings::reason_at(const std::string& file, std::uint64_t line) const {
  for (const auto& f : failures_)
    if (f && f->file == file && f->line == line) return f->reason;
  return std::nullopt;
}

void Findings::replace_first(Failure failure) {
  const auto it = std::ranges::find_if(failures_, [](const auto& f) { return f.has_value(); });
  if (it != failures_.end()) *it = std::move(failure);
}

void Findings::write(Report& report) const {
  report.accepted = !any();
  for (std::size_t i = 0; i < kCheckCount; ++i) {
    if (!failures_[i]) {
      report.checks.push_back({std::string(kRows[i].name), true, seen_[i]});
      continue;
    }
    report.failure = failures_[i];
    report.checks.push_back({std::string(kRows[i].name), false, failure_text(*failures_[i])});
    return;
  }
}

}  // namespace airlock::audit
