#include <algorithm>
#include <set>

#include "audit/verify/audit_verify.h"
#include "audit/verify/findings.h"
#include "audit/verify/line_reader.h"
#include "audit/verify/locate.h"
#include "audit/verify/log_check.h"
#include "audit/verify/previous.h"
#include "audit/verify/record_check.h"
#include "audit/verify/source.h"
#include "base/encoding.h"
#include "manifests/audit.h"
#include "verify/dsse.h"

namespace airlock::audit {
namespace {

using manifests::AuditFile;
using manifests::AuditManifest;
using manifests::AuditSubject;
namespace audit_path = manifests::audit_path;

constexpr std::uint64_t kProofBytes = 8 * kMiB;  // proofs/consistency.json of a log of 2^64 events has 6 KiB

std::string plural(std::uint64_t n, std::string_view what) {
  return std::to_string(n) + " " + std::string(what) + (n == 1 ? "" : "s");
}

// Everything after the manifest: one file at a time, in the order of the archive.
class BundleCheck {
 public:
  BundleCheck(const VerifyOptions& options, const AuditManifest& manifest, Findings& findings)
      : options_(options),
        manifest_(manifest),
        findings_(findings),
        log_(manifest, findings),
        index_(manifest.from_seq == 0),
        records_(index_, manifest.tenant.str(), findings) {}

  LogCheck& log() { return log_; }

  // Reads `entry`, which is the current file of `source`, to its end.
  Result<void> file(Source& source, const SourceEntry& entry) {
    const auto listed = std::ranges::lower_bound(manifest_.files, entry.path, {}, &AuditFile::path);
    if (listed == manifest_.files.end() || listed->path != entry.path) {
      findings_.add(CheckId::kFiles, entry.path, 0, "the signed manifest does not list this file");
      return {};
    }
    seen_.insert(entry.path);
    const FileSeen seen = TRY(read(source, entry.path));
    bytes_ += seen.size;
    compare(*listed, seen);
    if (entry.path == audit_path::kHistory) log_.finish(seen.line_tree);
    if (entry.path == audit_path::kJobs) records_.finish_jobs();
    if (entry.path == audit_path::kRuns) records_.finish_runs();
    return {};
  }

  void finish(Report& report);

 private:
  Result<FileSeen> read(Source& source, const std::string& path);
  void compare(const AuditFile& listed, const FileSeen& seen);
  void history_line(std::string_view line, std::uint64_t number, const Digest& leaf);
  void check_replays();

  // Parses a line; a refusal goes to canonical-form.
  std::optional<manifests::LineValue> canonical(std::string_view file, std::string_view line,
                                                std::uint64_t number) {
    const auto value = line_.parse(line);
    if (!value) {
      findings_.add(CheckId::kCanonicalForm, std::string(file), number, value.error().context);
      return std::nullopt;
    }
    ++lines_;
    return *value;
  }

