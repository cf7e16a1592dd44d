// A delta kit for tests, made part by part so that each part can be made wrong.
#pragma once

#include <catch2/catch.hpp>

#include <algorithm>
#include <string>

#include "archive/patch.h"
#include "support.h"

namespace airlock::bundle::test {

// A delta made by hand, each part of which can be made wrong: parts(2) on a site that holds parts(1). Carries the DAG and a
// patch for one large member; all else is in the base.
struct Delta {
  Parts base = parts(1), kit = parts(2, "2.0.0");
  std::string old_bytes = noise(200'000, 20), new_bytes = "x" + noise(200'000, 20), patch;

  Delta() {
    base.members.insert(base.members.begin() + 3, {"data/large.bin", old_bytes, false});
    kit.members.insert(kit.members.begin() + 3, {"data/large.bin", new_bytes, false});
    list_members(base);
    list_members(kit);
    patch = patch_of(old_bytes, new_bytes);
    kit.manifest.base = manifests::BundleBase{kit.manifest.bundle_id, 1, Digest::of(base.statement())};
    kit.manifest.base->patches.push_back({Digest::of(new_bytes), Digest::of(old_bytes), Digest::of(patch), patch.size()});
    kit.members = {{kit.manifest.base->patches[0].path(), patch, false}, kit.members[0], *std::ranges::find(kit.members, "data/osv/a.json", &Member::path)};
  }
  manifests::BundleEntry& entry(std::string_view path) { return *std::ranges::find(kit.manifest.entries, path, &manifests::BundleEntry::path); }
  manifests::BundlePatch& listed() { return kit.manifest.base->patches[0]; }
  void sign_patch(const std::string& bytes) {  // the publisher's own mistake
    kit.members[0].bytes = bytes;
    listed().patch_sha256 = Digest::of(bytes);
    listed().patch_bytes = bytes.size();
  }
  static std::string patch_of(const std::string& from, const std::string& to) {
    const auto memory = [](const std::string& bytes) {
      return archive::RandomBytes{bytes.size(), [&bytes](std::uint64_t at, std::span<char> into) -> Result<void> {
                                    std::ranges::copy(std::string_view(bytes).substr(at, into.size()), into.begin());
                                    return {};
                                  }};
    };
    std::string out;
    REQUIRE(archive::write_patch(memory(from), memory(to), 3, [&out](std::string_view bytes) -> Result<void> {
      out += bytes;
      return {};
    }));
    return out;
  }
};

}  // namespace airlock::bundle::test
