#include <algorithm>
#include <array>
#include <map>

#include "audit/audit.h"
#include "audit/documents.h"
#include "audit/files.h"
#include "audit/pack.h"
#include "audit/records.h"
#include "audit/window.h"
#include "base/fs.h"
#include "base/io.h"
#include "ledger/history.h"
#include "manifests/audit.h"
#include "verify/dsse.h"

namespace airlock::audit {
namespace {

namespace audit_path = manifests::audit_path;
using manifests::AuditFile;
using manifests::SubjectType;

bool wants_archive(const std::string& output) { return output.ends_with(".tar.zst"); }

// The files that follow from the window's events.
class Writer {
 public:
  Writer(const ledger::Ledger& ledger, const ExportRequest& request, const Window& window,
         const Staging& staging)
      : ledger_(ledger),
        request_(request),
        window_(window),
        staging_(staging),
        jobs_(SubjectType::kJob, staging.path()),
        runs_(SubjectType::kRun, staging.path()) {}

  Result<void> history();
  Result<void> records();
  Result<void> documents();

  std::vector<AuditFile> files;
  std::uint64_t jobs = 0, runs = 0;

 private:
  Result<void> event(const ledger::HistoryLine& line, LineFile& history);
  Result<Projection> before(SubjectType type, const std::string& id);
  Result<void> keep(LineFile& file) {
    for (AuditFile& listed : TRY(file.finish())) files.push_back(std::move(listed));
    return {};
  }
  Result<void> text(std::string_view path, std::string_view bytes) {
    files.push_back(TRY(write_text(staging_.files(), std::string(path), bytes)));
    return {};
  }

