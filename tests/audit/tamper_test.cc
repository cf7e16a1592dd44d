// Every way to change an audit bundle that we could think of, and where it is found.
#include <algorithm>
#include <catch2/catch.hpp>
#include <functional>
#include <unistd.h>

#include "base/io.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;
namespace audit_path = airlock::manifests::audit_path;

namespace {

struct Tampering {
  const char* name;
  Code code;
  std::string file;
  std::uint64_t line;
  std::function<void(Bundle&)> change;
};

// One site and its export, made once: every case edits a copy.
struct Exported {
  Site site;
  Bundle bundle;
  Exported() {
    site.everything();
    bundle = Bundle::load(site.export_to("all.tar.zst"));
  }
};

Exported& exported() {
  static Exported once;
  return once;
}

Report check_changed(const std::function<void(Bundle&)>& change, const VerifyOptions& options) {
  Bundle copy = exported().bundle;
  change(copy);
  const TempDir folder;
  copy.save(folder / "x.tar.zst");
  copy.save_folder(folder / "x");
  const Report archive = verified(folder / "x.tar.zst", options);
  const Report unpacked = verified(folder / "x", options);
  // Archive and folder must be judged alike.
  REQUIRE(archive.failure.has_value() == unpacked.failure.has_value());
  if (archive.failure) {
    CHECK(archive.failure->code == unpacked.failure->code);
    CHECK(archive.failure->file == unpacked.failure->file);
    CHECK(archive.failure->line == unpacked.failure->line);
  }
  return archive;
}

void require_refused(const Report& report, Code code, const std::string& file, std::uint64_t line) {
  REQUIRE(report.failure);
  INFO(failure_text(*report.failure));
  CHECK(code_info(report.failure->code).text == code_info(code).text);
  CHECK(report.failure->file == file);
  CHECK(report.failure->line == line);
  CHECK(code_info(report.failure->code).exit_status == 2);
  CHECK(!report.accepted);
  CHECK(!report.checks.back().ok);
}

// Letters that do not compress away: a line that is only long must be found to be that, not a bomb.
std::string noise(std::size_t size) {
  std::string out(size, 'a');
  std::uint32_t state = 1;
  for (char& c : out) {
    state = state * 1664525U + 1013904223U;
    c = static_cast<char>('a' + (state >> 28));
  }
  return out;
}

void flip(std::string& text, std::size_t at) { text.at(at) = static_cast<char>(text.at(at) ^ 1); }

std::uint64_t line_of(const std::string& text, std::size_t at) {
  return 1 + static_cast<std::uint64_t>(std::count(text.begin(), text.begin() + static_cast<std::ptrdiff_t>(at), '\n'));
}

std::size_t find_line(const Bundle& bundle, std::string_view file, const std::string& what) {
  const auto lines = bundle.lines(file);
  const auto it = std::ranges::find_if(lines, [&](const std::string& line) { return line.find(what) != std::string::npos; });
  if (it == lines.end()) throw std::runtime_error(what + " is in no line of " + std::string(file));
  return static_cast<std::size_t>(it - lines.begin()) + 1;
}

}  // namespace

TEST_CASE("one changed byte in any file is refused, and the line of a record is named") {
  const Bundle& whole = exported().bundle;
  for (const auto& [path, bytes] : whole.files) {
    if (bytes.empty()) continue;
    const std::size_t at = bytes.size() / 2;
    INFO(path << " byte " << at);
    const Report report = check_changed([&](Bundle& b) { flip(b.at(path), at); }, exported().site.trust());
    REQUIRE(report.failure);
    INFO(failure_text(*report.failure));
    const bool signatures = path == audit_path::kSignatures, manifest = path == audit_path::kManifest;
    CHECK(report.failure->file == path);
    CHECK(report.failure->code == (signatures ? Code::kAuditSignature : manifest ? Code::kAuditManifest : Code::kAuditFile));
    CHECK(report.failure->line == (path.ends_with(".jsonl") ? line_of(bytes, at) : 0));
  }
}

