#include "common/purl.h"

#include <catch2/catch.hpp>

using namespace airlock;
using namespace airlock::plugin;

namespace {

struct Good {
  const char* name;
  const char* text;
  const char* ecosystem;
  const char* package;
  const char* version;
};

constexpr Good kGood[] = {
    {"a Go module", "pkg:golang/github.com/gin-gonic/gin@v1.5.0", "Go", "github.com/gin-gonic/gin", "v1.5.0"},
    {"a major version is part of the module path", "pkg:golang/helm.sh/helm/v3@v3.18.4", "Go", "helm.sh/helm/v3", "v3.18.4"},
    {"qualifiers and sub-path are dropped", "pkg:golang/a.b/c@v1.0.0?type=module&goos=linux#x/y", "Go", "a.b/c", "v1.0.0"},
    {"the slash may be percent-encoded", "pkg:golang/github.com%2Fa%2fb@v1.0.0", "Go", "github.com/a/b", "v1.0.0"},
    {"the plus may be percent-encoded", "pkg:golang/a.b/c@v2.0.0%2Bincompatible", "Go", "a.b/c", "v2.0.0+incompatible"},
    {"the plus may stand plain", "pkg:golang/a.b/c@v2.0.0+incompatible", "Go", "a.b/c", "v2.0.0+incompatible"},
    {"scheme and type without regard to case, extra slashes", "PKG://GoLang//a.b/c/@v1.0.0", "Go", "a.b/c", "v1.0.0"},
    {"no version", "pkg:golang/a.b/c", "Go", "a.b/c", ""},
    {"an empty version", "pkg:golang/a.b/c@", "Go", "a.b/c", ""},
    {"both names of the standard library", "pkg:golang/std@go1.22.1", "Go", "stdlib", "go1.22.1"},
    {"an at sign in a qualifier is no version", "pkg:golang/a.b/c?vcs_url=git@host", "Go", "a.b/c", ""},
    {"a scoped npm name", "pkg:npm/%40scope/name@1.0.0", "npm", "@scope/name", "1.0.0"},
    {"a scoped npm name, not encoded, no version", "pkg:npm/@scope/name", "npm", "@scope/name", ""},
    {"PyPI names are folded", "pkg:pypi/Zope._Interface@5.0", "PyPI", "zope-interface", "5.0"},
    {"a Maven coordinate", "pkg:maven/com.acme/lib@1.0?packaging=jar", "Maven", "com.acme:lib", "1.0"},
    {"a crate", "pkg:cargo/hyper@0.14", "crates.io", "hyper", "0.14"},
};

struct Bad {
  const char* name;
  std::string text;
};

const Bad kBad[] = {
    {"empty", ""},
    {"another scheme", "http://golang/a@v1"},
    {"no name", "pkg:golang"},
    {"no name after the slash", "pkg:golang/"},
    {"no type", "pkg:/a@1"},
    {"a type with a space", "pkg:go lang/a@1"},
    {"a cut percent escape", "pkg:golang/a%2"},
    {"a percent escape that is not hex", "pkg:golang/a%zz@1"},
    {"a NUL in the name", "pkg:golang/a%00b@1"},
    {"a line feed in the version", "pkg:golang/a@1%0A2"},
    {"invalid UTF-8", "pkg:golang/a%ff@1"},
};

}  // namespace

TEST_CASE("package URLs name the package that OSV means") {
  for (const Good& c : kGood) {
    INFO(c.name);
    const auto purl = parse_purl(c.text);
    REQUIRE(purl);
    const auto package = osv_package(*purl);
    REQUIRE(package);
    CHECK(package->ecosystem == c.ecosystem);
    CHECK(package->name == c.package);
    CHECK(purl->version == c.version);
  }
}

TEST_CASE("malformed package URLs are refused") {
  for (const Bad& c : kBad) {
    INFO(c.name);
    CHECK_FALSE(parse_purl(c.text));
  }
}

TEST_CASE("a type that OSV has no ecosystem for names no package") {
  const auto purl = parse_purl("pkg:deb/debian/libselinux1-dev@3.1-3?arch=s390x");
  REQUIRE(purl);
  CHECK_FALSE(osv_package(*purl));
}
