#include <catch2/catch.hpp>

#include "manifests/bundle_diff.h"

using namespace airlock;
using namespace airlock::manifests;

namespace {

BundleEntry member(const std::string& path, const std::string& bytes, bool executable = false) {
  return {path, Digest::of(bytes), bytes.size(), executable, "text/plain"};
}

std::vector<std::string> said(const std::vector<BundleEntry>& older, const std::vector<BundleEntry>& newer) {
  std::vector<std::string> out;
  for (const MemberDifference& d : diff_members(older, newer))
    out.push_back(std::string(to_string(d.change)) + " " + d.path + (d.from ? " from " + *d.from : ""));
  return out;
}

using Said = std::vector<std::string>;

TEST_CASE("what was added, removed or changed is told in path order") {
  const std::vector<BundleEntry> older{member("a", "1"), member("b", "2"), member("d", "4"), member("e", "5")};
  const std::vector<BundleEntry> newer{member("a", "1"), member("b", "two"), member("c", "3"), member("e", "5", true)};
  CHECK(said(older, newer) == Said{"changed b", "added c", "removed d", "mode e"});
  CHECK(said(newer, older) == Said{"changed b", "removed c", "added d", "mode e"});
  CHECK(said(older, older).empty());
  CHECK(said({}, older).size() == 4);
  CHECK(said({}, {}).empty());
}

TEST_CASE("the same content under another path is a move, each old path used once") {
  const std::vector<BundleEntry> older{member("a/1", "x"), member("a/2", "x"), member("keep", "x")};
  const std::vector<BundleEntry> newer{member("b/1", "x"), member("b/2", "x"), member("b/3", "x"), member("keep", "x")};
  CHECK(said(older, newer) == Said{"moved b/1 from a/1", "moved b/2 from a/2", "added b/3"});
  const std::vector<BundleEntry> runs{member("b/1", "x", true)};
  CHECK(said({member("a/1", "x")}, runs) == Said{"removed a/1", "added b/1"});
}

}  // namespace