TEST_CASE("every line of every record file is named when it is changed") {
  const Bundle& whole = exported().bundle;
  for (const std::string path : {"history.jsonl", "jobs.jsonl", "runs.jsonl", "throttles.jsonl", "bundles.jsonl"}) {
    const std::size_t count = whole.lines(path).size();
    for (std::size_t number = 1; number <= count; ++number) {
      INFO(path << " line " << number);
      Bundle copy = whole;
      copy.edit_line(path, number, "acme", "acmf");
      const TempDir folder;
      copy.save_folder(folder / "x");
      const Report report = verified(folder / "x", exported().site.trust());
      require_refused(report, Code::kAuditFile, path, number);
    }
  }
}

TEST_CASE("edits by somebody without a key are refused at the file and line") {
  const std::string history(audit_path::kHistory);
  const Bundle& whole = exported().bundle;
  const std::size_t last = whole.lines(history).size();
  const auto edit_lines = [](const std::string& path, std::function<void(std::vector<std::string>&)> how) {
    return [path, how](Bundle& b) {
      auto lines = b.lines(path);
      how(lines);
      b.set_lines(path, lines);
    };
  };
  const std::vector<Tampering> cases = {
      {"a line is removed", Code::kAuditFile, history, 5, edit_lines(history, [](auto& l) { l.erase(l.begin() + 4); })},
      {"a line is there twice", Code::kAuditFile, history, 6, edit_lines(history, [](auto& l) { l.insert(l.begin() + 5, l[4]); })},
      {"two lines change places", Code::kAuditFile, history, 5, edit_lines(history, [](auto& l) { std::swap(l[4], l[5]); })},
      {"the last line is removed", Code::kAuditFile, history, last, edit_lines(history, [](auto& l) { l.pop_back(); })},
      {"a line is appended", Code::kAuditFile, history, last + 1, edit_lines(history, [](auto& l) { l.push_back(l.back()); })},
      {"a blank line is put in", Code::kAuditFile, history, 3, edit_lines(history, [](auto& l) { l.insert(l.begin() + 2, ""); })},
      {"a blank is put into a line", Code::kAuditFile, history, 2, [&](Bundle& b) { b.edit_line(history, 2, ",", ", "); }},
      {"a key is there twice", Code::kAuditFile, history, 2, [&](Bundle& b) { b.edit_line(history, 2, R"("seq":1)", R"("seq":1,"seq":1)"); }},
      {"a run's state is edited", Code::kAuditFile, "runs.jsonl", 2, [](Bundle& b) { b.edit_line("runs.jsonl", 2, R"("state":"failed","steps")", R"("state":"succeeded","steps")"); }},
      {"evidence is edited", Code::kAuditFile, "runs.jsonl", 1, [](Bundle& b) { b.edit_line("runs.jsonl", 1, R"("oomKilled":false)", R"("oomKilled":true)"); }},
      {"a line of 100 MB", Code::kAuditFile, history, 4, edit_lines(history, [](auto& l) { l[3] = noise(100'000'000); })},
      {"the last line feed is cut off", Code::kAuditFile, "jobs.jsonl", 0, [](Bundle& b) { b.at("jobs.jsonl").pop_back(); }},
      {"a file is missing", Code::kAuditFile, "jobs.jsonl", 0, [](Bundle& b) { b.files.erase("jobs.jsonl"); }},
      {"a schema is missing", Code::kAuditFile, "schemas/audit-runs.schema.json", 0, [](Bundle& b) { b.files.erase("schemas/audit-runs.schema.json"); }},
      {"a file is too much", Code::kAuditFile, "zz-extra.txt", 0, [](Bundle& b) { b.files["zz-extra.txt"] = "hello\n"; }},
      {"a second envelope is put in", Code::kAuditFile, "signatures/other.json", 0, [](Bundle& b) { b.files["signatures/other.json"] = "{}\n"; }},
      {"the manifest is edited", Code::kAuditManifest, "manifest.json", 0, [](Bundle& b) { b.edit_line("manifest.json", 1, R"("tenant":"acme")", R"("tenant":"umbrella")"); }},
      {"the manifest is missing", Code::kAuditManifest, "manifest.json", 0, [](Bundle& b) { b.files.erase("manifest.json"); }},
      {"the signatures are missing", Code::kAuditSignature, std::string(audit_path::kSignatures), 0, [](Bundle& b) { b.files.erase(std::string(audit_path::kSignatures)); }},
      {"the checkpoint is another one", Code::kAuditFile, "proofs/checkpoint", 0, [](Bundle& b) { flip(b.at("proofs/checkpoint"), 60); }},
  };
  for (const Tampering& c : cases) {
    INFO(c.name);
    require_refused(check_changed(c.change, exported().site.trust()), c.code, c.file, c.line);
  }
}

