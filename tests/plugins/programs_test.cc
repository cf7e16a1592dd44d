// The three programs as the sandbox runs them, fed with what they must refuse: one clear line, the right exit status,
// nothing half-written, no crash.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <vector>

#include "base/io.h"
#include "base/json.h"

using namespace airlock;
namespace fs = std::filesystem;

namespace {

const std::string kPrograms = AIRLOCK_BINARY_DIR "/plugins/";
const std::string kKit = AIRLOCK_SOURCE_DIR "/fixtures/kits/advisories/";

struct Outcome {
  int exit = -1;  // -1: killed by a signal
  std::string err, events;
};

class Scratch {
 public:
  Scratch() {
    std::string name = fs::temp_directory_path() / "airlock-plugin-XXXXXX";
    REQUIRE(::mkdtemp(name.data()) != nullptr);
    root = name;
    fs::create_directories(root + "/in");
    fs::create_directories(root + "/out");
  }
  ~Scratch() { (void)remove_tree(root); }  // ignoring: a temporary folder
  Scratch(const Scratch&) = delete;
  Scratch& operator=(const Scratch&) = delete;

  void put(const std::string& path, const std::string& text) const {
    fs::create_directories(fs::path(root + "/in/" + path).parent_path());
    std::ofstream(root + "/in/" + path, std::ios::binary) << text;
  }
  std::string out(const std::string& name) const {
    auto text = read_file(root + "/out/" + name, kMiB);
    REQUIRE(text);
    return *text;
  }
  bool out_is_empty() const { return fs::is_empty(root + "/out"); }