  const VerifyOptions& options_;
  const AuditManifest& manifest_;
  Findings& findings_;
  LogCheck log_;
  HistoryIndex index_;
  RecordCheck records_;
  manifests::CanonicalLine line_;
  std::map<std::string, std::vector<Digest>, std::less<>>
      selections_;                                      // leaves that each selection must hold
  std::map<std::string, Digest, std::less<>> replays_;  // as found
  std::set<std::string, std::less<>> seen_;
  std::uint64_t bytes_ = 0, lines_ = 0, governance_ = 0;
};

void BundleCheck::history_line(std::string_view line, std::uint64_t number, const Digest& leaf) {
  log_.add(leaf);
  const auto value = canonical(audit_path::kHistory, line, number);
  if (!value) return;
  const auto event = manifests::read_event(*value);
  const std::string file(audit_path::kHistory);
  if (!event) return findings_.add(CheckId::kCanonicalForm, file, number, event.error().context);
  const std::uint64_t want = manifest_.from_seq + number - 1;
  if (event->seq != want)
    return findings_.add(CheckId::kOrder, file, number,
                         "seq is " + std::to_string(event->seq) + ", expected " + std::to_string(want));
  if (event->tenant != manifest_.tenant.str())
    return findings_.add(CheckId::kCrossChecks, file, number, "an event of another tenant");
  if (const auto selection = manifests::audit_selection(event->kind))
    selections_[std::string(*selection)].push_back(leaf);
  if (manifests::is_governance(event->kind)) ++governance_;
  if (findings_.failed(CheckId::kCrossChecks)) return;  // what follows from a broken event says nothing new
  if (const auto ok = index_.add(*event); !ok)
    findings_.add(CheckId::kCrossChecks, file, number, ok.error().context);
}

Result<FileSeen> BundleCheck::read(Source& source, const std::string& path) {
  const std::uint64_t max = options_.max_line_bytes;
  if (path == audit_path::kHistory)
    return read_lines(source, max, [&](std::string_view line, std::uint64_t n, const Digest& leaf) {
      history_line(line, n, leaf);
    });
  if (path == audit_path::kJobs || path == audit_path::kRuns)
    return read_lines(source, max, [&](std::string_view line, std::uint64_t n, const Digest&) {
      const auto value = canonical(path, line, n);
      if (value) path == audit_path::kJobs ? records_.job(*value, n) : records_.run(*value, n);
    });
  if (std::ranges::find(manifests::kAuditSelections, path) != std::end(manifests::kAuditSelections)) {
    const std::vector<Digest>& want = selections_[path];
    const FileSeen seen =
        TRY(read_lines(source, max, [&](std::string_view line, std::uint64_t n, const Digest& leaf) {
          if (!canonical(path, line, n)) return;
          if (n > want.size() || leaf != want[n - 1])
            findings_.add(CheckId::kCrossChecks, path, n,
                          "is not the event that the history has in this place");
        }));
    if (seen.lines < want.size())
      findings_.add(CheckId::kCrossChecks, path, seen.lines + 1,
                    "events of the history are missing from here on");
    return seen;
  }
  std::string text;  // only what is small is kept as a whole
  const bool proof = path.starts_with("proofs/") && !path.starts_with(audit_path::kLineFolder);
  const FileSeen seen = TRY(read_lines(source, max, [&](std::string_view line, std::uint64_t, const Digest&) {
    if (proof && text.size() + line.size() < kProofBytes) text.append(line).push_back('\n');
  }));
  if (path == audit_path::kCheckpoint) log_.checkpoint(text, options_.keys);
  if (path == audit_path::kCompactRange) log_.compact_range(text);
  if (path == audit_path::kConsistency) log_.consistency(text);
  if (path.starts_with(audit_path::kReplayFolder)) replays_.emplace(path, seen.sha256);
  return seen;
}

void BundleCheck::compare(const AuditFile& listed, const FileSeen& seen) {
  const auto wrong = [&](std::string reason) {
    findings_.add(CheckId::kFiles, listed.path, 0, std::move(reason));
  };
  if (seen.sha256 != listed.sha256)
    wrong("its SHA-256 is " + seen.sha256.hex() + ", signed is " + listed.sha256.hex());
  else if (seen.size != listed.size)
    wrong("has " + plural(seen.size, "byte") + ", the manifest says " + std::to_string(listed.size));
  else if (seen.lines != listed.lines)
    wrong("has " + plural(seen.lines, "line") + ", the manifest says " + std::to_string(listed.lines));
  else if (seen.long_line == 0 && seen.line_tree.root() != listed.line_root)
    wrong("its lines do not hash to the manifest's lineDigestRoot");
  if (seen.long_line != 0)
    findings_.add(CheckId::kCanonicalForm, listed.path, seen.long_line,
                  "the line is longer than " + plural(options_.max_line_bytes, "byte"));
  if (!seen.ends_in_newline)
    findings_.add(CheckId::kCanonicalForm, listed.path, seen.lines,
                  "the last line does not end in a line feed");
}

void BundleCheck::check_replays() {
  for (const auto& [path, digest] : records_.replays()) {
    const auto it = replays_.find(path);
    if (it == replays_.end())
      findings_.add(CheckId::kCrossChecks, path, 0, "is missing, but the run's record has a replay");
    else if (it->second != digest)
      findings_.add(CheckId::kCrossChecks, path, 0, "does not follow from the run's record");
  }
  for (const auto& [path, digest] : replays_)
    if (!records_.replays().contains(path))
      findings_.add(CheckId::kCrossChecks, path, 0, "there is no replayed run of this name");
}

void BundleCheck::finish(Report& report) {
  for (const AuditFile& file : manifest_.files)
    if (!seen_.contains(file.path)) findings_.add(CheckId::kFiles, file.path, 0, "is missing");
  check_replays();
  report.events = manifest_.to_seq - manifest_.from_seq;
  report.jobs = index_.jobs.size();
  report.runs = index_.runs.size();
  report.steps = records_.steps();
  report.bytes = bytes_;
  findings_.seen(CheckId::kFiles, plural(seen_.size(), "file") + ", " + plural(bytes_, "byte") +
                                      ", digests and line counts as signed");
  findings_.seen(CheckId::kCanonicalForm, plural(lines_, "line") + " in canonical JSON");
  findings_.seen(CheckId::kOrder, "seq without gaps; records sorted as the manifest says");
  std::string crossed = plural(report.jobs, "job") + ", " + plural(report.runs, "run") + ", " +
                        plural(report.steps, "step") + " and " + plural(records_.attempts(), "attempt") +
                        " follow from the events; " + plural(governance_, "governance change");
  if (records_.begun_before() > 0)
    crossed += "; " + plural(records_.begun_before(), "record") + " began before the window";
  findings_.seen(CheckId::kCrossChecks, std::move(crossed));
}

std::string join(const std::vector<std::string>& items) {
  std::string out;
  for (const std::string& item : items) out += (out.empty() ? "" : ", ") + item;
  return out;
}

// The first two files: who signed, and what. False when the rest cannot be judged.
class Opening {
 public:
  Opening(const VerifyOptions& options, Findings& findings, Report& report)
      : options_(options), findings_(findings), report_(report) {}

