// audit/verify/fingerprint: 16 bytes that stand for a text: the text itself if it is short, else half of its
// SHA-256.
#pragma once

#include <array>
#include <cstring>
#include <string_view>

#include "base/digest.h"

namespace airlock::audit {

class Fingerprint {
 public:
  Fingerprint() = default;  // of nothing: no text has it
  explicit Fingerprint(std::string_view text) {
    if (text.size() < bytes_.size()) {
      std::memcpy(bytes_.data(), text.data(), text.size());
      bytes_.back() = static_cast<char>(text.size() + 1);
    } else {
      std::memcpy(bytes_.data(), Digest::of(text).raw().data(), bytes_.size());
      bytes_.back() = static_cast<char>(0x80 | bytes_.back());  // never what a short text ends in
    }
  }
  explicit operator bool() const { return bytes_.back() != 0; }
  std::string_view raw() const { return {bytes_.data(), bytes_.size()}; }
  friend bool operator==(const Fingerprint&, const Fingerprint&) = default;

 private:
  std::array<char, 16> bytes_{};
};

}  // namespace airlock::audit
