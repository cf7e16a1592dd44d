// verify/tuf/trusted_set: the metadata that may be believed, and the rules by which a file joins it (specification
// section 5). Bytes in, belief or error out; the order is enforced by the object's own state. No I/O, no clock.
//
// One reference time for all expiry checks is given when the set is made. Each accept_* either replaces what was
// trusted, or refuses and leaves it as it was, but for one case that the specification wants: metadata that is valid
// and expired, or older than announced, stays as the mark behind which nothing may fall back (section 5.4.3, 5.5.5).
//
// Errors: kTufMalformed, kTufSignatures, kTufVersion, kTufRollback, kTufExpired, kTufHash, kTufMissing.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "verify/tuf/metadata.h"

namespace airlock::verify::tuf {

class TrustedSet {
 public:
  // The root that everything else follows from: signed by itself; its expiry is looked at when the chain has ended.
  static Result<TrustedSet> from_root(std::string_view bytes, Instant reference_time);

  // Version N + 1, signed as N and as itself demand. Not after a timestamp was taken.
  Result<void> accept_root(std::string_view bytes);
  // kSame: the version that is trusted already; the trusted bytes stay.
  enum class Taken { kNew, kSame };
  Result<Taken> accept_timestamp(std::string_view bytes);
  // `from_own_store`: the lengths and hashes were checked when it was stored, and may have changed since.
  Result<void> accept_snapshot(std::string_view bytes, bool from_own_store);
  // `role` as delegated by `delegator`, which is trusted: "root" for "targets".
  Result<void> accept_targets(std::string_view bytes, std::string_view role, std::string_view delegator);

  const Document<Root>& root() const { return root_; }
  const std::optional<Document<Timestamp>>& timestamp() const { return timestamp_; }
  const std::optional<Document<Snapshot>>& snapshot() const { return snapshot_; }
  const Document<Targets>* targets(std::string_view role) const;  // nullptr: not taken yet

  // What the snapshot says about a targets role; kTufMissing when it says nothing.
  Result<MetaFile> announced(std::string_view role) const;
  Result<void> check_root_expiry() const;

 private:
  TrustedSet(Document<Root> root, Instant reference_time) : root_(std::move(root)), reference_time_(reference_time) {}
  Result<void> check_expiry(Instant expires, std::string_view role) const;
  Result<void> check_timestamp_current() const;
  Result<void> check_snapshot_current() const;

  Document<Root> root_;
  Instant reference_time_;
  std::optional<Document<Timestamp>> timestamp_;
  std::optional<Document<Snapshot>> snapshot_;
  std::map<std::string, Document<Targets>, std::less<>> targets_;
};

}  // namespace airlock::verify::tuf
