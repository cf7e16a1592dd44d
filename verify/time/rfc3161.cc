#include "verify/time/rfc3161.h"

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/objects.h>
#include <openssl/pkcs7.h>
#include <openssl/ts.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>

#include <limits>
#include <memory>

#include "verify/openssl.h"

namespace airlock::verify {
namespace {

template <auto Free>
using Freed = OpensslFree<Free>;
using Pkcs7 = std::unique_ptr<PKCS7, Freed<PKCS7_free>>;
using TstInfo = std::unique_ptr<TS_TST_INFO, Freed<TS_TST_INFO_free>>;
using Request = std::unique_ptr<TS_REQ, Freed<TS_REQ_free>>;
using Response = std::unique_ptr<TS_RESP, Freed<TS_RESP_free>>;
using VerifyContext = std::unique_ptr<TS_VERIFY_CTX, Freed<TS_VERIFY_CTX_free>>;
using CertificateStore = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;

constexpr std::size_t kMaxTokenBytes = 1U << 20;
constexpr std::int64_t kMaxAccuracySeconds = 3600;  // what leaves the time open by more is no proof of it

// Reads one DER object with d2i function `Read` and nothing behind it; null otherwise.
template <class Owner, auto Read>
Owner read_der(std::string_view der) {
  const auto* at = reinterpret_cast<const unsigned char*>(der.data());
  const auto* const end = at + der.size();
  Owner object(Read(nullptr, &at, static_cast<long>(der.size())));
  if (object && at != end) object.reset();
  ERR_clear_error();
  return object;
}

std::unexpected<Error> refused(Code code, std::string what) { return fail(code, "time-stamp token: " + std::move(what)); }

// The token out of a TimeStampResp that was granted (0) or granted with modifications (1), or the bare token itself.
Result<Pkcs7> open_token(std::string_view der) {
  if (der.size() > kMaxTokenBytes) return fail(Code::kTooLarge, "time-stamp token: over 1 MiB");
  if (const auto response = read_der<Response, d2i_TS_RESP>(der)) {
    const long status = ASN1_INTEGER_get(TS_STATUS_INFO_get0_status(TS_RESP_get_status_info(response.get())));
    PKCS7* token = TS_RESP_get_token(response.get());
    if ((status != TS_STATUS_GRANTED && status != TS_STATUS_GRANTED_WITH_MODS) || token == nullptr)
      return refused(Code::kTimeMalformed, "the authority answered with status " + std::to_string(status));
    Pkcs7 copy(PKCS7_dup(token));
    if (!copy) return refused(Code::kTimeMalformed, openssl_reason());
    return copy;
  }
  auto token = read_der<Pkcs7, d2i_PKCS7>(der);
  if (!token) return refused(Code::kTimeMalformed, "neither a TimeStampResp nor a CMS ContentInfo");
  return token;
}

// SHA-256, SHA-384 and SHA-512; nothing weaker or unknown.
bool accepted_hash(const X509_ALGOR* algorithm) {
  const ASN1_OBJECT* id = nullptr;
  X509_ALGOR_get0(&id, nullptr, nullptr, algorithm);
  switch (OBJ_obj2nid(id)) {
    case NID_sha256:
    case NID_sha384:
    case NID_sha512: return true;
    default: return false;
  }
}

// genTime is YYYYMMDDhhmmss, perhaps a fraction, and Z (RFC 3161 section 2.4.2).
Result<Instant> generalized_time(const ASN1_GENERALIZEDTIME* time) {
  const std::string_view text(reinterpret_cast<const char*>(ASN1_STRING_get0_data(time)),
                              static_cast<std::size_t>(ASN1_STRING_length(time)));
  if (text.size() < 15) return refused(Code::kTimeMalformed, "genTime is cut");
  const auto part = [&](std::size_t at, std::size_t size) { return std::string(text.substr(at, size)); };
  auto instant = Instant::parse(part(0, 4) + "-" + part(4, 2) + "-" + part(6, 2) + "T" + part(8, 2) + ":" + part(10, 2) + ":" +
                                part(12, std::string::npos));
  if (!instant) return refused(Code::kTimeMalformed, "genTime is not a time in UTC");
  return instant;
}

Result<Millis> accuracy_of(TS_TST_INFO* info) {
  TS_ACCURACY* accuracy = TS_TST_INFO_get_accuracy(info);
  if (accuracy == nullptr) return Millis(0);
  // -1 where the number does not fit, as for one that is negative.
  const auto number = [](const ASN1_INTEGER* value) -> std::int64_t { return value == nullptr ? 0 : ASN1_INTEGER_get(value); };
  const std::int64_t seconds = number(TS_ACCURACY_get_seconds(accuracy)), millis = number(TS_ACCURACY_get_millis(accuracy)),
                     micros = number(TS_ACCURACY_get_micros(accuracy));
  const auto part = [](std::int64_t value) { return value >= 0 && value <= 999; };
  if (seconds < 0 || seconds > kMaxAccuracySeconds || !part(millis) || !part(micros))
    return refused(Code::kTimeMalformed, "an accuracy of " + std::to_string(seconds) + " s, " + std::to_string(millis) + " ms, " +
                                             std::to_string(micros) + " us");
  // Microseconds count as a whole millisecond: an accuracy is never made better than it was said to be.
  return Millis(seconds * 1000 + millis + (micros > 0 ? 1 : 0));
}

STACK_OF(X509) * stack_of(const std::vector<Certificate>& certificates) {
  STACK_OF(X509)* stack = sk_X509_new_null();
  for (const Certificate& certificate : certificates) {
    if (stack == nullptr || X509_add_cert(stack, certificate.get(), X509_ADD_FLAG_UP_REF) != 1) return stack;
  }
  return stack;
}

// Called for every certificate of a chain that holds otherwise, `ok` being 1. OpenSSL looks at the extended key usage of the
// signer alone: here an authority in between that is limited to other things may not vouch for one either, and an authority
// does not stamp itself. The configured end of the chain is trusted whatever it says.
int check_link(int ok, X509_STORE_CTX* context) {
  X509* const certificate = X509_STORE_CTX_get_current_cert(context);
  if (ok != 1 || certificate == nullptr) return ok;
  const int depth = X509_STORE_CTX_get_error_depth(context), end = sk_X509_num(X509_STORE_CTX_get0_chain(context)) - 1;
  const std::uint32_t says = X509_get_extension_flags(certificate);
  const bool may_stamp = (says & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(certificate) & (XKU_TIMESTAMP | XKU_ANYEKU)) != 0;
  const bool fits = depth == 0 ? (says & EXFLAG_CA) == 0 : depth == end || may_stamp;
  if (!fits) X509_STORE_CTX_set_error(context, X509_V_ERR_INVALID_PURPOSE);
  return fits ? 1 : 0;
}

CertificateStore store_of(const std::vector<Certificate>& roots, Instant judged_at) {
  CertificateStore store(X509_STORE_new());
  if (!store) return store;
  for (const Certificate& root : roots) X509_STORE_add_cert(store.get(), root.get());
  X509_VERIFY_PARAM* param = X509_STORE_get0_param(store.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<std::time_t>(judged_at.millis() / 1000));
  // A configured root ends the chain, whoever has signed it: a site may trust one authority and not all of its parent's.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  X509_STORE_set_verify_cb(store.get(), check_link);
  return store;
}

unsigned char* copy_bytes(std::string_view bytes) {
  return static_cast<unsigned char*>(OPENSSL_memdup(bytes.data(), bytes.size()));
}

// Tells the context what the token must be about; false when that cannot be.
struct SetSubject {
  TS_VERIFY_CTX* context;

