// Any manifest that can be written is read back as it was, and any edit of its text is refused or says
// another thing.
#include <rapidcheck.h>
#include <catch2/catch.hpp>

#include <algorithm>
#include <set>

#include "base/json.h"
#include "base/path.h"
#include "manifests/bundle.h"

namespace airlock::manifests::test {
namespace {

rc::Gen<std::string> component() {
  static const std::string kLetters = "abcxyzABC019._-+@ ";
  return rc::gen::map(rc::gen::container<std::string>(rc::gen::elementOf(kLetters)),
                      [](std::string s) { return "f" + s.substr(0, 40) + "e"; });
}

rc::Gen<std::string> path() {
  return rc::gen::map(rc::gen::pair(component(), rc::gen::container<std::vector<std::string>>(component())),
                      [](const auto& parts) {
                        std::string out = "data/" + parts.first;
                        for (std::size_t i = 0; i < std::min<std::size_t>(parts.second.size(), 6); ++i)
                          out += "/" + parts.second[i];
                        return out;
                      });
}

// Keeps what may stand together: no two that collide, no file below a file.
std::vector<BundleEntry> entries_of(const std::vector<std::string>& paths) {
  std::set<std::string> files, folders;
  std::vector<BundleEntry> entries;
  for (const std::string& p : paths) {
    const std::string key = collision_key(p);
    std::vector<std::string> parents;
    for (auto at = key.find('/'); at != std::string::npos; at = key.find('/', at + 1))
      parents.push_back(key.substr(0, at));
    const auto is_file = [&](const std::string& parent) { return files.contains(parent); };
    if (files.contains(key) || folders.contains(key) || std::ranges::any_of(parents, is_file)) continue;
    files.insert(key);
    folders.insert(parents.begin(), parents.end());
    entries.push_back({.path = p,
                       .sha256 = Digest::of(*rc::gen::arbitrary<std::string>()),
                       .size = *rc::gen::inRange<std::uint64_t>(0, 8 * kGiB),
                       .executable = *rc::gen::arbitrary<bool>(),
                       .media_type = *rc::gen::element<std::string>(
                           "application/json", "application/octet-stream", "text/x-a+b")});
  }
  std::ranges::sort(entries, {}, &BundleEntry::path);
  return entries;
}

template <class T>
std::vector<T> some_of(const std::vector<T>& all) {
  std::vector<T> out;
  for (const T& item : all)
    if (*rc::gen::arbitrary<bool>()) out.push_back(item);
  return out;
}

BundleManifest any_manifest() {
  std::vector<std::string> paths = *rc::gen::nonEmpty(rc::gen::container<std::vector<std::string>>(path()));
  std::vector<std::string> tenants = some_of<std::string>({"acme", "b.c", "d-e", "x_1"});
  if (tenants.empty()) tenants = {"*"};
  const auto generation = *rc::gen::arbitrary<std::uint64_t>();
  std::map<std::string, StalenessBudget> budgets;
  for (const std::string& category : some_of<std::string>({"advisories", "anchor", "mirrors"})) {
    const auto seconds = *rc::gen::inRange<std::uint64_t>(1, 1'000'000);
    budgets[category] = {seconds, seconds * 3};
  }
  std::optional<BundleBase> base;
  if (*rc::gen::arbitrary<bool>())
    base = BundleBase{BundleId::parse("other-kit").value(), *rc::gen::arbitrary<std::uint64_t>(),
                      Digest::of("base")};
  std::vector<BundleEntry> entries = entries_of(paths);
  if (base)
    for (const BundleEntry& entry : some_of(entries))
      if (base->find(entry.sha256) == nullptr) {
        base->patches.push_back({entry.sha256, Digest::of("old"), Digest::of(entry.path), entry.size + 1});
        std::ranges::sort(base->patches, {}, &BundlePatch::sha256);
      }
  return {.bundle_id = BundleId::parse("kit").value(),
          .kind = *rc::gen::element(BundleKind::kOfflineKit, BundleKind::kDagPack, BundleKind::kData,
                                    BundleKind::kState),
          .version = SemVer::parse(*rc::gen::element<std::string>("1.0.0", "0.0.1-a.1", "10.2.3+b")).value(),
          .generation = generation,
          .created_at = Instant::from_millis(*rc::gen::inRange<std::int64_t>(0, 4'102'444'800'000)),
          .producer =
              *rc::gen::element<std::string>("acme", "Z\xC3\xBCrich \"quoted\" \\ back", "\xF0\x9F\x94\x92"),
          .tenants = tenants,
          .entries = entries,
          .base = base,
          .budgets = budgets};
}

}  // namespace

TEST_CASE("Property: what is written is canonical, and is read back as it was") {
  CHECK(rc::check([] {
    const BundleManifest manifest = any_manifest();
    const std::string text = write_bundle_statement(manifest).value();
    RC_ASSERT(parse_bundle_statement(text).value() == manifest);
    RC_ASSERT(canonical_json(parse_json(text, "statement").value()) == text);
    RC_ASSERT(write_bundle_statement(parse_bundle_statement(text).value()).value() == text);
  }));
}

TEST_CASE("Property: a changed byte is refused, or what is read is written as other bytes") {
  CHECK(rc::check([] {
    const std::string text = write_bundle_statement(any_manifest()).value();
    std::string edited = text;
    const auto at = *rc::gen::inRange<std::size_t>(0, text.size());
    edited[at] = *rc::gen::distinctFrom(text[at]);
    const auto parsed = parse_bundle_statement(edited);
    if (parsed) RC_ASSERT(write_bundle_statement(*parsed).value() != text);
  }));
}

}  // namespace airlock::manifests::test
