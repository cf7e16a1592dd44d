#include "verify/sigstore/chain.h"

#include <openssl/ct.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <openssl/x509_vfy.h>
#include <openssl/x509v3.h>

#include <memory>

#include "verify/openssl.h"

namespace airlock::verify::sigstore {
namespace {

template <auto Free>
using Freed = OpensslFree<Free>;
using Store = std::unique_ptr<X509_STORE, Freed<X509_STORE_free>>;
using StoreContext = std::unique_ptr<X509_STORE_CTX, Freed<X509_STORE_CTX_free>>;
using X509Copy = std::unique_ptr<X509, Freed<X509_free>>;
// Owns the stack, not the certificates in it.
using Stack = std::unique_ptr<STACK_OF(X509), Freed<[](STACK_OF(X509) * s) { sk_X509_free(s); }>>;
using Scts = std::unique_ptr<STACK_OF(SCT), Freed<SCT_LIST_free>>;

std::unexpected<Error> bad_certificate(std::string what) { return fail(Code::kSigstoreCertificate, std::move(what)); }

std::string string_of(const unsigned char* bytes, std::size_t size) { return {reinterpret_cast<const char*>(bytes), size}; }

// What an authority's own certificate, which could sign anything, must not pass for; and a certificate for servers neither.
Result<void> check_purpose(const Certificate& leaf) {
  if (X509_check_ca(leaf.get()) != 0) return bad_certificate("the signing certificate is an authority's");
  const std::uint32_t flags = X509_get_extension_flags(leaf.get());
  if ((flags & EXFLAG_INVALID) != 0) return bad_certificate("an extension of the signing certificate is malformed");
  if ((flags & EXFLAG_KUSAGE) != 0 && (X509_get_key_usage(leaf.get()) & KU_DIGITAL_SIGNATURE) == 0)
    return bad_certificate("the signing certificate is not for signatures");
  if ((flags & EXFLAG_XKUSAGE) == 0 || (X509_get_extended_key_usage(leaf.get()) & XKU_CODE_SIGN) == 0)
    return bad_certificate("the signing certificate is not for code signing");
  return {};
}

Result<Certificate> chain_to(const Certificate& leaf, const std::vector<Certificate>& extra, const Authority& authority, Instant at) {
  const Store store(X509_STORE_new());
  const StoreContext context(X509_STORE_CTX_new());
  const Stack between(sk_X509_new_null());
  if (!store || !context || !between) return fail(Code::kInternal, openssl_reason());
  X509_STORE_add_cert(store.get(), authority.root.get());
  for (const auto* certificates : {&authority.intermediates, &extra})
    for (const Certificate& certificate : *certificates) sk_X509_push(between.get(), certificate.get());
  if (X509_STORE_CTX_init(context.get(), store.get(), leaf.get(), between.get()) != 1) return fail(Code::kInternal, openssl_reason());
  X509_VERIFY_PARAM* param = X509_STORE_CTX_get0_param(context.get());
  X509_VERIFY_PARAM_set_time(param, static_cast<std::time_t>(at.millis() / 1000));
  // A trusted root file may end its chains below the self-signed root.
  X509_VERIFY_PARAM_set_flags(param, X509_V_FLAG_PARTIAL_CHAIN);
  ERR_clear_error();
  if (X509_verify_cert(context.get()) != 1) {
    const std::string why = X509_verify_cert_error_string(X509_STORE_CTX_get_error(context.get()));
    ERR_clear_error();
    return bad_certificate(why);
  }
  STACK_OF(X509)* chain = X509_STORE_CTX_get0_chain(context.get());
  if (sk_X509_num(chain) < 2) return bad_certificate("the signing certificate is itself the trusted one");
  unsigned char* out = nullptr;
  const int size = i2d_X509(sk_X509_value(chain, 1), &out);
  if (size < 0) return fail(Code::kInternal, openssl_reason());
  const std::string der = string_of(out, static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return Certificate::from_der(der);
}

void append_number(std::string& out, std::uint64_t value, int bytes) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) out += static_cast<char>(value >> shift);
}

// The certificate as it was before timestamps were put into it: what the log has seen.
Result<std::string> precertificate(const Certificate& leaf) {
  const X509Copy copy(X509_dup(leaf.get()));
  const int at = copy ? X509_get_ext_by_NID(copy.get(), NID_ct_precert_scts, -1) : -1;
  if (at < 0) return fail(Code::kSigstoreSct, "the signing certificate holds no certificate timestamp");
  X509_EXTENSION_free(X509_delete_ext(copy.get(), at));
  unsigned char* out = nullptr;
  const int size = i2d_re_X509_tbs(copy.get(), &out);
  if (size < 0) return fail(Code::kSigstoreSct, openssl_reason());
  std::string der = string_of(out, static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return der;
}

std::string issuer_key_hash(const Certificate& issuer) {
  unsigned char* out = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(issuer.get()), &out);
  const std::string der = size < 0 ? "" : string_of(out, static_cast<std::size_t>(size));
  OPENSSL_free(out);
  return digest_of(Hash::kSha256, der);
}

// RFC 6962 section 3.2, digitally-signed struct with entry type precert_entry.
std::string signed_by_log(const SCT* sct, const std::string& tbs, const std::string& issuer_hash) {
  unsigned char* extensions = nullptr;
  const std::size_t size = SCT_get0_extensions(sct, &extensions);
  std::string out;
  append_number(out, 0, 1);  // v1
  append_number(out, 0, 1);  // certificate_timestamp
  append_number(out, SCT_get_timestamp(sct), 8);
  append_number(out, 1, 2);  // precert_entry
  out += issuer_hash;
  append_number(out, tbs.size(), 3);
  out += tbs;
  append_number(out, size, 2);
  return out + string_of(extensions, size);
}

bool sct_holds(const SCT* sct, const std::string& tbs, const std::string& issuer_hash, const std::vector<Log>& logs) {
  unsigned char *id = nullptr, *signature = nullptr;
  const std::string log_id = [&] { const std::size_t n = SCT_get0_log_id(sct, &id); return string_of(id, n); }();
  const Log* log = TrustedRoot::find(logs, log_id);
  const std::uint64_t millis = SCT_get_timestamp(sct);
  if (log == nullptr || millis > 253402300799999ULL) return false;
  if (!log->window.holds(Instant::from_millis(static_cast<std::int64_t>(millis)))) return false;
  const std::size_t size = SCT_get0_signature(sct, &signature);
  return log->key.verify({signed_by_log(sct, tbs, issuer_hash), std::nullopt}, Hash::kSha256, string_of(signature, size));
}

// The text of a Fulcio extension: DER UTF8String from 1.8 on, bare bytes before that.
std::optional<std::string> extension_text(const Certificate& leaf, const std::string& oid, bool der) {
  const std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>> object(OBJ_txt2obj(oid.c_str(), 1));
  const int at = object ? X509_get_ext_by_OBJ(leaf.get(), object.get(), -1) : -1;
  if (at < 0) return std::nullopt;
  const ASN1_OCTET_STRING* value = X509_EXTENSION_get_data(X509_get_ext(leaf.get(), at));
  const unsigned char* bytes = ASN1_STRING_get0_data(value);
  const long size = ASN1_STRING_length(value);
  if (!der) return string_of(bytes, static_cast<std::size_t>(size));
  const unsigned char* end = bytes;
  const std::unique_ptr<ASN1_UTF8STRING, Freed<ASN1_UTF8STRING_free>> text(d2i_ASN1_UTF8STRING(nullptr, &end, size));
  ERR_clear_error();
  if (!text || end != bytes + size) return std::nullopt;
  return string_of(ASN1_STRING_get0_data(text.get()), static_cast<std::size_t>(ASN1_STRING_length(text.get())));
}

std::optional<std::string> name_text(const GENERAL_NAME* name) {
  int type = 0;
  const void* value = GENERAL_NAME_get0_value(name, &type);
  if (type == GEN_URI || type == GEN_EMAIL) {
    const auto* text = static_cast<const ASN1_STRING*>(value);
    return string_of(ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)));
  }
  if (type != GEN_OTHERNAME) return std::nullopt;
  // 1.3.6.1.4.1.57264.1.7: a user name that is no mail address.
  const auto* other = static_cast<const OTHERNAME*>(value);
  const std::unique_ptr<ASN1_OBJECT, Freed<ASN1_OBJECT_free>> fulcio(OBJ_txt2obj("1.3.6.1.4.1.57264.1.7", 1));
  if (!fulcio || OBJ_cmp(other->type_id, fulcio.get()) != 0 || other->value->type != V_ASN1_UTF8STRING) return std::nullopt;
  const ASN1_STRING* text = other->value->value.utf8string;
  return string_of(ASN1_STRING_get0_data(text), static_cast<std::size_t>(ASN1_STRING_length(text)));
}