  // stderr and, where asked for, fd 3 go to files: no pipe can fill up.
  Outcome run(const std::string& program, std::vector<std::string> args = {}, bool events = false) const {
    args.insert(args.begin(), {kPrograms + program, "--in", root + "/in", "--out", root + "/out"});
    std::vector<char*> argv;
    for (std::string& arg : args) argv.push_back(arg.data());
    argv.push_back(nullptr);
    const std::string err = root + "/err", fd3 = root + "/fd3";
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(::open(err.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 2);
      if (events) ::dup2(::open(fd3.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600), 3);
      else ::close(3);
      ::execv(argv[0], argv.data());
      ::_exit(99);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    Outcome outcome;
    if (WIFEXITED(status)) outcome.exit = WEXITSTATUS(status);
    outcome.err = read_file(err, kMiB).value_or("");
    if (events) outcome.events = read_file(fd3, kMiB).value_or("");
    return outcome;
  }

  std::string root;
};

const std::string kIndex = R"({"schema":"airlock.osv-index/v1","advisories":{},"packages":[]})";
const std::string kSbom = R"({"bomFormat":"CycloneDX","specVersion":"1.6"})";
const std::string kRecord = R"({"id":"A-1","modified":"2026-01-01T00:00:00Z"})";

void check_refused(const Scratch& scratch, const Outcome& outcome, int exit) {
  CHECK(outcome.exit == exit);
  CHECK(std::ranges::count(outcome.err, '\n') == 1);
  CHECK(outcome.err.size() < 1000);
  CHECK(scratch.out_is_empty());
}

struct Case {
  std::string name, text;
};

// Not one of these is a document any of the programs takes.
std::vector<Case> hostile_documents() {
  std::string deep;
  for (int i = 0; i < 100'000; ++i) deep += R"({"components":[)";
  return {
      {"empty", ""},
      {"not JSON", "<xml/>"},
      {"cut", R"({"id":"A)"},
      {"null", "null"},
      {"a list", "[]"},
      {"a number", "1e999"},
      {"a duplicate key", R"({"id":"A","id":"B","modified":"2026-01-01T00:00:00Z","bomFormat":"CycloneDX","schema":"x"})"},
      {"invalid UTF-8", "{\"id\":\"\xff\"}"},
      {"nesting without end", deep},
      {"every field of the wrong type",
       R"({"id":1,"modified":[],"affected":"x","bomFormat":{},"specVersion":1,"components":7,"schema":null,"spdxVersion":[]})"},
      {"a terminal escape in a key", "{\"\x1b[2J\":1,\"id\":\"\x1b[2J\"}"},
  };
}

}  // namespace

TEST_CASE("osv-index refuses hostile records with one line and exit 65") {
  for (const Case& c : hostile_documents()) {
    INFO(c.name);
    const Scratch scratch;
    scratch.put("osv/good.json", kRecord);
    scratch.put("osv/hostile.json", c.text);
    const Outcome outcome = scratch.run("osv-index");
    check_refused(scratch, outcome, 65);
    CHECK(outcome.err.find("hostile.json") != std::string::npos);
    CHECK(outcome.err.find('\x1b') == std::string::npos);
  }
}

TEST_CASE("sbom-match refuses hostile SBOMs and a hostile index with one line and exit 65") {
  for (const Case& c : hostile_documents()) {
    INFO(c.name);
    const Scratch scratch;
    scratch.put("index", kIndex);
    scratch.put("sbom", c.text);
    check_refused(scratch, scratch.run("sbom-match", {"--name", "x.cdx.json"}), 65);
    scratch.put("index", c.text);
    scratch.put("sbom", kSbom);
    check_refused(scratch, scratch.run("sbom-match", {"--name", "x.cdx.json"}), 65);
  }
}

TEST_CASE("vex-report refuses hostile reports with one line and exit 65") {
  for (const Case& c : hostile_documents()) {
    INFO(c.name);
    const Scratch scratch;
    scratch.put("matches/0/matches.json", c.text);
    check_refused(scratch, scratch.run("vex-report"), 65);
  }
}

TEST_CASE("every cut of a real record, SBOM and report is refused or understood, never a crash") {
  const std::string record = *read_file(kKit + "data/osv/lint-GO-2024-2963.json", kMiB);
  const std::string sbom = *read_file(kKit + "data/sboms/scratchpad.cdx.json", kMiB);
  for (std::size_t length = 0; length < record.size(); length += 97) {
    const Scratch scratch;
    scratch.put("osv/a.json", record.substr(0, length));
    INFO("record cut at " << length);
    check_refused(scratch, scratch.run("osv-index"), 65);
  }
  for (std::size_t length = 0; length + 2 < sbom.size(); length += 97) {
    const Scratch scratch;
    scratch.put("index", kIndex);
    scratch.put("sbom", sbom.substr(0, length));
    INFO("SBOM cut at " << length);
    check_refused(scratch, scratch.run("sbom-match"), 65);
  }
}

TEST_CASE("an SBOM that breaks its format where it is read is refused") {
  const char* cases[] = {
      R"({"bomFormat":"AnotherFormat","specVersion":"1.6"})",
      R"({"bomFormat":"CycloneDX"})",
      R"({"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"version":"1"}]})",
      R"({"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a","components":[3]}]})",
      R"({"bomFormat":"CycloneDX","specVersion":"1.6","components":[{"name":"a","purl":["pkg:a/b"]}]})",
      R"({"bomFormat":"CycloneDX","specVersion":"1.6","metadata":{"component":[]}})",
      R"({"spdxVersion":"SPDX-3.0","name":"x"})",
      R"({"spdxVersion":"SPDX-2.3","name":"x","packages":[{}]})",
      R"({"spdxVersion":"SPDX-2.3","name":"x","packages":[{"name":"a","externalRefs":[{"referenceType":"purl"}]}]})",
      R"({"name":"neither"})",
  };
  for (const char* text : cases) {
    INFO(text);
    const Scratch scratch;
    scratch.put("index", kIndex);
    scratch.put("sbom", text);
    check_refused(scratch, scratch.run("sbom-match"), 65);
  }
}