  bool operator()(const StampedData& data) const {
    // A BIO over no bytes still needs an address.
    const char* bytes = data.bytes.empty() ? "" : data.bytes.data();
    if (data.bytes.size() > static_cast<std::size_t>(std::numeric_limits<int>::max())) return false;
    BIO* bio = BIO_new_mem_buf(bytes, static_cast<int>(data.bytes.size()));
    if (bio == nullptr) return false;
    TS_VERIFY_CTX_set_data(context, bio);
    TS_VERIFY_CTX_add_flags(context, static_cast<int>(TS_VFY_DATA));
    return true;
  }
  bool operator()(const StampedImprint& imprint) const {
    if (imprint.hash.empty() || imprint.hash.size() > EVP_MAX_MD_SIZE) return false;
    TS_VERIFY_CTX_set_imprint(context, copy_bytes(imprint.hash), static_cast<long>(imprint.hash.size()));
    TS_VERIFY_CTX_add_flags(context, static_cast<int>(TS_VFY_IMPRINT));
    return true;
  }
  bool operator()(const StampedQuery& query) const {
    const auto request = read_der<Request, d2i_TS_REQ>(query.der);
    return request && TS_REQ_to_TS_VERIFY_CTX(request.get(), context) != nullptr;
  }
};

// OpenSSL's reasons, as ours: what speaks of the imprint, the nonce or the policy is about what was stamped. Each of its
// libraries counts its reasons from 100.
Code code_of(unsigned long error) {
  if (ERR_GET_LIB(error) != ERR_LIB_TS) return Code::kTimeSignature;
  switch (ERR_GET_REASON(error)) {
    case TS_R_MESSAGE_IMPRINT_MISMATCH:
    case TS_R_NONCE_MISMATCH:
    case TS_R_NONCE_NOT_RETURNED:
    case TS_R_POLICY_MISMATCH: return Code::kTimeImprint;
    case TS_R_UNSUPPORTED_VERSION: return Code::kTimeMalformed;
    default: return Code::kTimeSignature;
  }
}

}  // namespace

Result<TsaRoots> TsaRoots::from_pem(std::string_view roots, std::string_view intermediates) {
  auto trusted = TRY(Certificate::all_from_pem(roots));
  auto others = TRY(Certificate::all_from_pem(intermediates));
  return TsaRoots{std::move(trusted), std::move(others)};
}

class TimestampCheck {
 public:
  static Result<VerifiedTimestamp> run(std::string_view der, const TsaRoots& roots, const Stamped& stamped,
                                       std::optional<Instant> judged_at) {
    const Pkcs7 token = TRY(open_token(der));
    const TstInfo info(PKCS7_to_TS_TST_INFO(token.get()));
    if (!info) return refused(Code::kTimeMalformed, openssl_reason());
    const Instant time = TRY(generalized_time(TS_TST_INFO_get_time(info.get())));
    TRY(check_algorithms(token.get(), info.get()));
    TRY(check_token(token.get(), roots, stamped, judged_at.value_or(time)));
    return describe(token.get(), info.get(), roots, time);
  }

