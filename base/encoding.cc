#include "base/encoding.h"

#include <array>
#include <cstdint>

namespace airlock {
namespace {

constexpr std::string_view kHexDigits = "0123456789abcdef";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

constexpr std::array<std::int8_t, 256> make_reverse() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kBase64.size(); ++i)
    table[static_cast<unsigned char>(kBase64[i])] = static_cast<std::int8_t>(i);
  table['-'] = 62;
  table['_'] = 63;
  return table;
}
constexpr auto kReverse = make_reverse();

constexpr std::array<std::int8_t, 256> make_hex_values() {
  std::array<std::int8_t, 256> table{};
  table.fill(-1);
  for (std::size_t i = 0; i < kHexDigits.size(); ++i)
    table[static_cast<unsigned char>(kHexDigits[i])] = static_cast<std::int8_t>(i);
  return table;
}
constexpr auto kHexValue = make_hex_values();

// Four digits become three bytes; negative when one of them is not a digit.
int quantum(const char* digits) {
  const int a = kReverse[static_cast<unsigned char>(digits[0])], b = kReverse[static_cast<unsigned char>(digits[1])];
  const int c = kReverse[static_cast<unsigned char>(digits[2])], d = kReverse[static_cast<unsigned char>(digits[3])];
  return (a | b | c | d) < 0 ? -1 : a << 18 | b << 12 | c << 6 | d;
}

}  // namespace

std::string to_hex(std::string_view bytes) {
  std::string out;
  out.reserve(bytes.size() * 2);
  for (const char ch : bytes) {
    const auto b = static_cast<unsigned char>(ch);
    out += kHexDigits[b >> 4];
    out += kHexDigits[b & 0xF];
  }
  return out;
}

Result<std::string> from_hex(std::string_view text) {
  if (text.size() % 2 != 0) return fail(Code::kBadEncoding, "hex of odd length");
  std::string out;
  out.reserve(text.size() / 2);
  for (std::size_t i = 0; i < text.size(); i += 2) {
    const int hi = kHexValue[static_cast<unsigned char>(text[i])], lo = kHexValue[static_cast<unsigned char>(text[i + 1])];
    if (hi < 0 || lo < 0) return fail(Code::kBadEncoding, "not lower-case hex at offset " + std::to_string(i));
    out += static_cast<char>((hi << 4) | lo);
  }
  return out;
}

std::string to_base64(std::string_view bytes) {
  std::string out;
  out.reserve((bytes.size() + 2) / 3 * 4);
  std::uint32_t acc = 0;
  int bits = 0;
  for (const char ch : bytes) {
    acc = (acc << 8) | static_cast<unsigned char>(ch);
    bits += 8;
    while (bits >= 6) {
      bits -= 6;
      out += kBase64[(acc >> bits) & 63];
    }
  }
  if (bits > 0) out += kBase64[(acc << (6 - bits)) & 63];
  while (out.size() % 4 != 0) out += '=';
  return out;
}

namespace {

// Writes behind what it reads: `out` may be where `text` begins. How many bytes it wrote, at most 3 for each 4 read.
Result<std::size_t> decode_base64(std::string_view text, char* out) {
  if (text.size() % 4 != 0) return fail(Code::kBadEncoding, "base64 without its padding");
  std::size_t padding = 0;
  while (padding < 2 && padding < text.size() && text[text.size() - 1 - padding] == '=') ++padding;
  const std::string_view digits = text.substr(0, text.size() - padding);
  // Each a memchr over the whole text; find_first_of would be one a byte.
  if ((digits.contains('+') || digits.contains('/')) && (digits.contains('-') || digits.contains('_'))) return fail(Code::kBadEncoding, "base64 mixes two alphabets");
  const std::size_t whole = digits.size() / 4;  // an envelope is megabytes of these
  std::size_t done = 0, size = 0;
  for (; done < whole; ++done) {
    const int value = quantum(digits.data() + done * 4);
    if (value < 0) break;
    out[size++] = static_cast<char>(value >> 16);
    out[size++] = static_cast<char>(value >> 8 & 0xFF);
    out[size++] = static_cast<char>(value & 0xFF);
  }
  std::uint32_t acc = 0;
  int bits = 0;
  for (std::size_t i = done * 4; i < digits.size(); ++i) {  // the last one, or the one that is wrong
    const int value = kReverse[static_cast<unsigned char>(digits[i])];
    if (value < 0) return fail(Code::kBadEncoding, "not base64 at offset " + std::to_string(i));
    acc = (acc << 6) | static_cast<std::uint32_t>(value);
    bits += 6;
    if (bits >= 8) {
      bits -= 8;
      out[size++] = static_cast<char>((acc >> bits) & 0xFF);
    }
  }
  // Two spellings of one value would be two spellings of one signed thing.
  if ((acc & ((1U << bits) - 1)) != 0) return fail(Code::kBadEncoding, "base64 with non-zero unused bits");
  return size;
}

}  // namespace

Result<std::string> from_base64(std::string_view text) {
  std::string out(text.size() / 4 * 3, '\0');
  out.resize(TRY(decode_base64(text, out.data())));
  return out;
}

Result<std::string> from_base64_in_place(std::string text) {
  text.resize(TRY(decode_base64(text, text.data())));
  return text;
}

}  // namespace airlock
