// cli/home: the folder an airlock site lives in, and what a command opens there.
//
// $AIRLOCK_HOME, --home, or by default /var/lib/airlock for root and $XDG_STATE_HOME/airlock (~/.local/state/airlock)
// for a user. Everything below it belongs to airlock; nothing else may write there.
#pragma once

#include <string>

#include "base/result.h"

namespace airlock::cli {

struct HomePaths {
  std::string root;
  std::string ledger() const { return root + "/ledger.db"; }
  std::string cas() const { return root + "/cas"; }
  std::string trees() const { return root + "/trees"; }
  std::string images() const { return root + "/images"; }
  std::string bundles() const { return root + "/bundles"; }
  std::string quarantine() const { return root + "/quarantine"; }
  std::string incoming() const { return root + "/incoming"; }  // parts of bundles, cmd_bundle_parts
  std::string trust() const { return root + "/trust"; }
  std::string trust_roots() const { return root + "/trust/roots.json"; }
  std::string time_roots() const { return root + "/trust/time-roots.json"; }
  std::string sigstore_rules() const { return root + "/trust/sigstore.json"; }
  std::string keys() const { return root + "/keys"; }
  std::string site_key() const { return root + "/keys/site.key"; }
  std::string site_public_key() const { return root + "/keys/site.pub"; }
  std::string runs() const { return root + "/runs"; }
  std::string outbox() const { return root + "/outbox"; }
};

// `given` is --home or empty. Creates nothing.
Result<HomePaths> locate_home(const std::string& given);

// Creates the folders that are missing, with keys/ and the home itself closed to others. Refuses a home that is a
// symbolic link, belongs to somebody else, or can be written to by others: what lies in it is trusted.
Result<void> prepare_home(const HomePaths& home);

}  // namespace airlock::cli