 private:
  // OpenSSL takes any digest it knows; these would let a collision stand for the data or for the signed attributes.
  static Result<void> check_algorithms(PKCS7* token, TS_TST_INFO* info) {
    STACK_OF(PKCS7_SIGNER_INFO)* signers = PKCS7_get_signer_info(token);
    if (signers == nullptr || sk_PKCS7_SIGNER_INFO_num(signers) != 1)
      return refused(Code::kTimeMalformed, "it must have exactly one signer");
    X509_ALGOR* digest = nullptr;
    PKCS7_SIGNER_INFO_get0_algs(sk_PKCS7_SIGNER_INFO_value(signers, 0), nullptr, &digest, nullptr);
    if (!accepted_hash(digest)) return refused(Code::kTimeSignature, "signed over a hash weaker than SHA-256");
    TS_MSG_IMPRINT* imprint = TS_TST_INFO_get_msg_imprint(info);
    if (!accepted_hash(TS_MSG_IMPRINT_get_algo(imprint))) return refused(Code::kTimeImprint, "a message imprint weaker than SHA-256");
    return {};
  }

  static Result<void> check_token(PKCS7* token, const TsaRoots& roots, const Stamped& stamped, Instant judged_at) {
    const VerifyContext context(TS_VERIFY_CTX_new());
    CertificateStore store = store_of(roots.roots, judged_at);
    if (!context || !store) return fail(Code::kInternal, openssl_reason());
    if (!std::visit(SetSubject{context.get()}, stamped)) {
      ERR_clear_error();
      return refused(Code::kTimeMalformed, "no usable request or imprint to compare it with");
    }
    TS_VERIFY_CTX_add_flags(context.get(), static_cast<int>(TS_VFY_SIGNATURE | TS_VFY_VERSION | TS_VFY_SIGNER));
    TS_VERIFY_CTX_set_store(context.get(), store.release());
    TS_VERIFY_CTX_set_certs(context.get(), stack_of(roots.intermediates));
    ERR_clear_error();
    if (TS_RESP_verify_token(context.get(), token) == 1) return {};
    const Code code = code_of(ERR_peek_error());
    // The detail ("Verify error:certificate has expired") stands in the data of the entry.
    const char* data = nullptr;
    int flags = 0;
    ERR_peek_error_data(&data, &flags);
    std::string detail = data != nullptr && (flags & ERR_TXT_STRING) != 0 && *data != '\0' ? std::string(": ") + data : "";
    return refused(code, openssl_reason() + detail);
  }

