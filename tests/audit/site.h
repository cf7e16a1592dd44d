// A small site for the audit tests: a ledger in a temporary folder with jobs, runs and governance, keys from fixed
// seeds, and a bundle in memory that can be edited, sealed again and written back.
#pragma once

#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "audit/audit.h"
#include "audit/verify/audit_verify.h"
#include "base/entropy.h"
#include "ledger/ledger.h"
#include "ledger/states.h"
#include "manifests/audit.h"
#include "verify/keys.h"

namespace airlock::audit::test {

class TempDir {
 public:
  TempDir();
  ~TempDir();
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Fails the test case when the result is an error.
template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

verify::PrivateKey key_of(char seed);

class Site {
 public:
  Site();

  // A job of type pack-run and its run with `steps` steps a, b, c ...; every second one needs two attempts.
  RunId run(int steps, ledger::RunState end = ledger::RunState::kSucceeded);
  RunId replay(const RunId& of);
  void failed_job();                              // fails, is retried, succeeds
  void governance(bool with_ticket = true);       // a throttle with reason and ticket
  void incident();
  void bundle_imported();
  void everything();                              // some of each
  void event(const ledger::NewEvent& event);

  ExportRequest request(const std::string& output) const;
  std::string export_to(const std::string& name, const ExportRequest& request);
  std::string export_to(const std::string& name) { return export_to(name, request(folder / name)); }
  VerifyOptions trust() const;                    // the site's key
  std::uint64_t events() const;

  TempDir folder;
  verify::PrivateKey key, auditor, stranger;
  TenantId tenant;
  ManualClock clock;
  SeededEntropy entropy{7};
  ledger::Ledger ledger;

 private:
  template <class Work>
  auto write(Work&& work) {
    clock.advance(Millis(1500));
    return must(ledger.write(clock.now(), std::forward<Work>(work)));
  }
  ledger::Who who() const;
  void run_step(const RunId& run, const StepId& step, int attempts);
  RunId create(int steps, std::optional<RunId> replay_of);
};

// All files of a bundle, by path.
struct Bundle {
  std::map<std::string, std::string> files;

  static Bundle load(const std::string& path);
  void save(const std::string& path) const;            // as an archive
  void save_folder(const std::string& path) const;
  std::string& at(std::string_view path) { return files.at(std::string(path)); }
  std::vector<std::string> lines(std::string_view path) const;
  void set_lines(std::string_view path, const std::vector<std::string>& lines);
  void edit_line(std::string_view path, std::size_t number, const std::string& from, const std::string& to);

  // Makes the manifest, the line digests and the statement fit the files again, as somebody with a key could.
  void reseal(const std::vector<const Signer*>& signers);
};

Report verified(const std::string& path, const VerifyOptions& options);

}  // namespace airlock::audit::test
