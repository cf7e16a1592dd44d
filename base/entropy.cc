#include "base/entropy.h"

#include <sys/random.h>

#include <cstdlib>

#include "base/digest.h"
#include "base/encoding.h"

namespace airlock {

std::string SystemEntropy::bytes(std::size_t n) {
  std::string out(n, '\0');
  std::size_t got = 0;
  while (got < n) {
    const ssize_t r = ::getrandom(out.data() + got, n - got, 0);
    if (r > 0) got += static_cast<std::size_t>(r);
    else if (errno != EINTR) std::abort();  // a kernel without randomness: nothing may be signed
  }
  return out;
}

std::string SeededEntropy::bytes(std::size_t n) {
  std::string out;
  while (out.size() < n)
    out += Digest::of("airlock seeded " + std::to_string(seed_) + " " + std::to_string(counter_++)).raw();
  out.resize(n);
  return out;
}

std::string uuid7(Instant now, Entropy& entropy) {
  std::string raw = entropy.bytes(16);
  const auto ms = static_cast<std::uint64_t>(now.millis());
  for (std::size_t i = 0; i < 6; ++i) raw[i] = static_cast<char>((ms >> (8 * (5 - i))) & 0xFF);
  raw[6] = static_cast<char>((raw[6] & 0x0F) | 0x70);
  raw[8] = static_cast<char>((raw[8] & 0x3F) | 0x80);
  const std::string hex = to_hex(raw);
  return hex.substr(0, 8) + "-" + hex.substr(8, 4) + "-" + hex.substr(12, 4) + "-" + hex.substr(16, 4) + "-" + hex.substr(20);
}

std::string new_trace_id(Entropy& entropy) {
  std::string raw = entropy.bytes(16);
  raw[15] = static_cast<char>(raw[15] | 1);  // all zero is invalid (W3C Trace Context)
  return to_hex(raw);
}

}  // namespace airlock