  // Only after check_token: the signer is the certificate that the signed attributes name, never just one of the bag.
  static Result<VerifiedTimestamp> describe(PKCS7* token, TS_TST_INFO* info, const TsaRoots& roots, Instant time) {
    const std::unique_ptr<STACK_OF(X509), Freed<[](STACK_OF(X509) * s) { sk_X509_pop_free(s, X509_free); }>> extra(
        stack_of(roots.intermediates));
    const std::unique_ptr<STACK_OF(X509), Freed<[](STACK_OF(X509) * s) { sk_X509_free(s); }>> signers(
        PKCS7_get0_signers(token, extra.get(), 0));
    if (!signers || sk_X509_num(signers.get()) != 1) return refused(Code::kTimeSignature, openssl_reason());
    const Certificate signer = TRY(certificate_of(sk_X509_value(signers.get(), 0)));
    VerifiedTimestamp verified(time, signer.fingerprint(), Digest::of(TRY(der_of(token))));
    verified.accuracy_ = TRY(accuracy_of(info));
    verified.signer_ = signer.subject();
    return verified;
  }

  static Result<Certificate> certificate_of(X509* x509) {
    unsigned char* out = nullptr;
    const int size = i2d_X509(x509, &out);
    if (size < 0) return fail(Code::kInternal, openssl_reason());
    const std::unique_ptr<unsigned char, Freed<[](unsigned char* p) { OPENSSL_free(p); }>> owned(out);
    return Certificate::from_der({reinterpret_cast<const char*>(out), static_cast<std::size_t>(size)});
  }

  static Result<std::string> der_of(PKCS7* token) {
    unsigned char* out = nullptr;
    const int size = i2d_PKCS7(token, &out);
    if (size < 0) return fail(Code::kInternal, openssl_reason());
    const std::unique_ptr<unsigned char, Freed<[](unsigned char* p) { OPENSSL_free(p); }>> owned(out);
    return std::string(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  }
};

Result<VerifiedTimestamp> verify_timestamp(std::string_view der, const TsaRoots& roots, const Stamped& stamped,
                                           std::optional<Instant> judged_at) {
  return TimestampCheck::run(der, roots, stamped, judged_at);
}

Result<std::string> timestamp_request(const Digest& digest, std::string_view nonce) {
  const Request request(TS_REQ_new());
  const std::unique_ptr<TS_MSG_IMPRINT, Freed<TS_MSG_IMPRINT_free>> imprint(TS_MSG_IMPRINT_new());
  const std::unique_ptr<X509_ALGOR, Freed<X509_ALGOR_free>> algorithm(X509_ALGOR_new());
  if (!request || !imprint || !algorithm) return fail(Code::kInternal, openssl_reason());
  X509_ALGOR_set0(algorithm.get(), OBJ_nid2obj(NID_sha256), V_ASN1_NULL, nullptr);
  std::string hash(digest.raw());
  if (TS_REQ_set_version(request.get(), 1) != 1 || TS_MSG_IMPRINT_set_algo(imprint.get(), algorithm.get()) != 1 ||
      TS_MSG_IMPRINT_set_msg(imprint.get(), reinterpret_cast<unsigned char*>(hash.data()), static_cast<int>(hash.size())) != 1 ||
      TS_REQ_set_msg_imprint(request.get(), imprint.get()) != 1 || TS_REQ_set_cert_req(request.get(), 1) != 1)
    return fail(Code::kInternal, openssl_reason());
  if (!nonce.empty()) {
    const std::unique_ptr<BIGNUM, Freed<BN_free>> number(
        BN_bin2bn(reinterpret_cast<const unsigned char*>(nonce.data()), static_cast<int>(nonce.size()), nullptr));
    const std::unique_ptr<ASN1_INTEGER, Freed<ASN1_INTEGER_free>> integer(BN_to_ASN1_INTEGER(number.get(), nullptr));
    if (!integer || TS_REQ_set_nonce(request.get(), integer.get()) != 1) return fail(Code::kInternal, openssl_reason());
  }
  unsigned char* out = nullptr;
  const int size = i2d_TS_REQ(request.get(), &out);
  if (size < 0) return fail(Code::kInternal, openssl_reason());
  std::string der(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

}  // namespace airlock::verify
