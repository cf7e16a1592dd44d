// What the bundle tests share: a folder that cleans up, keys, a site, and bundles made part by part so that each part
// can be made wrong.
#pragma once

#include <map>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "bundle/build.h"
#include "bundle/import.h"
#include "ledger/catalog.h"
#include "ledger/history.h"
#include "ledger/ledger.h"
#include "verify/keys.h"

namespace airlock::bundle::test {

class TempDir {
 public:
  explicit TempDir(const std::string& parent = "/tmp");
  ~TempDir();
  TempDir(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

// In memory where there is such a place: for sweeps of many hundred imports, which would wait for the disk each time.
std::string memory_folder();
void write_file(const std::string& path, std::string_view bytes, unsigned mode = 0644);  // makes the folders
std::string read_whole(const std::string& path);
std::string noise(std::size_t size, std::uint64_t seed = 1);

const verify::PrivateKey& key(char seed);  // the same key for the same letter
manifests::TrustRoots roots(std::string_view keys, std::uint64_t threshold = 1);
inline const Instant kNow = Instant::parse("2026-11-21T12:00:00Z").value();
inline TenantId tenant(std::string_view name = "acme") { return TenantId::parse(name).value(); }

struct Member {
  std::string path, bytes;
  bool executable = false;
};

// A bundle taken apart. Change any part, then file() it.
struct Parts {
  manifests::BundleManifest manifest;
  std::vector<Member> members;                  // behind the manifest, in archive order
  std::string signers = "a";                    // letters of key()
  std::string payload_type{manifests::kStatementPayloadType};
  std::function<std::string(std::string)> edit_statement, edit_envelope, edit_tar, edit_file;  // empty: as it is

  std::string statement() const;
  std::string file() const;
};
manifests::BundleEntry entry_of(const Member& member);
Parts parts(std::uint64_t generation = 1, const std::string& version = "1.0.0");  // data, a DAG and its plugin
void list_members(Parts& parts);                                                  // entries := members
std::string tar_member(const Member& member);

struct Site {
  explicit Site(std::string_view trusted = "a", std::uint64_t threshold = 1, Fs& fs = system_fs());
  // A second look at the same home, as another process would have it.
  Site(const std::string& home, std::string_view trusted, std::uint64_t threshold, Fs& fs);

  ImportOutcome import(const std::string& path, ImportRequest change);
  ImportOutcome import(const std::string& path);
  ImportOutcome import_bytes(std::string_view file);  // through inbox/
  ImportRequest request(const std::string& path) const;

  std::string state() const;         // catalog, items and every blob with its digest: equal texts, equal states
  std::vector<std::string> kinds() const;      // of the tenant's history
  Json last_event() const;
  std::string content(const std::string& path) const;  // of a member of the active bundle acme-kit

  std::unique_ptr<TempDir> dir;
  std::string home;
  std::unique_ptr<Store> store;
  std::unique_ptr<ledger::Ledger> ledger;
  Quarantine quarantine;
  std::optional<manifests::TrustRoots> trust;
  std::vector<airlock::trust::Repository> repositories;  // TUF repositories that the site follows: none
  ManualClock clock{kNow};
  SeededEntropy entropy{7};
};

std::string code_of(const ImportOutcome& outcome);  // "accepted", or the code's text

}  // namespace airlock::bundle::test