TEST_CASE("an attacker who recomputes every digest still has no key") {
  Bundle copy = exported().bundle;
  copy.edit_line("runs.jsonl", 1, R"("oomKilled":false)", R"("oomKilled":true)");
  copy.reseal({&exported().site.stranger});
  const TempDir folder;
  copy.save(folder / "x.tar.zst");
  require_refused(verified(folder / "x.tar.zst", exported().site.trust()), Code::kAuditSignature, std::string(audit_path::kSignatures), 0);
}

TEST_CASE("what a signer could forge is found by the proofs and the cross-checks") {
  const std::string history(audit_path::kHistory);
  const Bundle& whole = exported().bundle;
  const std::size_t attempt = find_line(whole, history, R"("kind":"step.attempt")");
  const std::string replay = std::ranges::find_if(whole.files, [](const auto& f) { return f.first.starts_with("replay/"); })->first;
  const auto edit = [](std::string file, std::size_t line, std::string from, std::string to) {
    return [=](Bundle& b) { b.edit_line(file, line, from, to); };
  };
  const std::vector<Tampering> cases = {
      {"white space in a line", Code::kAuditLine, history, 2, edit(history, 2, ",", ", ")},
      {"a duplicate key", Code::kAuditLine, history, 2, edit(history, 2, R"("seq":1)", R"("seq":1,"seq":1)")},
      {"keys out of order", Code::kAuditLine, history, 2, edit(history, 2, R"("seq":1,"subject")", R"("subjecs":"x","seq":1,"subject")")},
      {"an escape that canonical form does not use", Code::kAuditLine, history, 2, edit(history, 2, "acme", "\\u0061cme")},
      {"an unknown member", Code::kAuditLine, history, 2, edit(history, 2, R"(,"ts")", R"(,"trap":1,"ts")")},
      {"a number in another spelling", Code::kAuditLine, history, attempt, edit(history, attempt, "12.5", "1.25e1")},
      {"a sequence number that jumps", Code::kAuditOrder, history, 2, edit(history, 2, R"("seq":1,)", R"("seq":7,)")},
      {"an event of another tenant", Code::kAuditMerkle, history, 0, edit(history, 2, R"("tenant":"acme")", R"("tenant":"umbrella")")},
      {"an edited event", Code::kAuditMerkle, history, 0, edit(history, attempt, R"("oomKilled":false)", R"("oomKilled":true)")},
      {"a removed last event", Code::kAuditMerkle, history, 0, [&](Bundle& b) { auto l = b.lines(history); l.pop_back(); b.set_lines(history, l); }},
      {"a job's state", Code::kAuditCrossCheck, "jobs.jsonl", 1, edit("jobs.jsonl", 1, R"("state":")", R"("state":"x)")},
      {"a run's state", Code::kAuditCrossCheck, "runs.jsonl", 2, edit("runs.jsonl", 2, R"("state":"failed","steps")", R"("state":"succeeded","steps")")},
      {"a step's state", Code::kAuditCrossCheck, "runs.jsonl", 1, edit("runs.jsonl", 1, R"("state":"succeeded","stepHash")", R"("state":"cached","stepHash")")},
      {"evidence in a run's record", Code::kAuditCrossCheck, "runs.jsonl", 1, edit("runs.jsonl", 1, R"("peakMemory":1048576)", R"("peakMemory":1048577)")},
      {"an outputs hash", Code::kAuditCrossCheck, "runs.jsonl", 1, edit("runs.jsonl", 1, R"("outputsHash":")", R"("outputsHash":"0)")},
      {"an actor", Code::kAuditCrossCheck, "runs.jsonl", 1, edit("runs.jsonl", 1, "olga", "olgb")},
      {"a plan hash taken away", Code::kAuditCrossCheck, "runs.jsonl", 1, [](Bundle& b) {
         const std::string line = b.lines("runs.jsonl").at(0);
         b.edit_line("runs.jsonl", 1, line.substr(line.find("\"planHash\""), 78), "");
       }},
      {"a start time", Code::kAuditCrossCheck, "runs.jsonl", 1, edit("runs.jsonl", 1, R"("startedAt":"2026)", R"("startedAt":"2025)")},
      {"a record without its run", Code::kAuditCrossCheck, "runs.jsonl", 0, [](Bundle& b) { auto l = b.lines("runs.jsonl"); l.pop_back(); b.set_lines("runs.jsonl", l); b.files.erase(std::ranges::find_if(b.files, [](const auto& f) { return f.first.starts_with("replay/"); })); }},
      {"a job's record left out", Code::kAuditCrossCheck, "jobs.jsonl", 0, [](Bundle& b) { auto l = b.lines("jobs.jsonl"); l.erase(l.begin()); b.set_lines("jobs.jsonl", l); }},
      {"jobs out of order", Code::kAuditOrder, "jobs.jsonl", 2, [](Bundle& b) { auto l = b.lines("jobs.jsonl"); std::swap(l[0], l[1]); b.set_lines("jobs.jsonl", l); }},
      {"runs out of order", Code::kAuditOrder, "runs.jsonl", 2, [](Bundle& b) { auto l = b.lines("runs.jsonl"); std::swap(l[0], l[1]); b.set_lines("runs.jsonl", l); }},
      {"a governance change left out of its file", Code::kAuditCrossCheck, "throttles.jsonl", 1, [](Bundle& b) { b.at("throttles.jsonl").clear(); }},
      {"a governance change made up", Code::kAuditCrossCheck, "incidents.jsonl", 2, [](Bundle& b) { auto l = b.lines("incidents.jsonl"); l.push_back(l[0]); b.set_lines("incidents.jsonl", l); }},
      {"an edited replay manifest", Code::kAuditCrossCheck, replay, 0, edit(replay, 1, R"("identical":true)", R"("identical":false)")},
      {"a replay manifest left out", Code::kAuditCrossCheck, replay, 0, [&](Bundle& b) { b.files.erase(replay); }},
      {"a replay manifest made up", Code::kAuditCrossCheck, "replay/none.json", 0, [](Bundle& b) { b.files["replay/none.json"] = "{}\n"; }},
      {"a checkpoint of another size", Code::kAuditCheckpoint, "proofs/checkpoint", 0, [](Bundle& b) { b.edit_line("proofs/checkpoint", 2, "", "1"); }},
      {"a compact range that is not needed", Code::kAuditMerkle, "proofs/compact-range.json", 0, edit("proofs/compact-range.json", 1, R"("size":0)", R"("size":1)")},
      {"a previous export that nobody named", Code::kAuditConsistency, "proofs/consistency.json", 0, edit("proofs/consistency.json", 1, R"("proof":[],)", R"("previous":{"root":")" + std::string(64, 'a') + R"(","size":1},"proof":[],)")},
      {"a required file that the manifest does not list", Code::kAuditManifest, "manifest.json", 0, [](Bundle& b) { b.files.erase("README.txt"); }},
  };
  for (const Tampering& c : cases) {
    INFO(c.name);
    const auto change = [&](Bundle& b) {
      c.change(b);
      b.reseal({&exported().site.key});
    };
    require_refused(check_changed(change, exported().site.trust()), c.code, c.file, c.line);
  }
}

