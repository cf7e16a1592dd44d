// What a fuzz body is made of: bytes in, and a check that ends the program where it does not hold.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace airlock::fuzz {

inline std::string_view text(const std::uint8_t* data, std::size_t size) {
  return {reinterpret_cast<const char*>(data), size};
}

// abort(): libFuzzer keeps the input, and CTest sees the signal.
inline void require(bool holds) {
  if (!holds) std::abort();
}

}  // namespace airlock::fuzz
