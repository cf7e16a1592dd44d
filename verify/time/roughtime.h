// verify/time/roughtime: a server's signed answer to one request (draft-ietf-ntp-roughtime; Google's original protocol).
//
// What holds of a VerifiedRoughtime: the configured long-term key signed the delegation (DELE), the delegated key signed
// the response (SREP), the Merkle path leads from this very request to ROOT, MINT <= MIDP <= MAXT, and RADI is more than
// nothing and at most an hour. So the server saw the request, and the true time was within RADI of MIDP when it answered,
// if the server is honest.
//
//   versions            frame  hash           Merkle leaf      VER stands in      times
//   original            no     SHA-512        nonce, 64 bytes  -                  microseconds
//   drafts 8 to 11      yes    SHA-512, 32 B  nonce, 32 bytes  the response       seconds
//   drafts 12 to 15, 1  yes    SHA-512, 32 B  whole request    SREP, with VERS    seconds
// Earlier drafts counted time in another way and are refused.
// Errors: kTimeMalformed (not such a message), kTimeSignature (not by this key), kTimeImprint (an answer to something else).
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "base/time.h"
#include "verify/keys.h"

namespace airlock::verify {

class VerifiedRoughtime {
 public:
  using Micros = std::chrono::microseconds;
  Micros midpoint() const { return midpoint_; }          // since 1970-01-01T00:00:00Z
  Micros radius() const { return radius_; }
  Instant time() const;                                  // midpoint, cut to milliseconds
  // The value of VER; absent in Google's original protocol.
  const std::optional<std::uint32_t>& version() const { return version_; }
  const std::string& key_id() const { return key_id_; }  // of the long-term key
  const std::string& nonce() const { return nonce_; }    // of the request, raw

 private:
  friend Result<VerifiedRoughtime> verify_roughtime(std::string_view, std::string_view, const PublicKey&);
  VerifiedRoughtime() = default;
  Micros midpoint_{}, radius_{};
  std::optional<std::uint32_t> version_;
  std::string key_id_, nonce_;
};

// `request` and `response` are the datagrams as they were sent; `key` is the server's long-term key.
Result<VerifiedRoughtime> verify_roughtime(std::string_view request, std::string_view response, const PublicKey& key);

// The nonce of a request, which is where its sender can bind it to something. Nothing else about it is judged.
Result<std::string> roughtime_nonce(std::string_view request);

// A request of version 1 or draft 12 with this nonce (32 bytes), padded to the 1024 bytes that servers demand.
std::string roughtime_request(std::string_view nonce);

// SHA-512(bytes), cut to `size` bytes (32 or 64): how nonces are made from what they bind to.
std::string roughtime_hash(std::string_view bytes, std::size_t size);

}  // namespace airlock::verify
