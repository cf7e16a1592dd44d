// README.txt promises that sha256sum and openssl are enough: its commands are taken from it and run as they stand.
#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <sys/wait.h>

#include "base/io.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;

namespace {

struct Ran {
  int status = -1;
  std::string output;   // of both streams
};

Ran run_shell(const std::string& command) {
  Ran ran;
  FILE* pipe = ::popen(("{ " + command + "\n} 2>&1").c_str(), "r");
  REQUIRE(pipe != nullptr);
  char buffer[4096];
  for (std::size_t n = 0; (n = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) ran.output.append(buffer, n);
  const int status = ::pclose(pipe);
  ran.status = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  return ran;
}

// The indented lines behind the heading that promises them.
std::string commands(const std::string& readme) {
  const std::size_t start = readme.find("VERIFY WITH sha256sum AND openssl ONLY");
  REQUIRE(start != std::string::npos);
  std::string out;
  for (std::size_t at = start; at < readme.size();) {
    const std::size_t end = readme.find('\n', at);
    const std::string line = readme.substr(at, end - at);
    if (line.starts_with("    ")) out += line.substr(4) + "\n";
    at = end + 1;
  }
  return out;
}

// As README.txt says: unpack into an empty folder with tar, go there, set KEY, run them with "set -e".
Ran follow_readme(const std::string& archive, const verify::PublicKey& key) {
  const TempDir folder;
  must(write_file_durably(folder / "key.pub", key.pem()));
  must(make_dirs(folder / "bundle"));
  const Ran unpacked = run_shell("cd " + folder.path() + "/bundle && tar --zstd -xf " + archive);
  INFO(unpacked.output);
  REQUIRE(unpacked.status == 0);
  const std::string script = commands(must(read_file(folder / "bundle/README.txt", 1 << 20)));
  must(write_file_durably(folder / "commands.sh", script));
  return run_shell("cd " + folder.path() + "/bundle && KEY=" + folder.path() + "/key.pub TMPDIR=" + folder.path() + " sh -e ../commands.sh");
}

}  // namespace

TEST_CASE("README.txt's commands accept a good bundle with nothing but coreutils and openssl") {
  Site site;
  site.everything();
  ExportRequest request = site.request("");
  request.signers.push_back(&site.auditor);
  const std::string path = site.export_to("a.tar.zst", request);
  for (const verify::PrivateKey* key : {&site.key, &site.auditor}) {
    const Ran ran = follow_readme(path, key->public_key());
    INFO(ran.output);
    CHECK(ran.status == 0);
    CHECK(ran.output.find("signed by ") != std::string::npos);
    CHECK(ran.output.find("every file as signed") != std::string::npos);
    CHECK(ran.output.find("no file beyond these") != std::string::npos);
  }
}

TEST_CASE("README.txt's commands refuse a changed file, a missing one, an extra one and another key") {
  Site site;
  site.everything();
  const Bundle whole = Bundle::load(site.export_to("a.tar.zst"));
  const auto refused = [&](const std::string& name, const verify::PublicKey& key, auto change) {
    INFO(name);
    Bundle copy = whole;
    change(copy);
    copy.save(site.folder / (name + ".tar.zst"));
    const Ran ran = follow_readme(site.folder / (name + ".tar.zst"), key);
    INFO(ran.output);
    CHECK(ran.status != 0);
    CHECK(ran.output.find("no file beyond these") == std::string::npos);
  };
  const verify::PublicKey& key = site.key.public_key();
  refused("changed", key, [](Bundle& b) { b.edit_line("history.jsonl", 3, "acme", "acmf"); });
  refused("missing", key, [](Bundle& b) { b.files.erase("jobs.jsonl"); });
  refused("extra", key, [](Bundle& b) { b.files["notes.txt"] = "x\n"; });
  refused("statement", key, [&](Bundle& b) {
    b.edit_line("history.jsonl", 3, "acme", "acmf");
    b.reseal({&site.stranger});
  });
  refused("stranger", site.stranger.public_key(), [](Bundle&) {});
}
