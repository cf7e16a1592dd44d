// ECDSA_do_sign_ex, the one door of OpenSSL 3.0 to signing with a nonce of one's own, is declared deprecated there.
#define OPENSSL_SUPPRESS_DEPRECATED
#include "verify/curve.h"

#include <openssl/hmac.h>
#include <openssl/obj_mac.h>

#include <array>
#include <optional>

#include "verify/keys.h"
#include "verify/openssl.h"

namespace airlock::verify {
namespace {

using namespace std::string_view_literals;
using EcKey = OpensslPtr<EC_KEY, EC_KEY_free>;

constexpr std::array<Curve, 2> kCurves{{
    {KeyAlgorithm::kEcdsaP256, NID_X9_62_prime256v1, 32, HashAlgorithm::kSha256,
     "\x30\x59\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07\x03\x42\x00"sv,
     "\x30\x81\x87\x02\x01\x00\x30\x13\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x08\x2a\x86\x48\xce\x3d\x03\x01\x07"
     "\x04\x6d\x30\x6b\x02\x01\x01\x04\x20"sv,
     "\xa1\x44\x03\x42\x00"sv},
    {KeyAlgorithm::kEcdsaP384, NID_secp384r1, 48, HashAlgorithm::kSha384,
     "\x30\x76\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22\x03\x62\x00"sv,
     "\x30\x81\xb6\x02\x01\x00\x30\x10\x06\x07\x2a\x86\x48\xce\x3d\x02\x01\x06\x05\x2b\x81\x04\x00\x22"
     "\x04\x81\x9e\x30\x81\x9b\x02\x01\x01\x04\x30"sv,
     "\xa1\x64\x03\x62\x00"sv},
}};

std::unexpected<Error> openssl_failed(const char* step) {
  return fail(Code::kInternal, std::string("ECDSA: OpenSSL failed to ") + step);
}

EcGroup group_of(const Curve& curve) { return EcGroup(EC_GROUP_new_by_curve_name(curve.nid)); }

Bignum private_number(std::string_view scalar) {
  Bignum number = bignum_of(scalar);
  if (number) BN_set_flags(number.get(), BN_FLG_CONSTTIME);
  return number;
}

bool in_range(const BIGNUM* number, const BIGNUM* order) {
  return !BN_is_zero(number) && !BN_is_negative(number) && BN_cmp(number, order) < 0;
}

// `number` big-endian, exactly as long as the field.
std::string padded(const Curve& curve, const BIGNUM* number) {
  std::string out(curve.field_bytes, '\0');
  if (BN_bn2binpad(number, bytes_of(out), static_cast<int>(out.size())) < 0) out.clear();
  return out;
}

std::string uncompressed(const Curve& curve, const EC_GROUP* group, const EC_POINT* point, BN_CTX* ctx) {
  std::string out(1 + 2 * curve.field_bytes, '\0');
  const std::size_t size =
      EC_POINT_point2oct(group, point, POINT_CONVERSION_UNCOMPRESSED, bytes_of(out), out.size(), ctx);
  return size == out.size() ? out : std::string();
}

const EVP_MD* md_of(const Curve& curve) {
  return curve.hash == HashAlgorithm::kSha384 ? EVP_sha384() : EVP_sha256();
}

// The generator of nonces of RFC 6979 section 3.2; on both curves the hash is as long as the order, so one HMAC is
// one candidate and bits2int takes all of it.
class Nonces {
 public:
  Nonces(const Curve& curve, std::string_view scalar, std::string_view reduced_digest)
      : md_(md_of(curve)), k_(std::string(curve.field_bytes, '\0')), v_(std::string(curve.field_bytes, '\1')) {
    for (const char mark : {'\0', '\1'}) {
      std::string input(v_.view());
      input.reserve(3 * curve.field_bytes + 1);
      input.append(1, mark).append(scalar).append(reduced_digest);
      const Secret wiped(std::move(input));
      k_ = mac(wiped.view());
      v_ = mac(v_.view());
    }
  }

  Secret next() {
    v_ = mac(v_.view());
    Secret candidate{std::string(v_.view())};
    k_ = mac(std::string(v_.view()) + '\0');  // step h.3, should this candidate not do
    v_ = mac(v_.view());
    return candidate;
  }

