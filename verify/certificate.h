// verify/certificate: X.509 certificates as values, read by OpenSSL. Reading proves nothing about one: what a chain is worth
// is judged where it is used (time/rfc3161.h, sigstore/).
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

struct x509_st;  // X509

namespace airlock::verify {

class Certificate {
 public:
  // One DER certificate, nothing behind it. kKeyUnreadable.
  static Result<Certificate> from_der(std::string_view der);
  // Every CERTIFICATE block of a PEM text, in order; text between blocks is ignored, other blocks are refused. At most 64.
  static Result<std::vector<Certificate>> all_from_pem(std::string_view pem);

  std::string der() const;
  std::string pem() const;
  Digest fingerprint() const;                   // SHA-256 of the DER
  std::string subject() const;                  // RFC 2253, escaped, UTF-8
  x509_st* get() const { return x509_.get(); }  // for OpenSSL calls that do not keep it; never null

 private:
  explicit Certificate(std::shared_ptr<x509_st> x509) : x509_(std::move(x509)) {}
  std::shared_ptr<x509_st> x509_;  // shared: certificates are never changed once read
};

// What OpenSSL says went wrong last, as one line; empties its queue.
std::string openssl_reason();

}  // namespace airlock::verify
