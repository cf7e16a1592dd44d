#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>

#include "audit/documents.h"
#include "base/io.h"
#include "ledger/history.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;
namespace audit_path = airlock::manifests::audit_path;

namespace {

std::string bytes_of(const std::string& path) { return must(read_file(path, 1ULL << 30)); }

void require_accepted(const Report& report) {
  INFO((report.failure ? failure_text(*report.failure) : "accepted"));
  REQUIRE(report.accepted);
  REQUIRE(report.checks.size() == 10);
  for (const Check& check : report.checks) {
    INFO(check.name << ": " << check.seen);
    CHECK(check.ok);
    CHECK(!check.seen.empty());
  }
}

Code error_of(const Result<ExportResult>& result) { return result ? Code::kInternal : result.error().code; }

}  // namespace

TEST_CASE("what is exported verifies with the site's public key alone") {
  Site site;
  site.everything();
  const std::string path = site.export_to("all.tar.zst");
  const Report report = verified(path, site.trust());
  require_accepted(report);
  CHECK(report.tenant == "acme");
  CHECK(report.events == site.events());
  CHECK(report.jobs == 4);
  CHECK(report.runs == 3);
  CHECK(report.steps == 6);
  CHECK(report.signers == std::vector<std::string>{site.key.key_id()});
}

TEST_CASE("a folder verifies as the archive does and holds the same bytes") {
  Site site;
  site.everything();
  const Bundle archive = Bundle::load(site.export_to("all.tar.zst"));
  const Bundle folder = Bundle::load(site.export_to("all"));
  CHECK(archive.files == folder.files);
  require_accepted(verified(site.folder / "all", site.trust()));
}

TEST_CASE("an export holds every file that the format names, and nothing else") {
  Site site;
  site.everything();
  const Bundle bundle = Bundle::load(site.export_to("all.tar.zst"));
  std::vector<std::string> expected = manifests::audit_required_files();
  expected.emplace_back(audit_path::kManifest);
  expected.emplace_back(audit_path::kSignatures);
  for (const Schema& schema : schemas()) expected.emplace_back(schema.path);
  std::size_t replays = 0;
  for (const auto& [path, bytes] : bundle.files) {
    INFO(path);
    if (path.starts_with(audit_path::kReplayFolder)) ++replays;
    else CHECK(std::ranges::find(expected, path) != expected.end());
  }
  CHECK(replays == 1);
  CHECK(bundle.files.size() == expected.size() + 1);
  CHECK(schemas().size() == 7);
  CHECK(bundle.lines(audit_path::kThrottles).size() == 1);
  CHECK(bundle.lines(audit_path::kBundles).size() == 1);
  CHECK(bundle.lines(audit_path::kIncidents).size() == 1);
  CHECK(bundle.lines(audit_path::kApprovals).empty());
}

TEST_CASE("history.jsonl is exactly what the ledger hashed") {
  Site site;
  site.everything();
  const Bundle bundle = Bundle::load(site.export_to("all.tar.zst"));
  std::string expected;
  must(ledger::for_each_line(site.ledger, site.tenant, 0, site.events(), [&](const ledger::HistoryLine& line) -> Result<void> {
    expected += line.line + "\n";
    return {};
  }));
  CHECK(bundle.files.at("history.jsonl") == expected);
}

TEST_CASE("the same window exported twice is byte-identical, also after more has happened") {
  Site site;
  site.everything();
  ExportRequest request = site.request("");
  const std::uint64_t head = site.events();
  const std::string first = bytes_of(site.export_to("1.tar.zst", request));
  CHECK(bytes_of(site.export_to("2.tar.zst", request)) == first);
  site.everything();
  request.to_seq = head;
  request.now = request.now + Millis(86'400'000);
  CHECK(bytes_of(site.export_to("3.tar.zst", request)) == first);
  request.from_seq = 0;
  CHECK(bytes_of(site.export_to("4.tar.zst", request)) == first);
}

TEST_CASE("a window that ends where no checkpoint was written gives the same bytes twice") {
  Site site;
  site.everything();
  ExportRequest request = site.request("");
  request.to_seq = site.events() - 3;
  const std::string first = bytes_of(site.export_to("1.tar.zst", request));
  CHECK(bytes_of(site.export_to("2.tar.zst", request)) == first);
  require_accepted(verified(site.folder / "1.tar.zst", site.trust()));
}