 private:
  Secret mac(std::string_view input) const {
    std::string out(static_cast<std::size_t>(EVP_MD_get_size(md_)), '\0');
    HMAC(md_, k_.view().data(), static_cast<int>(k_.view().size()), bytes_of(input), input.size(), bytes_of(out),
         nullptr);
    return Secret(std::move(out));
  }
  const EVP_MD* md_;
  Secret k_, v_;
};

struct Nonce {
  Bignum inverse, r;  // k^-1 mod n, and x(kG) mod n
};

// What ECDSA_do_sign_ex needs to know of k. nullopt: k is not in range, or r is 0.
Result<std::optional<Nonce>> nonce_of(const EC_GROUP* group, std::string_view candidate) {
  const BIGNUM* order = EC_GROUP_get0_order(group);
  const Bignum k = private_number(candidate);
  const BignumCtx ctx(BN_CTX_secure_new());
  const EcPoint point(EC_POINT_new(group));
  Nonce out{Bignum(BN_new()), Bignum(BN_new())};
  const Bignum exponent(BN_dup(order));
  if (!k || !ctx || !point || !out.inverse || !out.r || !exponent) return openssl_failed("allocate");
  if (!in_range(k.get(), order)) return std::optional<Nonce>();
  // k^(n-2) mod n is the inverse (n is prime), by the exponentiation whose time does not depend on k.
  if (BN_sub_word(exponent.get(), 2) != 1 ||
      BN_mod_exp_mont_consttime(out.inverse.get(), k.get(), exponent.get(), order, ctx.get(), nullptr) != 1 ||
      EC_POINT_mul(group, point.get(), k.get(), nullptr, nullptr, ctx.get()) != 1 ||
      EC_POINT_get_affine_coordinates(group, point.get(), out.r.get(), nullptr, ctx.get()) != 1 ||
      BN_nnmod(out.r.get(), out.r.get(), order, ctx.get()) != 1)
    return openssl_failed("make a nonce");
  if (BN_is_zero(out.r.get())) return std::optional<Nonce>();
  return std::optional<Nonce>(std::move(out));
}

std::string der_of(const ECDSA_SIG* signature) {
  const int size = i2d_ECDSA_SIG(signature, nullptr);
  if (size <= 0) return {};
  std::string out(static_cast<std::size_t>(size), '\0');
  unsigned char* at = bytes_of(out);
  i2d_ECDSA_SIG(signature, &at);
  return out;
}

}  // namespace

const Curve* curve_of(KeyAlgorithm algorithm) {
  for (const Curve& curve : kCurves)
    if (curve.algorithm == algorithm) return &curve;
  return nullptr;
}

Result<std::string> ec_point(const Curve& curve, std::string_view scalar) {
  const EcGroup group = group_of(curve);
  const Bignum number = private_number(scalar);
  const BignumCtx ctx(BN_CTX_secure_new());
  if (!group || !number || !ctx) return openssl_failed("allocate");
  if (scalar.size() != curve.field_bytes || !in_range(number.get(), EC_GROUP_get0_order(group.get())))
    return fail(Code::kKeyUnsupported, "a private number out of the range of its curve");
  const EcPoint point(EC_POINT_new(group.get()));
  if (!point || EC_POINT_mul(group.get(), point.get(), number.get(), nullptr, nullptr, ctx.get()) != 1)
    return openssl_failed("multiply");
  std::string out = uncompressed(curve, group.get(), point.get(), ctx.get());
  if (out.empty()) return openssl_failed("write a point");
  return out;
}

Result<std::string> ecdsa_sign(const Curve& curve, std::string_view scalar, std::string_view digest) {
  const EcKey key(EC_KEY_new_by_curve_name(curve.nid));
  const Bignum number = private_number(scalar), reduced = bignum_of(digest);
  const BignumCtx ctx(BN_CTX_secure_new());
  if (!key || !number || !reduced || !ctx || EC_KEY_set_private_key(key.get(), number.get()) != 1)
    return openssl_failed("read the key");
  const EC_GROUP* group = EC_KEY_get0_group(key.get());
  // bits2octets: the digest is as long as the order, so one subtraction at most; BN_nnmod does it.
  if (BN_nnmod(reduced.get(), reduced.get(), EC_GROUP_get0_order(group), ctx.get()) != 1)
    return openssl_failed("reduce the digest");
  Nonces nonces(curve, scalar, padded(curve, reduced.get()));
  for (;;) {  // a second round is as likely as guessing the key
    const Secret candidate = nonces.next();
    const std::optional<Nonce> nonce = TRY(nonce_of(group, candidate.view()));
    if (!nonce) continue;
    const EcdsaSig signature(ECDSA_do_sign_ex(bytes_of(digest), static_cast<int>(digest.size()),
                                              nonce->inverse.get(), nonce->r.get(), key.get()));
    if (!signature) return openssl_failed("sign");
    std::string out = der_of(signature.get());
    if (out.empty()) return openssl_failed("write the signature");
    return out;
  }
}

std::string ecdsa_der_of_raw(const Curve& curve, std::string_view raw) {
  if (raw.size() != 2 * curve.field_bytes) return {};
  const EcdsaSig signature(ECDSA_SIG_new());
  Bignum r = bignum_of(raw.substr(0, curve.field_bytes)), s = bignum_of(raw.substr(curve.field_bytes));
  if (!signature || !r || !s || ECDSA_SIG_set0(signature.get(), r.get(), s.get()) != 1) return {};
  (void)r.release();  // ECDSA_SIG_set0 took them
  (void)s.release();
  return der_of(signature.get());
}

}  // namespace airlock::verify
