#include "verify/sigstore/trusted_root.h"

#include <algorithm>

#include "verify/sigstore/proto_json.h"

namespace airlock::verify::sigstore {
namespace {

constexpr std::size_t kMaxBytes = 4U << 20, kMaxItems = 256, kMaxChain = 10;

Result<Window> read_window(const Proto& item) {
  const auto window = item.maybe("validFor");
  if (!window) return Window{};
  Window out;
  out.start = TRY(window->instant("start"));
  out.end = TRY(window->instant("end"));
  return out;
}

Result<Authority> read_authority(const Proto& item) {
  const Proto chain = TRY(item.object("certChain"));
  std::vector<Certificate> certificates;
  for (const Proto& one : TRY(chain.list("certificates", kMaxChain))) {
    auto certificate = Certificate::from_der(TRY(one.bytes("rawBytes")));
    if (!certificate) return one.wrong("rawBytes", certificate.error().context);
    certificates.push_back(std::move(*certificate));
  }
  if (certificates.empty()) return chain.wrong("certificates", "is empty");
  Certificate root = certificates.back();
  certificates.pop_back();
  std::string uri = item.has("uri") ? TRY(item.text("uri")) : "";
  const Window window = TRY(read_window(item));
  return Authority{std::move(uri), std::move(root), std::move(certificates), window};
}

Result<Log> read_log(const Proto& item) {
  const Proto key = TRY(item.object("publicKey"));
  const std::string der = TRY(key.bytes("rawBytes"));
  const bool pkcs1 = key.has("keyDetails") && TRY(key.text("keyDetails")).starts_with("PKCS1_RSA");
  auto read = pkcs1 ? SigningKey::from_pkcs1(der) : SigningKey::from_spki(der);
  if (!read) return key.wrong("rawBytes", read.error().context);
  std::string url = item.has("baseUrl") ? TRY(item.text("baseUrl")) : "";
  std::string id = TRY(TRY(item.object("logId")).bytes("keyId"));
  const Window window = TRY(read_window(key));
  return Log{std::move(url), std::move(id), std::move(*read), window};
}

template <class Item>
Result<std::vector<Item>> read_all(const Proto& root, std::string_view key, Result<Item> (*read)(const Proto&)) {
  std::vector<Item> items;
  for (const Proto& item : TRY(root.list(key, kMaxItems))) items.push_back(TRY(read(item)));
  return items;
}

}  // namespace

const Log* TrustedRoot::find(const std::vector<Log>& logs, std::string_view id) {
  const auto at = std::ranges::find(logs, id, &Log::id);
  return at == logs.end() ? nullptr : &*at;
}

Result<TrustedRoot> parse_trusted_root(std::string_view text) {
  if (text.size() > kMaxBytes) return fail(Code::kTooLarge, "Sigstore trusted root: over 4 MiB");
  const Json document = TRY(parse_json(text, "Sigstore trusted root"));
  const Proto root(document, "", Code::kSigstoreTrustedRoot);
  if (const std::string type = TRY(root.text("mediaType")); !type.starts_with("application/vnd.dev.sigstore.trustedroot"))
    return root.wrong("mediaType", "\"" + type + "\" is not a trusted root");
  TrustedRoot out;
  out.certificate_authorities = TRY(read_all(root, "certificateAuthorities", read_authority));
  out.timestamp_authorities = TRY(read_all(root, "timestampAuthorities", read_authority));
  out.transparency_logs = TRY(read_all(root, "tlogs", read_log));
  out.certificate_logs = TRY(read_all(root, "ctlogs", read_log));
  return out;
}

}  // namespace airlock::verify::sigstore
