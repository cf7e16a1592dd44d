#include <catch2/catch.hpp>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <elf.h>
#include <sys/wait.h>

#include "base/io.h"
#include "base/json.h"
#include "tests/audit/site.h"

using namespace airlock;
using namespace airlock::audit;
using namespace airlock::audit::test;

namespace {

const std::string kProgram = AIRLOCK_BINARY_DIR "/bin/airlock-verify";

struct Ran {
  int status = -1;
  std::string out, err;
};

Ran run(const TempDir& folder, const std::string& arguments) {
  const std::string command = kProgram + " " + arguments + " >" + folder.path() + "/out 2>" + folder.path() + "/err </dev/null";
  const int status = std::system(command.c_str());
  return {WIFEXITED(status) ? WEXITSTATUS(status) : -1, must(read_file(folder / "out", 1 << 20)), must(read_file(folder / "err", 1 << 20))};
}

struct Given {
  Site site;
  std::string bundle, key;
  Given() {
    site.everything();
    bundle = site.export_to("all.tar.zst");
    key = site.folder / "site.pub";
    must(write_file_durably(key, site.key.public_key().pem()));
  }
};

}  // namespace

TEST_CASE("airlock-verify accepts a good bundle, shows each check and exits 0") {
  Given g;
  const Ran ran = run(g.site.folder, g.bundle + " --key " + g.key);
  CHECK(ran.status == 0);
  CHECK(ran.err.empty());
  CHECK(ran.out.find("VERIFIED") != std::string::npos);
  for (const char* check : {"archive", "signatures", "manifest", "files", "canonical-form", "order", "merkle-root", "checkpoint", "consistency", "cross-checks"})
    CHECK(ran.out.find(check) != std::string::npos);
  const Ran quiet = run(g.site.folder, g.bundle + " -q --key " + g.key);
  CHECK(quiet.status == 0);
  CHECK(quiet.out.empty());
}

TEST_CASE("airlock-verify names file, line and remedy of what it refuses and exits 2") {
  Given g;
  Bundle bundle = Bundle::load(g.bundle);
  bundle.edit_line("history.jsonl", 17, "acme", "acmf");
  bundle.save(g.site.folder / "bad.tar.zst");
  const Ran ran = run(g.site.folder, (g.site.folder / "bad.tar.zst") + " --key " + g.key);
  CHECK(ran.status == 2);
  CHECK(ran.err.starts_with("airlock-verify: error[audit:file]: "));
  CHECK(ran.err.find("history.jsonl line 17") != std::string::npos);
  CHECK(ran.err.find("\n  remedy: ") != std::string::npos);
  CHECK(ran.out.find("REFUSED") != std::string::npos);
}

TEST_CASE("airlock-verify --json writes one object, also when it refuses") {
  Given g;
  const Json good = must(parse_json(run(g.site.folder, g.bundle + " --json --key " + g.key).out, "report"));
  CHECK(good["accepted"] == true);
  CHECK(good["checks"].size() == 10);
  CHECK(good["verified"]["runs"] == 3);
  must(write_file_durably(g.site.folder / "x.pub", g.site.stranger.public_key().pem()));
  const Ran ran = run(g.site.folder, g.bundle + " --json --key " + (g.site.folder / "x.pub"));
  const Json bad = must(parse_json(ran.out, "report"));
  CHECK(ran.status == 2);
  CHECK(bad["accepted"] == false);
  CHECK(bad["failure"]["code"] == "audit:signature");
}

TEST_CASE("airlock-verify exits as the tables say for what is not there and for bad usage") {
  Given g;
  CHECK(run(g.site.folder, (g.site.folder / "nothing") + " --key " + g.key).status == 4);
  CHECK(run(g.site.folder, g.bundle + " --key " + (g.site.folder / "nothing")).status == 4);
  CHECK(run(g.site.folder, g.bundle).status == 2);
  CHECK(run(g.site.folder, g.bundle + " --key " + g.bundle).status == 2);
  CHECK(run(g.site.folder, g.bundle + " --kex " + g.key).status == 2);
  CHECK(run(g.site.folder, g.bundle + " --threshold 2 --key " + g.key).status == 2);
  CHECK(run(g.site.folder, "").status == 2);
  CHECK(run(g.site.folder, "--help").status == 0);
  CHECK(run(g.site.folder, "--version").out.starts_with("airlock-verify "));
}

#if !defined(__SANITIZE_ADDRESS__)  // a sanitizer has no static runtime
TEST_CASE("airlock-verify is one static file") {
  const std::string image = must(read_file(kProgram, 1ULL << 30));
  Elf64_Ehdr header;
  REQUIRE(image.size() > sizeof header);
  std::memcpy(&header, image.data(), sizeof header);
  for (std::size_t i = 0; i < header.e_phnum; ++i) {
    Elf64_Phdr segment;
    std::memcpy(&segment, image.data() + header.e_phoff + i * header.e_phentsize, sizeof segment);
    CHECK(segment.p_type != PT_INTERP);
  }
}
#endif