constexpr const char* kArc = "1.3.6.1.4.1.57264.1.";
struct Claim {
  int number;
  const char* name;
};
// https://github.com/sigstore/fulcio, docs/oid-info.md. Numbers below 8 are bare text, the others DER.
constexpr Claim kClaims[] = {{2, "githubWorkflowTrigger"},   {3, "githubWorkflowSha"},
                             {4, "githubWorkflowName"},      {5, "githubWorkflowRepository"},
                             {6, "githubWorkflowRef"},       {9, "buildSignerUri"},
                             {10, "buildSignerDigest"},      {11, "runnerEnvironment"},
                             {12, "sourceRepositoryUri"},    {13, "sourceRepositoryDigest"},
                             {14, "sourceRepositoryRef"},    {15, "sourceRepositoryIdentifier"},
                             {16, "sourceRepositoryOwnerUri"}, {17, "sourceRepositoryOwnerIdentifier"},
                             {18, "buildConfigUri"},         {19, "buildConfigDigest"},
                             {20, "buildTrigger"},           {21, "runInvocationUri"},
                             {22, "sourceRepositoryVisibilityAtSigning"}};

}  // namespace

Result<Certificate> check_chain(const Certificate& leaf, const std::vector<Certificate>& intermediates,
                                const std::vector<Authority>& authorities, Instant at) {
  TRY(check_purpose(leaf));
  std::string why = "no certificate authority was to be trusted at " + at.text();
  for (const Authority& authority : authorities) {
    if (!authority.window.holds(at)) continue;
    auto issuer = chain_to(leaf, intermediates, authority, at);
    if (issuer) return issuer;
    why = issuer.error().context + " (judged at " + at.text() + ")";
  }
  return bad_certificate(why);
}

