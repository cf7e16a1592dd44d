// verify/openssl: owners of OpenSSL's objects, so that no path through our code leaks or frees one twice.
#pragma once

#include <openssl/bn.h>
#include <openssl/ec.h>
#include <openssl/ecdsa.h>
#include <openssl/evp.h>
#include <openssl/x509.h>

#include <memory>
#include <string>
#include <string_view>

namespace airlock::verify {

template <auto Free>
struct OpensslFree {
  template <class T>
  void operator()(T* object) const {
    Free(object);
  }
};
template <class T, auto Free>
using OpensslPtr = std::unique_ptr<T, OpensslFree<Free>>;

using PkeyPtr = OpensslPtr<EVP_PKEY, EVP_PKEY_free>;
using PkeyCtxPtr = OpensslPtr<EVP_PKEY_CTX, EVP_PKEY_CTX_free>;
using Bignum = OpensslPtr<BIGNUM, BN_clear_free>;
using BignumCtx = OpensslPtr<BN_CTX, BN_CTX_free>;
using EcGroup = OpensslPtr<EC_GROUP, EC_GROUP_free>;
using EcPoint = OpensslPtr<EC_POINT, EC_POINT_clear_free>;
using EcdsaSig = OpensslPtr<ECDSA_SIG, ECDSA_SIG_free>;

inline const unsigned char* bytes_of(std::string_view text) {
  return reinterpret_cast<const unsigned char*>(text.data());
}
inline unsigned char* bytes_of(std::string& text) { return reinterpret_cast<unsigned char*>(text.data()); }

inline Bignum bignum_of(std::string_view big_endian) {
  return Bignum(BN_bin2bn(bytes_of(big_endian), static_cast<int>(big_endian.size()), nullptr));
}

}  // namespace airlock::verify
