#include "verify/tuf/paths.h"

#include <catch2/catch.hpp>

using namespace airlock;
using namespace airlock::verify::tuf;

TEST_CASE("a path pattern matches as a shell would, part by part") {
  const struct {
    const char* pattern;
    const char* path;
    bool matches;
  } rows[] = {
      {"foo", "foo", true},          {"foo", "foo/", false},          {"", "", true},
      {"*", "foo.tgz", true},        {"*", "a/foo.tgz", false},       {"*/*", "a/foo.tgz", true},
      {"*.tgz", "foo.tgz", true},    {"*.tgz", "foo.txt", false},     {"foo-?.tgz", "foo-1.tgz", true},
      {"foo-?.tgz", "foo-.tgz", false}, {"foo-?.tgz", "foo-\xC3\xB6.tgz", true}, {"?", "/", false},
      {"a*b*c", "aXbYbZc", true},    {"a*b*c", "acb", false},         {"targets/*/x", "targets/y/x", true},
      {"targets/*/x", "targets/y/z/x", false}, {"**", "abc", true},   {"[abc].txt", "b.txt", true},
      {"[abc].txt", "d.txt", false}, {"[!abc].txt", "d.txt", true},   {"[a-c]", "b", true},
      {"[a-c]", "-", false},         {"[]]", "]", true},              {"[", "[", true},
      {"[ab", "[ab", true},          {"a\\*", "a*", false},           {"a/b", "a", false},
  };
  for (const auto& row : rows) {
    INFO(row.pattern << " on " << row.path);
    CHECK(matches(row.pattern, row.path) == row.matches);
  }
}

TEST_CASE("a hostile pattern does not take forever") {
  const std::string pattern = "*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*a*b", path(4000, 'a');
  CHECK_FALSE(matches(pattern, path));
}

TEST_CASE("a role's name becomes one path component") {
  CHECK(file_name("root") == "root.json");
  CHECK(file_name("root", 3) == "3.root.json");
  CHECK(file_name("../a") == "..%2Fa.json");
  CHECK(file_name("\xC3\xB6 ~") == "%C3%B6%20~.json");
  CHECK(with_hash("a/b.txt", "ff") == "a/ff.b.txt");
  CHECK(with_hash("b.txt", "ff") == "ff.b.txt");
}

TEST_CASE("a target belongs to the succinct role that its hash names") {
  const SuccinctRoles roles{{}, 5, "bin"};
  const std::string hash = Digest::of("foo.txt").hex();
  const unsigned first = static_cast<unsigned>(std::stoul(hash.substr(0, 2), nullptr, 16)) >> 3;
  static constexpr char kHex[] = "0123456789abcdef";
  CHECK(succinct_role_of(roles, "foo.txt") == std::string("bin-") + kHex[first >> 4] + kHex[first & 15]);
  CHECK(succinct_role_of({{}, 1, "b"}, "foo.txt").size() == 3);
  CHECK(succinct_role_of({{}, 32, "b"}, "foo.txt") == "b-" + hash.substr(0, 8));
}

TEST_CASE("a delegation by hash prefix looks at the hash of the path") {
  DelegatedRole role;
  role.hash_prefixes = {Digest::of("a").hex().substr(0, 2)};
  CHECK(is_delegated(role, "a"));
  CHECK(is_delegated(role, "b") == (Digest::of("b").hex().substr(0, 2) == role.hash_prefixes[0]));
}