TEST_CASE("an honest reseal changes nothing: the table above fails for its edits alone") {
  const Report report = check_changed([](Bundle& b) { b.reseal({&exported().site.key}); }, exported().site.trust());
  INFO((report.failure ? failure_text(*report.failure) : ""));
  CHECK(report.accepted);
}

TEST_CASE("a threshold of two is two keys, not two signatures") {
  const auto& site = exported().site;
  VerifyOptions both = site.trust();
  both.keys.push_back(site.auditor.public_key());
  both.threshold = 2;
  const auto twice = [&](Bundle& b) {
    std::string& envelope = b.at(audit_path::kSignatures);
    const std::size_t at = envelope.find(R"({"keyid")"), end = envelope.find("]", at);
    envelope.insert(end, "," + envelope.substr(at, end - at));
  };
  require_refused(check_changed(twice, both), Code::kAuditSignature, std::string(audit_path::kSignatures), 0);
  VerifyOptions same = site.trust();
  same.keys.push_back(site.key.public_key());
  same.threshold = 2;
  CHECK(verify_audit("unused", same).error().code == Code::kUsage);
}

TEST_CASE("an auditor's key does not stand in for the site's checkpoint") {
  Site site;
  site.run(1);
  ExportRequest request = site.request("");
  request.signers.push_back(&site.auditor);
  VerifyOptions auditor_only;
  auditor_only.keys.push_back(site.auditor.public_key());
  require_refused(verified(site.export_to("a.tar.zst", request), auditor_only), Code::kAuditCheckpoint, "proofs/checkpoint", 0);
}