  Result<std::optional<AuditManifest>> read(Source& source) {
    if (!TRY(expect(source, audit_path::kSignatures, CheckId::kSignatures)))
      return std::optional<AuditManifest>();
    const std::string envelope = TRY(source.read_all(Limits{}.manifest_bytes));
    const auto subjects = check_signatures(envelope);
    if (!subjects || !TRY(expect(source, audit_path::kManifest, CheckId::kManifest)))
      return std::optional<AuditManifest>();
    return check_manifest(TRY(source.read_all(Limits{}.manifest_bytes)), *subjects);
  }

 private:
  Result<bool> expect(Source& source, std::string_view path, CheckId check) {
    const auto entry = TRY(source.next());
    if (entry && entry->path == path) return true;
    findings_.add(check, std::string(path), 0, "is missing");
    return false;
  }

  std::optional<std::vector<AuditSubject>> check_signatures(std::string_view envelope) {
    const std::string file(audit_path::kSignatures);
    const auto refuse = [&](const Error& error) {
      findings_.add(CheckId::kSignatures, file, 0, describe(error));
      return std::nullopt;
    };
    auto parsed = verify::parse_envelope(envelope, file);
    if (!parsed) return refuse(parsed.error());
    const auto verified = verify::verify_envelope(std::move(*parsed), options_.keys, options_.threshold,
                                                  "application/vnd.in-toto+json");
    if (!verified) return refuse(verified.error());
    report_.signers = verified->key_ids();
    findings_.seen(CheckId::kSignatures, plural(report_.signers.size(), "trusted signature") + ", " +
                                             std::to_string(options_.threshold) +
                                             " needed: " + join(report_.signers));
    auto subjects = manifests::parse_audit_statement(verified->payload());
    if (subjects) return *subjects;
    findings_.add(CheckId::kManifest, file, 0, subjects.error().context);
    return std::nullopt;
  }

