#include "base/digest.h"

#include <openssl/evp.h>

#include <algorithm>
#include <cstdlib>
#include <utility>

#include "base/encoding.h"

namespace airlock {
namespace {

// OpenSSL's digest calls fail only when memory is gone; there is no state worth saving then.
void require(bool ok) {
  if (!ok) std::abort();
}

const EVP_MD* sha256() {
  // Fetched once: EVP_sha256() would look the provider up again at each init (OpenSSL 3 migration guide).
  static const EVP_MD* const md = EVP_MD_fetch(nullptr, "SHA256", nullptr);
  require(md != nullptr);
  return md;
}

}  // namespace

Result<Digest> Digest::parse(std::string_view text) {
  const std::string_view hex = text.starts_with("sha256:") ? text.substr(7) : text;
  auto raw = from_hex(hex);
  if (!raw || raw->size() != kSize) return fail(Code::kBadDigest, std::string(text.substr(0, 80)));
  return from_raw(*raw);
}

Result<Digest> Digest::from_raw(std::string_view bytes) {
  if (bytes.size() != kSize) return fail(Code::kBadDigest, std::to_string(bytes.size()) + " bytes");
  Digest d;
  std::ranges::copy(bytes, d.raw_.begin());
  return d;
}

Digest Digest::of(std::string_view bytes) {
  // One context a thread, used again: making one costs more than hashing a short message, and a log hashes millions.
  thread_local Sha256 hasher;
  hasher.update(bytes);
  return hasher.finish();
}

std::string Digest::hex() const { return to_hex(raw()); }

Sha256::Sha256() : ctx_(EVP_MD_CTX_new()) {
  require(ctx_ != nullptr && EVP_DigestInit_ex2(ctx_, sha256(), nullptr) == 1);
}
Sha256::~Sha256() { EVP_MD_CTX_free(ctx_); }
Sha256::Sha256(Sha256&& other) noexcept : ctx_(std::exchange(other.ctx_, nullptr)) {}
Sha256& Sha256::operator=(Sha256&& other) noexcept {
  std::swap(ctx_, other.ctx_);
  return *this;
}

void Sha256::update(std::string_view bytes) {
  require(EVP_DigestUpdate(ctx_, bytes.data(), bytes.size()) == 1);
}

Digest Sha256::finish() {
  Digest d;
  unsigned int size = 0;
  require(EVP_DigestFinal_ex(ctx_, reinterpret_cast<unsigned char*>(d.raw_.data()), &size) == 1 &&
          size == Digest::kSize && EVP_DigestInit_ex2(ctx_, sha256(), nullptr) == 1);
  return d;
}

}  // namespace airlock