TEST_CASE("events that break their own rules are found in a log that is otherwise whole") {
  struct Rule {
    const char* name;
    std::function<void(Site&)> make;
  };
  const std::vector<Rule> rules = {
      {"a governance change without a ticket", [](Site& s) { s.governance(false); }},
      {"a governance change without a reason", [](Site& s) {
         s.event({.kind = "source.paused", .subject = "source:mirror", .who = {"user:sam", std::nullopt, "OPS-1", std::nullopt}});
       }},
  };
  for (const Rule& rule : rules) {
    INFO(rule.name);
    Site site;
    site.run(1);
    rule.make(site);
    require_refused(verified(site.export_to("a.tar.zst"), site.trust()), Code::kAuditCrossCheck, "history.jsonl", site.events());
  }
  Site site;
  site.event({.kind = "breaker.opened", .subject = "breaker:feed", .who = {"system", "10 of 20 failed", std::nullopt, std::nullopt}});
  CHECK(verified(site.export_to("a.tar.zst"), site.trust()).accepted);   // the program itself has no ticket
}

TEST_CASE("a checkpoint of a forked log given with --previous is refused") {
  Site site, fork;
  site.run(1);
  fork.run(2);
  site.run(2);
  VerifyOptions options = site.trust();
  options.previous = fork.export_to("fork.tar.zst");
  require_refused(verified(site.export_to("a.tar.zst"), options), Code::kAuditConsistency, "--previous", 0);
  // One that is longer than this log, though it was the same once.
  const std::string shorter = site.export_to("short.tar.zst");
  site.run(1);
  options.previous = site.export_to("long.tar.zst");
  require_refused(verified(shorter, options), Code::kAuditConsistency, "--previous", 0);
  // One that somebody else signed.
  options.previous = site.folder / "note";
  std::string note = Bundle::load(shorter).files.at("proofs/checkpoint");
  flip(note, note.size() - 20);
  must(write_file_durably(*options.previous, note));
  require_refused(verified(site.folder / "long.tar.zst", options), Code::kAuditConsistency, "--previous", 0);
}

TEST_CASE("an archive cut at any 4 KiB, or one byte short, is refused") {
  Site& site = exported().site;
  const std::string whole = must(read_file(site.folder / "all.tar.zst", 1ULL << 30));
  std::vector<std::size_t> cuts{0, 1, whole.size() - 1};
  for (std::size_t at = 512; at < whole.size(); at += 512) cuts.push_back(at);   // finer than 4 KiB: the file is small
  for (const std::size_t cut : cuts) {
    INFO("cut at " << cut << " of " << whole.size());
    must(write_file_durably(site.folder / "cut.tar.zst", whole.substr(0, cut)));
    const Report report = verified(site.folder / "cut.tar.zst", site.trust());
    REQUIRE(report.failure);
    CHECK(code_info(report.failure->code).exit_status == 2);
  }
  must(write_file_durably(site.folder / "more.tar.zst", whole + "x"));
  const Report report = verified(site.folder / "more.tar.zst", site.trust());
  REQUIRE(report.failure);
  CHECK(code_info(report.failure->code).text.starts_with("archive:"));
}

TEST_CASE("a folder with a link or a misplaced file in it is refused") {
  Site& site = exported().site;
  exported().bundle.save_folder(site.folder / "linked");
  REQUIRE(::symlink("/etc/passwd", (site.folder / "linked/schemas/x.json").c_str()) == 0);
  const Report report = verified(site.folder / "linked", site.trust());
  REQUIRE(report.failure);
  CHECK(report.failure->code == Code::kArchiveType);
}

TEST_CASE("nothing to judge is an error, not a verdict") {
  Site& site = exported().site;
  CHECK(verify_audit(site.folder / "nothing", site.trust()).error().code == Code::kNotFound);
  CHECK(verify_audit(site.folder / "all.tar.zst", {}).error().code == Code::kUsage);
  VerifyOptions options = site.trust();
  options.threshold = 0;
  CHECK(verify_audit(site.folder / "all.tar.zst", options).error().code == Code::kUsage);
}