TEST_CASE("a missing input, a bad option and an output that cannot be written have their own exit status") {
  const Scratch scratch;
  check_refused(scratch, scratch.run("osv-index"), 66);
  check_refused(scratch, scratch.run("osv-index", {"--verbose", "1"}), 64);
  check_refused(scratch, scratch.run("osv-index", {"--in"}), 64);
  check_refused(scratch, scratch.run("sbom-match"), 66);
  check_refused(scratch, scratch.run("vex-report"), 66);
  scratch.put("osv/a.json", kRecord);
  CHECK(scratch.run("osv-index").exit == 0);
  const std::string first = scratch.out("index.json");
  CHECK(scratch.run("osv-index").exit == 74);  // the output is there already: never overwritten
  CHECK(scratch.out("index.json") == first);
}

TEST_CASE("a link among the records is refused, not followed") {
  const Scratch scratch;
  scratch.put("osv/a.json", kRecord);
  fs::create_symlink("/etc/passwd", scratch.root + "/in/osv/b.json");
  check_refused(scratch, scratch.run("osv-index"), 65);
}

TEST_CASE("two different records with one id and one time are refused, a later one wins, a withdrawn one is left out") {
  const Scratch clash;
  clash.put("osv/a.json", kRecord);
  clash.put("osv/b.json", R"({"id":"A-1","modified":"2026-01-01T00:00:00Z","summary":"other"})");
  check_refused(clash, clash.run("osv-index"), 65);

  const Scratch later;
  later.put("osv/a.json", R"({"id":"A-1","modified":"2026-02-01T00:00:00Z","summary":"new"})");
  later.put("osv/b.json", kRecord);
  later.put("osv/w.json", R"({"id":"W-1","modified":"2026-02-01T00:00:00Z","withdrawn":"2026-02-02T00:00:00Z"})");
  REQUIRE(later.run("osv-index").exit == 0);
  const auto index = parse_json(later.out("index.json"), "index");
  REQUIRE(index);
  CHECK((*index)["advisories"]["A-1"]["summary"] == "new");
  CHECK((*index)["withdrawn"] == Json::array({"W-1"}));
  CHECK_FALSE((*index)["advisories"].contains("W-1"));
}

TEST_CASE("progress and metrics are lines of JSON on fd 3, and nothing at all without it") {
  const Scratch scratch;
  scratch.put("osv/a.json", kRecord);
  const Outcome outcome = scratch.run("osv-index", {}, true);
  CHECK(outcome.exit == 0);
  CHECK(outcome.err.empty());
  CHECK(outcome.events == "{\"progress\":0.9}\n{\"metric\":{\"name\":\"advisories\",\"value\":1}}\n{\"progress\":1}\n");
}

TEST_CASE("SOURCE_DATE_EPOCH that is not a number of seconds is refused") {
  for (const char* value : {"", "now", "-1", "1.5", "99999999999999999999"}) {
    INFO(value);
    const Scratch scratch;
    scratch.put("matches/readme.txt", "");
    ::setenv("SOURCE_DATE_EPOCH", value, 1);
    const Outcome outcome = scratch.run("vex-report");
    ::unsetenv("SOURCE_DATE_EPOCH");
    check_refused(scratch, outcome, 64);
  }
}

TEST_CASE("a foreign document cannot draw a row of its own in the summary") {
  const Scratch scratch;
  scratch.put("matches/0/matches.json",
              R"({"schema":"airlock.sbom-match/v1","sbom":{"file":"a|b\n| GO-1","product":"","serial":"","format":"x"},)"
              R"("counts":{"components":1,"purls":1,"affected":1,"unaffected":0,"unclear":0,"malformed":0,"withoutPurl":0},)"
              R"("matches":[{"purl":"pkg:a/b|c","advisory":"A-1","aliases":[],"summary":"x\n# y <b>","package":"b","version":"1","fixed":null}],)"
              R"("unknownVersions":[],"undecided":[]})");
  REQUIRE(scratch.run("vex-report").exit == 0);
  const std::string summary = scratch.out("summary.md");
  CHECK(summary.find("\n| GO-1") == std::string::npos);
  CHECK(summary.find("\n# y") == std::string::npos);
  CHECK(summary.find("a\\|b") != std::string::npos);
}