  const ledger::Ledger& ledger_;
  const ExportRequest& request_;
  const Window& window_;
  const Staging& staging_;
  Records jobs_, runs_;
  std::map<std::string, LineFile, std::less<>> selections_;
  CompactRange tree_;
  manifests::CanonicalLine parser_;
};

Result<void> Writer::event(const ledger::HistoryLine& line, LineFile& history) {
  const Digest leaf = merkle_leaf(line.line);  // not the stored one: the export is also a check of the ledger
  if (window_.from > 0) tree_.append(leaf);    // else the tree of the file is the tree of the log
  TRY(history.add(line.line, leaf));
  const auto refuse = [&](const Error& error) {
    return fail(Code::kLedgerTampered,
                "event " + std::to_string(line.seq) + " of " + request_.tenant.str() + ": " + error.context);
  };
  const auto value = parser_.parse(line.line);
  if (!value) return refuse(value.error());
  const auto event = manifests::read_event(*value);
  if (!event) return refuse(event.error());
  if (const auto selection = manifests::audit_selection(event->kind))
    TRY(selections_.find(*selection)->second.add(line.line, leaf));
  if (!manifests::is_followed(event->kind)) return {};
  const manifests::Subject subject = manifests::parse_subject(event->subject);
  return subject.type == SubjectType::kJob ? jobs_.add(*event, subject) : runs_.add(*event, subject);
}

Result<void> Writer::history() {
  LineFile history = TRY(LineFile::create(staging_.files(), std::string(audit_path::kHistory)));
  for (const std::string_view path : manifests::kAuditSelections)
    selections_.emplace(std::string(path), TRY(LineFile::create(staging_.files(), std::string(path))));
  tree_ = window_.edge;
  TRY(ledger::for_each_line(ledger_, request_.tenant, window_.from, window_.to,
                            [&](const ledger::HistoryLine& line) { return event(line, history); }));
  const CompactRange& tree = window_.from > 0 ? tree_ : history.tree();
  if (tree.size() != window_.to || tree.root() != window_.root)
    return fail(Code::kLedgerTampered, "the history of " + request_.tenant.str() + " up to event " +
                                           std::to_string(window_.to) + " does not hash to its tree head");
  TRY(keep(history));
  for (auto& [path, file] : selections_) TRY(keep(file));
  return {};
}

// What the history says about a job or run before the window.
Result<Projection> Writer::before(SubjectType type, const std::string& id) {
  const std::string subject = (type == SubjectType::kJob ? "job:" : "run:") + id;
  Projection out(type);
  manifests::CanonicalLine parser;
  for (const ledger::HistoryLine& line :
       TRY(ledger::history_of(ledger_, request_.tenant, subject, true, window_.from))) {
    const manifests::EventView event = TRY(manifests::read_event(TRY(parser.parse(line.line))));
    if (manifests::is_followed(event.kind)) out.add(event, manifests::parse_subject(event.subject));
  }
  return out;
}

Result<void> Writer::records() {
  LineFile job_lines = TRY(LineFile::create(staging_.files(), std::string(audit_path::kJobs)));
  TRY(jobs_.drain([&](const std::string& id) { return before(SubjectType::kJob, id); },
                  [&](std::string_view line) { return job_lines.add(line); }));
  jobs = job_lines.tree().size();
  TRY(keep(job_lines));
  LineFile run_lines = TRY(LineFile::create(staging_.files(), std::string(audit_path::kRuns)));
  const auto add_run = [&](std::string_view line) -> Result<void> {
    TRY(run_lines.add(line));
    const auto record = TRY(parser_.parse(line));
    if (!record.find("replay")) return {};
    const std::string path = std::string(audit_path::kReplayFolder) +
                             std::string(record.string_at("runId").value_or("")) + ".json";
    return text(path, manifests::write_replay(record));
  };
  TRY(runs_.drain([&](const std::string& id) { return before(SubjectType::kRun, id); }, add_run));
  runs = run_lines.tree().size();
  return keep(run_lines);
}

Result<void> Writer::documents() {
  TRY(text(audit_path::kReadme, readme_text()));
  for (const Schema& schema : schemas()) TRY(text(schema.path, schema.text));
  TRY(text(audit_path::kCheckpoint, window_.checkpoint));
  TRY(text(audit_path::kConsistency, manifests::write_consistency(window_.consistency)));
  return text(audit_path::kCompactRange, manifests::write_compact_range(window_.from, window_.edge.nodes()));
}

Result<void> write_whole(const std::string& path, std::string_view bytes) {
  TRY(make_dirs(path.substr(0, path.rfind('/'))));
  Fs& fs = system_fs();
  const UniqueFd file = TRY(fs.create(path, 0644));
  return fs.write(file.get(), bytes, path);
}

Result<void> check_request(const ledger::Ledger& ledger, const ExportRequest& request) {
  if (path_exists(request.output)) return fail(Code::kAlreadyExists, request.output);
  if (request.signers.empty() || !request.signers.front()->key_id().starts_with(ledger.instance()))
    return fail(Code::kUsage, "the first signer of an audit bundle must be the site's own key");
  return {};
}

// The last stage: an archive or a folder under its final name.
Result<void> deliver(const Staging& staging, const std::vector<AuditFile>& files, const std::string& output) {
  if (!wants_archive(output)) {
    const UniqueFd folder = TRY(open_dir(staging.files()));
    TRY(system_fs().sync_all(folder.get(), staging.files()));
    return publish(staging.files(), output);
  }
  std::vector<std::string> paths{std::string(audit_path::kSignatures), std::string(audit_path::kManifest)};
  for (const AuditFile& file : files) paths.push_back(file.path);
  std::ranges::sort(paths, manifests::audit_path_less);
  const std::string archive = staging.path() + "/bundle.tar.zst";
  TRY(pack(staging.files(), paths, archive));
  return publish(archive, output);
}

}  // namespace

Result<ExportResult> export_audit(ledger::Ledger& ledger, const ExportRequest& request) {
  TRY(check_request(ledger, request));
  const Window window = TRY(open_window(ledger, request));
  const Staging staging = TRY(Staging::make(request.output));
  Writer writer(ledger, request, window, staging);
  TRY(writer.history());
  TRY(writer.records());
  TRY(writer.documents());
  std::ranges::sort(writer.files, {}, &AuditFile::path);

  // From here on the set of files is closed: what follows names them and signs that.
  const manifests::AuditManifest manifest{.instance = ledger.instance(),
                                          .tenant = request.tenant,
                                          .from_seq = window.from,
                                          .to_seq = window.to,
                                          .as_of = window.as_of,
                                          .root = window.root,
                                          .previous = window.consistency.previous,
                                          .tool_version = "airlock " AIRLOCK_VERSION,
                                          .files = writer.files};
  const std::string bytes = manifests::write_audit_manifest(manifest);
  const Digest manifest_sha256 = Digest::of(bytes);
  const std::string envelope = TRY(
      verify::sign_envelope("application/vnd.in-toto+json",
                            manifests::write_audit_statement(manifest, manifest_sha256), request.signers));
  TRY(write_whole(staging.files() + "/" + std::string(audit_path::kManifest), bytes));
  TRY(write_whole(staging.files() + "/" + std::string(audit_path::kSignatures), envelope));
  TRY(deliver(staging, writer.files, request.output));

  ExportResult result{.path = request.output,
                      .from_seq = window.from,
                      .to_seq = window.to,
                      .events = window.to - window.from,
                      .jobs = writer.jobs,
                      .runs = writer.runs,
                      .bytes = bytes.size() + envelope.size(),
                      .root = window.root,
                      .manifest_sha256 = manifest_sha256};
  for (const AuditFile& file : writer.files) result.bytes += file.size;
  return result;
}

}  // namespace airlock::audit
