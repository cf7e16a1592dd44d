// base/entropy: the randomness port, and ids made from it.
#pragma once

#include <cstdint>
#include <string>

#include "base/time.h"

namespace airlock {

class Entropy {
 public:
  virtual ~Entropy() = default;
  virtual std::string bytes(std::size_t n) = 0;
};

class SystemEntropy : public Entropy {
 public:
  std::string bytes(std::size_t n) override;  // getrandom(2)
};

// A repeatable stream (SHA-256 in counter mode over the seed), for tests and simulations only.
class SeededEntropy : public Entropy {
 public:
  explicit SeededEntropy(std::uint64_t seed) : seed_(seed) {}
  std::string bytes(std::size_t n) override;

 private:
  std::uint64_t seed_;
  std::uint64_t counter_ = 0;
};

// UUID version 7 (RFC 9562 section 5.7): sorts by time of making. Lower case, with hyphens.
std::string uuid7(Instant now, Entropy& entropy);

// 32 lower-case hex digits, not all zero: a W3C trace id.
std::string new_trace_id(Entropy& entropy);

}  // namespace airlock