  std::optional<AuditManifest> check_manifest(std::string_view bytes,
                                              const std::vector<AuditSubject>& subjects) {
    const std::string file(audit_path::kManifest);
    const auto refuse = [&](std::string why) {
      findings_.add(CheckId::kManifest, file, 0, std::move(why));
      return std::nullopt;
    };
    const auto own = std::ranges::find(subjects, file, &AuditSubject::path);
    if (own == subjects.end()) return refuse("the signed statement does not name it");
    if (const Digest seen = Digest::of(bytes); seen != own->sha256)
      return refuse("its SHA-256 is " + seen.hex() + ", signed is " + own->sha256.hex());
    auto manifest = manifests::parse_audit_manifest(bytes);
    if (!manifest) return refuse(manifest.error().context);
    if (manifest->instance.size() != 16 || !from_hex(manifest->instance))
      return refuse("instance is not 16 hex digits");
    // The statement and the manifest must name the same files with the same digests: one is for other
    // people's tools.
    std::size_t at = 0;
    for (const AuditSubject& subject : subjects) {
      if (subject.path == file) continue;
      if (at == manifest->files.size() || manifest->files[at].path != subject.path ||
          manifest->files[at].sha256 != subject.sha256)
        return refuse("differs from the signed statement at " + subject.path);
      ++at;
    }
    if (at != manifest->files.size())
      return refuse("lists " + manifest->files[at].path + ", which the signed statement does not");
    for (const std::string& needed : manifests::audit_required_files())
      if (!std::ranges::binary_search(manifest->files, needed, {}, &AuditFile::path))
        return refuse("does not list " + needed);
    report_.instance = manifest->instance;
    report_.tenant = manifest->tenant.str();
    report_.root = manifest->root.hex();
    report_.from_seq = manifest->from_seq;
    report_.to_seq = manifest->to_seq;
    findings_.seen(CheckId::kManifest, "site " + report_.instance + ", tenant " + report_.tenant +
                                           ", events " + std::to_string(report_.from_seq) + " to " +
                                           std::to_string(report_.to_seq) + " (exclusive)");
    return std::move(*manifest);
  }

  const VerifyOptions& options_;
  Findings& findings_;
  Report& report_;
};

// The digests say that a file is damaged; where, only a second look says.
void name_the_line(const std::string& path, const VerifyOptions& options, Findings& findings) {
  const Failure* first = findings.first();
  if (first == nullptr || !findings.failed(CheckId::kFiles) || !first->file.ends_with(".jsonl")) return;
  const auto damage = locate_damage(path, first->file, options.max_line_bytes);
  if (!damage || !*damage) return;  // ignoring: the file is named already
  Failure better = *first;
  better.line = (*damage)->line;
  better.reason = (*damage)->reason;
  if (const auto why = findings.reason_at(better.file, better.line)) better.reason += ": " + *why;
  findings.replace_first(std::move(better));
}

Result<void> check_options(const VerifyOptions& options) {
  std::set<std::string> distinct;
  for (const verify::PublicKey& key : options.keys) distinct.insert(key.der());
  if (distinct.empty()) return fail(Code::kUsage, "no public key given; name at least one with --key");
  if (options.threshold == 0 || options.threshold > distinct.size())
    return fail(Code::kUsage, "a threshold of " + std::to_string(options.threshold) + " with " +
                                  plural(distinct.size(), "distinct key"));
  return {};
}

Result<void> check_bundle(Source& source, const VerifyOptions& options,
                          const std::optional<std::string>& earlier, Findings& findings, Report& report) {
  const auto manifest = TRY(Opening(options, findings, report).read(source));
  if (!manifest) return {};
  BundleCheck check(options, *manifest, findings);
  if (earlier) check.log().earlier(*earlier, options.keys);
  std::size_t files = 2;
  while (const auto entry = TRY(source.next())) {
    TRY(check.file(source, *entry));
    ++files;
  }
  findings.seen(CheckId::kArchive, plural(files, "file") + ", whole and nothing after the end");
  check.finish(report);
  return {};
}

bool is_about_content(Code code) {
  return code_info(code).text.starts_with("archive:") || code == Code::kTooLarge;
}

}  // namespace

Result<Report> verify_audit(const std::string& path, const VerifyOptions& options) {
  TRY(check_options(options));
  std::optional<std::string> earlier;
  if (options.previous) earlier = TRY(load_checkpoint(*options.previous));
  Report report;
  Findings findings;
  const auto checked = [&]() -> Result<void> {
    const auto source = TRY(open_source(path));
    return check_bundle(*source, options, earlier, findings, report);
  }();
  if (!checked) {
    if (!is_about_content(checked.error().code)) return fail(checked.error());
    findings.add(CheckId::kArchive, Failure{checked.error().code, "", 0, checked.error().context});
  }
  name_the_line(path, options, findings);
  findings.write(report);
  return report;
}

}  // namespace airlock::audit
