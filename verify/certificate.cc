#include "verify/certificate.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/pem.h>
#include <openssl/x509.h>

#include "manifests/pem.h"

namespace airlock::verify {
namespace {

constexpr std::string_view kLabel = "CERTIFICATE";
constexpr std::size_t kMostCertificates = 64;

}  // namespace

std::string openssl_reason() {
  // The oldest entry is the cause; later ones say who called.
  const unsigned long code = ERR_get_error();
  ERR_clear_error();
  const char* reason = code == 0 ? nullptr : ERR_reason_error_string(code);
  return reason == nullptr ? "refused" : reason;
}

Result<Certificate> Certificate::from_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  std::shared_ptr<x509_st> x509(d2i_X509(nullptr, &at, static_cast<long>(der.size())), X509_free);
  if (!x509 || at != end) {
    ERR_clear_error();
    return fail(Code::kKeyUnreadable, "not one certificate in DER");
  }
  return Certificate(std::move(x509));
}

Result<std::vector<Certificate>> Certificate::all_from_pem(std::string_view pem) {
  constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ";
  std::vector<Certificate> all;
  while (true) {
    const std::size_t begin = pem.find(kBegin);
    if (begin == pem.npos) return all;
    const std::size_t end = pem.find(kEnd, begin);
    const std::size_t line_end = end == pem.npos ? pem.npos : pem.find('\n', end);
    const std::string_view block = pem.substr(begin, line_end == pem.npos ? pem.npos : line_end + 1 - begin);
    const std::string where = "certificate " + std::to_string(all.size() + 1) + ": ";
    if (all.size() == kMostCertificates) return fail(Code::kTooLarge, "more than 64 certificates");
    auto der = manifests::pem_to_der(block, kLabel);
    if (!der) return fail(Code::kKeyUnreadable, where + der.error().context);
    auto certificate = from_der(*der);
    if (!certificate) return fail(Code::kKeyUnreadable, where + certificate.error().context);
    all.push_back(std::move(*certificate));
    pem.remove_prefix(begin + block.size());
  }
}

std::string Certificate::der() const {
  unsigned char* out = nullptr;
  const int size = i2d_X509(x509_.get(), &out);
  if (size < 0) return {};  // cannot be: it was read from DER
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

std::string Certificate::pem() const { return manifests::der_to_pem(der(), kLabel); }

Digest Certificate::fingerprint() const { return Digest::of(der()); }

std::string Certificate::subject() const {
  const std::unique_ptr<BIO, decltype(&BIO_free)> bio(BIO_new(BIO_s_mem()), BIO_free);
  const auto style = static_cast<unsigned long>(XN_FLAG_RFC2253) & ~static_cast<unsigned long>(ASN1_STRFLGS_ESC_MSB);
  if (!bio || X509_NAME_print_ex(bio.get(), X509_get_subject_name(x509_.get()), 0, style) < 0) return {};
  const char* text = nullptr;
  const long size = BIO_get_mem_data(bio.get(), &text);
  return {text, static_cast<std::size_t>(size)};
}

}  // namespace airlock::verify