TEST_CASE("every window of a log verifies, with the edge in front of it") {
  Site site;
  site.run(2);
  site.governance();
  site.failed_job();
  const std::uint64_t head = site.events();
  for (std::uint64_t from = 0; from < head; from += 3)
    for (std::uint64_t to = from + 1; to <= head; to += 4) {
      INFO("window " << from << " to " << to);
      ExportRequest request = site.request("");
      request.from_seq = from;
      request.to_seq = to;
      const std::string name = "w" + std::to_string(from) + "-" + std::to_string(to) + ".tar.zst";
      require_accepted(verified(site.export_to(name, request), site.trust()));
    }
}

TEST_CASE("a record of a job that began before the window is as whole as one in it") {
  Site site;
  site.everything();
  const Bundle whole = Bundle::load(site.export_to("whole.tar.zst"));
  ExportRequest request = site.request("");
  request.from_seq = 5;   // in the middle of the first run
  const Bundle part = Bundle::load(site.export_to("part.tar.zst", request));
  CHECK(part.lines("runs.jsonl").at(0) == whole.lines("runs.jsonl").at(0));
  CHECK(part.lines("history.jsonl").size() == whole.lines("history.jsonl").size() - 5);
}

TEST_CASE("times select the same window as the sequence numbers they fall on") {
  Site site;
  site.everything();
  const auto lines = must(ledger::history(site.ledger, site.tenant, 0, site.events()));
  const auto ts = [&](std::size_t seq) { return must(Instant::parse(must(parse_json(lines[seq].line, "event"))["ts"].get<std::string>())); };
  ExportRequest by_time = site.request("");
  by_time.since = ts(6);
  by_time.until = ts(20);
  ExportRequest by_seq = site.request("");
  by_seq.from_seq = must(ledger::first_seq_at(site.ledger, site.tenant, ts(6)));
  by_seq.to_seq = must(ledger::first_seq_at(site.ledger, site.tenant, ts(20)));
  CHECK(bytes_of(site.export_to("t.tar.zst", by_time)) == bytes_of(site.export_to("s.tar.zst", by_seq)));
}

TEST_CASE("an export proves that its log extends the previous one") {
  Site site;
  site.run(2);
  const std::string old = site.export_to("old.tar.zst");
  site.everything();
  for (const bool partial : {false, true}) {
    ExportRequest request = site.request("");
    request.previous = old;
    if (partial) request.from_seq = site.events() - 2;   // behind the previous head: only the proof can tell
    const std::string path = site.export_to(partial ? "p.tar.zst" : "n.tar.zst", request);
    VerifyOptions options = site.trust();
    options.previous = old;
    require_accepted(verified(path, options));
    require_accepted(verified(path, site.trust()));
  }
  // A checkpoint kept by itself does as well as the bundle that it came from.
  must(write_file_durably(site.folder / "checkpoint", Bundle::load(old).files.at("proofs/checkpoint")));
  VerifyOptions options = site.trust();
  options.previous = site.folder / "checkpoint";
  require_accepted(verified(site.folder / "n.tar.zst", options));
}

TEST_CASE("a window behind the previous head and without its proof is refused, not taken on trust") {
  Site site;
  site.run(2);
  const std::string old = site.export_to("old.tar.zst");
  site.everything();
  ExportRequest request = site.request("");
  request.from_seq = site.events() - 2;
  VerifyOptions options = site.trust();
  options.previous = old;
  const Report report = verified(site.export_to("p.tar.zst", request), options);
  REQUIRE(report.failure);
  CHECK(report.failure->code == Code::kAuditConsistency);
}

TEST_CASE("adding a signature changes nothing but the signatures") {
  Site site;
  site.everything();
  for (const std::string name : {"a.tar.zst", "folder"}) {
    const std::string path = site.export_to(name);
    const Bundle before = Bundle::load(path);
    VerifyOptions both = site.trust();
    both.keys.push_back(site.auditor.public_key());
    both.threshold = 2;
    CHECK(!verified(path, both).accepted);
    CHECK(must(add_signature(path, site.auditor)) == 2);
    require_accepted(verified(path, both));
    require_accepted(verified(path, site.trust()));
    Bundle after = Bundle::load(path);
    CHECK(after.at(audit_path::kSignatures) != before.files.at(std::string(audit_path::kSignatures)));
    after.at(audit_path::kSignatures) = before.files.at(std::string(audit_path::kSignatures));
    CHECK(after.files == before.files);
    CHECK(must(add_signature(path, site.auditor)) == 2);   // again: nothing changes
  }
  // Signed by both from the start, or one after the other: the same bytes.
  ExportRequest request = site.request("");
  request.signers.push_back(&site.auditor);
  CHECK(bytes_of(site.export_to("both.tar.zst", request)) == bytes_of(site.folder / "a.tar.zst"));
}

