// verify/curve: what airlock knows of the two NIST curves: sizes, DER forms, and ECDSA signing that needs no randomness.
//
// OpenSSL 3.0 signs with a random nonce only. Ours is RFC 6979's, so that building a bundle twice gives the same bytes
// and no weak source of randomness can give a key away; the arithmetic stays OpenSSL's.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

#include "base/result.h"
#include "verify/scheme.h"

namespace airlock::verify {

struct Curve {
  KeyAlgorithm algorithm;
  int nid;
  std::size_t field_bytes;
  HashAlgorithm hash;
  std::string_view spki_prefix;    // DER before 04 || X || Y (RFC 5480): the only form without optional parts
  std::string_view pkcs8_prefix;   // DER before the scalar (RFC 5915 in RFC 5208) ...
  std::string_view pkcs8_middle;   // ... and between it and 04 || X || Y
};

const Curve* curve_of(KeyAlgorithm algorithm);  // nullptr: not ECDSA

// 04 || X || Y of scalar * G; kKeyUnsupported when the scalar is not in [1, order) or not field_bytes long.
Result<std::string> ec_point(const Curve& curve, std::string_view scalar);

// DER. `scalar` has been accepted by ec_point(). The same digest gives the same signature (RFC 6979 section 3.2).
Result<std::string> ecdsa_sign(const Curve& curve, std::string_view scalar, std::string_view digest);

// r || s as DER; empty when `raw` is not twice field_bytes long.
std::string ecdsa_der_of_raw(const Curve& curve, std::string_view raw);

}  // namespace airlock::verify
