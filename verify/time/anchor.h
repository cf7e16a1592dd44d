// verify/time/anchor: the time proof of a bundle, against the time roots a site has configured.
//
// Start at verify_anchor(). A VerifiedAnchor says: a configured authority vouched that this bundle's manifest existed at
// time(), so the true time is not before it. Every proof below time/ must hold and be about this bundle; the one that
// time/anchor.json names gives the time. Errors: kTimeAnchor (anchor and proofs do not fit together), kTimeRootsRequired
// (no authority of the proof's kind is configured), and those of rfc3161.h and roughtime.h, with the member's path.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/time.h"
#include "manifests/time_anchor.h"
#include "manifests/time_roots.h"
#include "verify/keys.h"
#include "verify/time/rfc3161.h"
#include "verify/time/roughtime_report.h"

namespace airlock::verify {

// The authorities of a time-roots document, read. Chains may end at any of the certificates.
struct TimeAuthorities {
  TsaRoots tsa;
  std::vector<PublicKey> roughtime;
  static Result<TimeAuthorities> read(const manifests::TimeRoots& roots);  // kKeyUnreadable, kKeyUnsupported with the place
};

// What a proof says, whatever it is bound to: for a publisher who makes an anchor, and for looking at one.
struct TimeProof {
  Instant time;
  Millis uncertainty;
  manifests::AnchorFormat format;
  Digest signature_fingerprint;
  std::string vouched_by;  // for people: the subject of a certificate, or a key id
};
// `payload`: the bytes it must be about, the payload of a bundle's manifest.
Result<TimeProof> verify_time_proof(manifests::AnchorSource source, std::string_view proof, std::string_view payload,
                                    const TimeAuthorities& authorities);

class VerifiedAnchor {
 public:
  const manifests::TimeAnchor& get() const { return anchor_; }
  Instant time() const { return anchor_.time; }
  const std::string& vouched_by() const { return vouched_by_; }

 private:
  friend Result<VerifiedAnchor> verify_anchor(const std::map<std::string, std::string>&, std::string_view,
                                              const TimeAuthorities&);
  VerifiedAnchor(manifests::TimeAnchor anchor, std::string vouched_by)
      : anchor_(anchor), vouched_by_(std::move(vouched_by)) {}
  manifests::TimeAnchor anchor_;
  std::string vouched_by_;
};

// `members`: every member below time/ by its path, at least time/anchor.json.
Result<VerifiedAnchor> verify_anchor(const std::map<std::string, std::string>& members, std::string_view payload,
                                     const TimeAuthorities& authorities);

}  // namespace airlock::verify