TEST_CASE("what is not an audit bundle is not signed") {
  Site site;
  must(write_file_durably(site.folder / "x.tar.zst", "not zstd"));
  CHECK(!add_signature(site.folder / "x.tar.zst", site.auditor));
  CHECK(bytes_of(site.folder / "x.tar.zst") == "not zstd");
}

TEST_CASE("an export that cannot be made is refused with its reason") {
  Site site;
  site.run(1);
  const std::uint64_t head = site.events();
  const auto tried = [&](auto change) {
    ExportRequest request = site.request(site.folder / "never.tar.zst");
    change(request);
    return error_of(export_audit(site.ledger, request));
  };
  CHECK(tried([&](ExportRequest& r) { r.to_seq = head + 1; }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.from_seq = head; }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.from_seq = 3, r.to_seq = 3; }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.from_seq = 1, r.since = site.clock.now(); }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.tenant = must(TenantId::parse("nobody")); }) == Code::kNotFound);
  CHECK(tried([&](ExportRequest& r) { r.signers = {}; }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.signers = {&site.auditor}; }) == Code::kUsage);
  CHECK(tried([&](ExportRequest& r) { r.previous = site.folder / "nothing"; }) == Code::kNotFound);
  CHECK(tried([&](ExportRequest& r) { r.output = site.folder / "no/such/folder.tar.zst"; }) == Code::kNotFound);
  CHECK(tried([&](ExportRequest& r) { r.output = site.folder.path(); }) == Code::kAlreadyExists);
  CHECK(!path_exists(site.folder / "never.tar.zst"));
}

TEST_CASE("a previous checkpoint of a forked log is refused at export already") {
  Site site, fork;
  site.run(1);
  fork.run(2);
  const std::string other = fork.export_to("fork.tar.zst");
  site.run(3);
  ExportRequest request = site.request(site.folder / "n.tar.zst");
  request.previous = other;
  CHECK(error_of(export_audit(site.ledger, request)) == Code::kAuditConsistency);
}

TEST_CASE("export goes on while the ledger is written to, and its window stays as it was") {
  Site site;
  site.everything();
  ledger::Options options;
  options.signer = &site.key;
  ledger::Ledger second = must(ledger::Ledger::open(site.folder / "ledger.db", options));
  const std::uint64_t head = site.events();
  ExportRequest request = site.request(site.folder / "a.tar.zst");
  request.to_seq = head;
  must(export_audit(second, request));
  site.everything();
  ExportRequest again = request;
  again.output = site.folder / "b.tar.zst";
  must(export_audit(second, again));
  CHECK(bytes_of(request.output) == bytes_of(again.output));
}

TEST_CASE("an export that ends early leaves nothing under its name") {
  Site site;
  site.everything();
  // The output appears between the first look and the last step: the rename refuses, what was there stays.
  const std::string path = site.folder / "late.tar.zst";
  struct Late : Signer {
    Late(const Signer& real, std::string output) : real_(real), output_(std::move(output)) {}
    std::string key_id() const override { return real_.key_id(); }
    std::string raw_public_key() const override { return real_.raw_public_key(); }
    Result<std::string> sign(std::string_view message) const override {
      TRY(write_file_durably(output_, "somebody else's"));
      return real_.sign(message);
    }
    const Signer& real_;
    std::string output_;
  } late(site.key, path);
  ExportRequest request = site.request(path);
  request.signers = {&late};
  CHECK(error_of(export_audit(site.ledger, request)) == Code::kAlreadyExists);
  CHECK(bytes_of(path) == "somebody else's");
  std::size_t left = 0;
  for (const auto& entry : std::filesystem::directory_iterator(site.folder.path()))
    if (entry.path().filename().string().find(".partial-") != std::string::npos) ++left;
  CHECK(left == 0);
}