Result<void> check_scts(const Certificate& leaf, const Certificate& issuer, const std::vector<Log>& logs) {
  const std::string tbs = TRY(precertificate(leaf));
  const Scts scts(static_cast<STACK_OF(SCT)*>(X509_get_ext_d2i(leaf.get(), NID_ct_precert_scts, nullptr, nullptr)));
  ERR_clear_error();
  if (!scts) return fail(Code::kSigstoreSct, "its certificate timestamps are malformed");
  const std::string issuer_hash = issuer_key_hash(issuer);
  for (int i = 0; i < sk_SCT_num(scts.get()); ++i)
    if (sct_holds(sk_SCT_value(scts.get(), i), tbs, issuer_hash, logs)) return {};
  return fail(Code::kSigstoreSct, "none of its " + std::to_string(sk_SCT_num(scts.get())) + " certificate timestamps is of a trusted log");
}

Result<SignerIdentity> identity_of(const Certificate& leaf) {
  const std::unique_ptr<GENERAL_NAMES, Freed<GENERAL_NAMES_free>> names(
      static_cast<GENERAL_NAMES*>(X509_get_ext_d2i(leaf.get(), NID_subject_alt_name, nullptr, nullptr)));
  ERR_clear_error();
  if (!names || sk_GENERAL_NAME_num(names.get()) != 1)
    return bad_certificate("the signing certificate must name exactly one subject alternative name");
  auto identity = name_text(sk_GENERAL_NAME_value(names.get(), 0));
  if (!identity) return bad_certificate("the subject alternative name is neither URI, mail address nor user name");
  SignerIdentity signer{std::move(*identity), "", {}};
  // 1.8 says the same as 1.1 in a better form.
  auto issuer = extension_text(leaf, kArc + std::string("8"), true);
  if (!issuer) issuer = extension_text(leaf, kArc + std::string("1"), false);
  signer.issuer = issuer.value_or("");
  for (const Claim& claim : kClaims)
    if (auto text = extension_text(leaf, kArc + std::to_string(claim.number), claim.number >= 8))
      signer.claims.emplace(claim.name, std::move(*text));
  return signer;
}

}  // namespace airlock::verify::sigstore
