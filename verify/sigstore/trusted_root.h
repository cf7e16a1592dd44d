// verify/sigstore/trusted_root: whom a Sigstore instance says to trust: `trusted_root.json` (sigstore_trustroot.proto).
//
// Certificate authorities, transparency logs (Rekor and CT) and time-stamping authorities, each with the window in which
// it is to be believed. Both ends of a window belong to it; a missing end is open. The document itself is unsigned: it
// comes from a TUF repository, or from the operator's own hand. Errors: kSigstoreTrustedRoot, kJson, kTooLarge.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "verify/certificate.h"
#include "verify/sigstore/signing_key.h"

namespace airlock::verify::sigstore {

struct Window {
  std::optional<Instant> start, end;
  bool holds(Instant t) const { return (!start || *start <= t) && (!end || t <= *end); }
};

struct Authority {                         // issues certificates or time stamps
  std::string uri;
  Certificate root;                        // the last of its chain
  std::vector<Certificate> intermediates;  // the others
  Window window;
};

struct Log {
  std::string url, id;  // id: as log entries and certificates name it
  SigningKey key;
  Window window;
};

struct TrustedRoot {
  std::vector<Authority> certificate_authorities, timestamp_authorities;
  std::vector<Log> transparency_logs, certificate_logs;

  static const Log* find(const std::vector<Log>& logs, std::string_view id);  // null: none of that id
};

Result<TrustedRoot> parse_trusted_root(std::string_view text);

}  // namespace airlock::verify::sigstore
