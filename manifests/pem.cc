#include "manifests/pem.h"

#include <openssl/crypto.h>

#include "base/encoding.h"

namespace airlock::manifests {
namespace {

constexpr std::string_view kBegin = "-----BEGIN ", kEnd = "-----END ", kDashes = "-----", kSpace = " \t\r\n";

std::string_view strip(std::string_view text) {
  const auto first = text.find_first_not_of(kSpace);
  if (first == std::string_view::npos) return {};
  return text.substr(first, text.find_last_not_of(kSpace) - first + 1);
}

struct Wiped {
  std::string text;
  ~Wiped() { OPENSSL_cleanse(text.data(), text.size()); }
};

}  // namespace

Result<std::string> pem_label(std::string_view pem) {
  const std::string_view text = strip(pem);
  if (!text.starts_with(kBegin)) return fail(Code::kField, "no -----BEGIN line at the start");
  const auto end = text.find(kDashes, kBegin.size());
  if (end == std::string_view::npos || end - kBegin.size() > 64)
    return fail(Code::kField, "a broken -----BEGIN line");
  return std::string(text.substr(kBegin.size(), end - kBegin.size()));
}

Result<std::string> pem_to_der(std::string_view pem, std::string_view label) {
  const std::string head = std::string(kBegin) + std::string(label) + "-----";
  const std::string tail = std::string(kEnd) + std::string(label) + "-----";
  const std::string_view text = strip(pem);
  if (!text.starts_with(head)) return fail(Code::kField, "not a PEM block \"" + std::string(label) + "\"");
  if (!text.ends_with(tail) || text.size() < head.size() + tail.size())
    return fail(Code::kField, "PEM block \"" + std::string(label) + "\" has no end, or something follows it");
  const std::string_view body = text.substr(head.size(), text.size() - head.size() - tail.size());
  if (!body.starts_with('\n') && !body.starts_with("\r\n"))
    return fail(Code::kField, "text after the BEGIN line");
  if (!body.ends_with('\n')) return fail(Code::kField, "the END line does not begin a line");
  Wiped digits;
  digits.text.reserve(body.size());
  for (const char c : body)
    if (c != '\n' && c != '\r') digits.text += c;
  if (digits.text.empty()) return fail(Code::kField, "an empty PEM block");
  // PEM is written in the standard alphabet only.
  if (digits.text.find_first_of("-_") != std::string::npos)
    return fail(Code::kField, "more than base64 in the PEM block");
  auto der = from_base64(digits.text);
  if (!der) return fail(Code::kField, "PEM block: " + der.error().context);
  return der;
}

std::string der_to_pem(std::string_view der, std::string_view label) {
  const Wiped digits{to_base64(der)};
  std::string out = std::string(kBegin) + std::string(label) + "-----\n";
  // Once and for all: growing would leave copies of a secret behind.
  out.reserve(2 * out.size() + digits.text.size() + digits.text.size() / 64 + 8);
  for (std::size_t at = 0; at < digits.text.size(); at += 64) {
    out.append(digits.text, at, 64);
    out += '\n';
  }
  out += kEnd;
  out += label;
  out += "-----\n";
  return out;
}

}  // namespace airlock::manifests
