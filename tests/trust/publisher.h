// What the trust tests share: a publisher whose roles have one key each, by letter, and a folder to publish in.
#pragma once

#include <algorithm>
#include <string>
#include <vector>

#include "tests/bundle/support.h"
#include "trust/tuf_repo.h"

namespace airlock::trust::test {

using bundle::test::kNow;
using bundle::test::TempDir;

constexpr std::int64_t kDay = 86'400'000;

inline std::vector<verify::PrivateKey> keys(std::string_view letters) {
  std::vector<verify::PrivateKey> out;
  for (const char letter : letters) out.push_back(verify::PrivateKey::from_pem(bundle::test::key(letter).pem().view()).value());
  return out;
}

inline verify::tuf::RoleKeys role(std::string_view letters, std::uint64_t threshold = 1) {
  verify::tuf::RoleKeys out{{}, threshold};
  for (const char letter : letters) out.keys.push_back(bundle::test::key(letter).public_key());
  return out;
}

// r: root, t: targets, s: snapshot, m: timestamp.
inline std::map<std::string, verify::tuf::RoleKeys> roles() {
  return {{"root", role("r")}, {"targets", role("t")}, {"snapshot", role("s")}, {"timestamp", role("m")}};
}
inline constexpr std::string_view kAllKeys = "rtsm";

struct Publisher {
  TempDir dir;
  TufRepo repo = TufRepo::create(dir / "repo", roles(), default_lifetimes(), kNow).value();

  SignReport sign(std::string_view letters = kAllKeys, Instant now = kNow) { return repo.sign(keys(letters), now).value(); }
  std::string folder() const { return dir.path() + "/repo"; }
  std::string file(const std::string& name) const { return bundle::test::read_whole(folder() + "/" + name); }
  std::string first_root() const { return file("metadata/1.root.json"); }
};

}  // namespace airlock::trust::test
