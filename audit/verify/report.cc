#include "audit/verify/audit_verify.h"

namespace airlock::audit {

std::string failure_text(const Failure& f) {
  std::string where = f.file;
  if (f.line != 0) where += " line " + std::to_string(f.line);
  return printable(where.empty() ? f.reason : where + ": " + f.reason);
}

Json report_json(const Report& report) {
  Json checks = Json::array();
  for (const Check& c : report.checks) checks.push_back({{"name", c.name}, {"ok", c.ok}, {"seen", c.seen}});
  Json out = {{"accepted", report.accepted}, {"checks", std::move(checks)}};
  if (report.failure) {
    const Failure& f = *report.failure;
    out["failure"] = {{"code", code_info(f.code).text}, {"reason", f.reason}};
    if (!f.file.empty()) out["failure"]["file"] = f.file;
    if (f.line != 0) out["failure"]["line"] = f.line;
  }
  if (!report.instance.empty()) {
    out["instance"] = report.instance;
    out["tenant"] = report.tenant;
    out["window"] = {{"fromSeq", report.from_seq}, {"toSeq", report.to_seq}};
    out["root"] = report.root;
    out["signers"] = report.signers;
  }
  if (report.accepted)
    out["verified"] = {{"events", report.events},
                       {"jobs", report.jobs},
                       {"runs", report.runs},
                       {"steps", report.steps},
                       {"bytes", report.bytes}};
  return out;
}

}  // namespace airlock::audit
