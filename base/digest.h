// base/digest: SHA-256 digests as a type of their own, and the one hasher of the program (OpenSSL EVP, which uses
// the CPU's SHA instructions).
#pragma once

#include <array>
#include <compare>
#include <cstddef>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

struct evp_md_ctx_st;

namespace airlock {

class Digest {
 public:
  static constexpr std::size_t kSize = 32;

  // 64 lower-case hex digits, with or without a leading "sha256:".
  static Result<Digest> parse(std::string_view text);
  static Result<Digest> from_raw(std::string_view bytes);  // exactly 32 bytes
  static Digest of(std::string_view bytes);                // SHA-256 of the bytes
  static Digest of_empty() { return of({}); }

  std::string hex() const;
  std::string prefixed() const { return "sha256:" + hex(); }
  std::string_view raw() const { return {raw_.data(), raw_.size()}; }

  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Sha256;
  Digest() = default;
  std::array<char, kSize> raw_{};
};

// Incremental SHA-256. finish() gives the digest and makes the hasher ready for the next message.
class Sha256 {
 public:
  Sha256();
  ~Sha256();
  Sha256(Sha256&&) noexcept;
  Sha256& operator=(Sha256&&) noexcept;
  void update(std::string_view bytes);
  Digest finish();

 private:
  evp_md_ctx_st* ctx_;
};

}  // namespace airlock

template <>
struct std::hash<airlock::Digest> {
  std::size_t operator()(const airlock::Digest& d) const { return std::hash<std::string_view>{}(d.raw()); }
};
