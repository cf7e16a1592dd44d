// cli/site: the parts of an airlock home that commands work on, opened together.
#pragma once

#include <functional>
#include <memory>
#include <optional>

#include "bundle/quarantine.h"
#include "bundle/store.h"
#include "cli/shell.h"
#include "ledger/ledger.h"
#include "manifests/trust_roots.h"
#include "trust/repository.h"
#include "verify/keys.h"

namespace airlock::cli {

struct Site {
  HomePaths home;
  std::unique_ptr<verify::PrivateKey> key;   // null when opened for reading; outlives the ledger
  ledger::Ledger ledger;
};

// For commands that change something: makes the home where needed; kSiteKeyRequired without keys/site.key.
Result<Site> open_site(const Shell& shell);
// For commands that only look: kNotFound when there is no ledger yet. Works on read-only media.
Result<Site> open_site_read_only(const Shell& shell);

// Makes a change of whom the site believes, and tells every tenant's history: kinds "trust.keys", "trust.repository",
// "trust.refreshed", "trust.root_approved", "trust.time_roots"; `change` gives what `trust show` or `time show` says then.
// The ledger is open for writing while it is made: who cannot record it does not make it. A site without tenants has no
// history yet: its imports name the keys they trusted.
Result<void> change_trust(Shell& shell, const std::string& kind, const std::string& subject, const std::function<Result<Json>()>& change);

Result<std::unique_ptr<bundle::Store>> open_store(const HomePaths& home);
Result<std::optional<manifests::TrustRoots>> load_trust_roots(const HomePaths& home);  // absent: none configured
Result<std::vector<trust::Repository>> load_repositories(const HomePaths& home);  // TUF repositories; none is fine
Result<verify::PublicKey> load_public_key(const std::string& file);  // PEM, minisign or signify

ledger::Who who(const Shell& shell);

// A progress callback that keeps one line on a terminal: what, how much of how much, rate, time left. It appears
// after one second, so that quick work stays quiet. Does nothing where stderr is not a terminal.
std::function<void(std::uint64_t, std::uint64_t)> byte_progress(Shell& shell, std::string what, std::shared_ptr<StatusLine> line);
std::shared_ptr<StatusLine> status_line(const Shell& shell);

}  // namespace airlock::cli
