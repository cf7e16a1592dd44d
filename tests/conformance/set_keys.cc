// keys: encrypted private keys and containers, PEM import, and detached signatures (raw, minisign, signify).
#include "base/digest.h"
#include "sets.h"
#include "verify/detached.h"
#include "verify/key_container.h"
#include "verify/key_import.h"

namespace airlock::conformance {
namespace {

using namespace verify;

void run_encrypted_key(const Case& c, Report& report) {
  const std::string pem = USE(c.file("key"), report);
  const auto key = open_encrypted_key(pem, c.text("password").value_or(""));
  report.judge(c.expect(), key);
  if (!key) return;
  if (const auto want = c.text("plaintext_sha256")) report.equal("plaintext_sha256", *want, Digest::of(key->der().view()).hex());
  if (!c.has_file("public")) return;
  const std::string public_pem = USE(c.file("public"), report);
  const PublicKey public_key = USE(PublicKey::from_pem(public_pem), report);
  report.equal("public key", public_key.key_id(), key->public_key().key_id());
}

void run_encrypted_data(const Case& c, Report& report) {
  const std::string container = USE(c.file("container"), report);
  const auto opened = open_container(container, c.text("password").value_or(""));
  report.judge(c.expect(), opened);
  if (opened && c.text("plaintext")) report.equal("plaintext", *c.text("plaintext"), std::string(opened->view()));
}

Result<VerifiedDetached> verify_signature(const Case& c) {
  const std::string text = TRY(c.file("key"));
  const DetachedKey key = TRY(DetachedKey::parse(text));
  const std::string signature = TRY(c.file("signature"));
  const std::string data = TRY(c.file("data"));
  return verify_detached(key, signature, data);
}

}  // namespace

void run_keys(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind == "encrypted-key") return run_encrypted_key(c, report);
  if (kind == "encrypted-data") return run_encrypted_data(c, report);
  if (kind == "pem-import") {
    const std::string pem = USE(c.file("pem"), report);
    return report.judge(c.expect(), import_private_key(pem));
  }
  if (kind == "blob-signature" || kind == "minisign" || kind == "signify") return report.judge(c.expect(), verify_signature(c));
  report.differ("a known kind", kind, "nothing to run it with");
}

}  // namespace airlock::conformance
