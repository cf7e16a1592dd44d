// The collected hostile and odd archives: what a strict reader must refuse is refused, and what is accepted all the
// same is read exactly as the index says.
#include <catch2/catch.hpp>

#include <zstd.h>

#include "base/digest.h"
#include "base/io.h"
#include "base/json.h"
#include "support.h"

using namespace airlock;
using namespace airlock::archive;
using namespace airlock::archive::test;

namespace {

Json index_of(const std::string& folder) {
  std::string text = read_file(folder + "/index.json", 64 * kMiB).value();
  // The index writes bytes that are not UTF-8 as lone surrogates. No such name is ever accepted: any spelling will do.
  for (std::size_t at = 0; (at = text.find("\\udc", at)) != std::string::npos;) text.replace(at, 4, "\\u00");
  const auto json = parse_json(text, "index");
  if (!json) FAIL(describe(json.error()));
  return *json;
}

}  // namespace

TEST_CASE("collected tar archives") {
  const std::string folder = AIRLOCK_SOURCE_DIR "/fixtures/vectors/tar";
  std::size_t refused = 0, accepted = 0;
  const Json index = index_of(folder);
  for (const Json& c : index.at("cases")) {
    const std::string id = c.at("id"), strict = c.at("strict");
    INFO(id);
    const std::string file = c.at("files").at("archive").at("path");
    const auto got = unpack(zstd(read_file(folder + "/" + file, kGiB).value()));
    if (!got) {
      ++refused;
      CHECK(std::string(code_info(got.error().code).text).starts_with("archive:"));
      continue;
    }
    ++accepted;
    CHECK(strict != "reject");
    REQUIRE(got->size() == c.at("entries").size());
    for (std::size_t i = 0; i < got->size(); ++i) {
      CHECK((*got)[i].path == c["entries"][i].at("name").get<std::string>());
      CHECK(Digest::of((*got)[i].bytes).hex() == c["entries"][i].at("sha256").get<std::string>());
    }
  }
  INFO(refused << " refused, " << accepted << " accepted");
  CHECK(refused + accepted == 124);
}

TEST_CASE("collected zstd frames") {
  const std::string folder = AIRLOCK_SOURCE_DIR "/fixtures/vectors/zstd";
  const Json index = index_of(folder);
  for (const Json& c : index.at("cases")) {
    const std::string id = c.at("id");
    INFO(id);
    const std::string file = c.at("files").at("frame").at("path");
    // None of them holds a tar of ours: every one must be refused, by the frame rules or by the tar rules, without harm.
    const auto got = unpack(read_file(folder + "/" + file, kGiB).value());
    REQUIRE_FALSE(got);
    CHECK(std::string(code_info(got.error().code).text).starts_with("archive:"));
  }
}
