#include "verify/sigstore/sigstore.h"

#include <openssl/x509.h>

#include <algorithm>

#include "base/digest.h"
#include "base/encoding.h"
#include "base/json.h"
#include "verify/dsse.h"
#include "verify/sigstore/log.h"
#include "verify/time/rfc3161.h"

namespace airlock::verify::sigstore {
namespace {

constexpr std::string_view kStatementType = "application/vnd.in-toto+json";

Result<SigningKey> key_of(const Certificate& leaf) {
  unsigned char* out = nullptr;
  const int size = i2d_X509_PUBKEY(X509_get_X509_PUBKEY(leaf.get()), &out);
  if (size < 0) return fail(Code::kSigstoreCertificate, openssl_reason());
  const std::string spki(reinterpret_cast<const char*>(out), static_cast<std::size_t>(size));
  OPENSSL_free(out);
  auto key = SigningKey::from_spki(spki);
  if (!key) return fail(Code::kSigstoreCertificate, key.error().context);
  return key;
}

// One of the statement's subjects is the artifact, by a digest of SHA-256 or stronger.
Result<void> check_subject(const std::string& payload, const Signed& artifact) {
  const auto document = parse_json(payload, "in-toto statement");
  if (!document) return fail(Code::kSigstoreSignature, document.error().context);
  const auto subjects = document->is_object() ? document->find("subject") : document->end();
  if (subjects != document->end() && subjects->is_array()) {
    for (const Json& subject : *subjects) {
      const auto digests = subject.is_object() ? subject.find("digest") : subject.end();
      if (digests == subject.end() || !digests->is_object()) continue;
      for (const auto& [name, value] : digests->items()) {
        const auto hash = parse_hash(name);
        const auto digest = hash ? artifact.in(*hash) : std::nullopt;
        if (digest && value.is_string() && value.get<std::string>() == to_hex(*digest)) return {};
      }
    }
  }
  return fail(Code::kSigstoreSignature, "the signed statement is not about this artifact");
}

}  // namespace

class BundleCheck {
 public:
  BundleCheck(const Bundle& bundle, const std::optional<Signed>& artifact, const TrustedRoot& root, const Demands& demands)
      : bundle_(bundle), artifact_(artifact), root_(root), demands_(demands) {}

  Result<VerifiedSigstore> run(const ExpectedSigner& expected) {
    const auto* leaf = std::get_if<Certificate>(&bundle_.signer);
    const auto* known = std::get_if<ExpectedKey>(&expected);
    if (leaf != nullptr && known != nullptr) return fail(Code::kSigstoreIdentity, "signed by a certificate, expected was a key");
    if (leaf == nullptr && known == nullptr) return fail(Code::kSigstoreIdentity, "signed by a key, expected was a certificate");
    const SigningKey key = known != nullptr ? known->key : TRY(key_of(*leaf));
    out_.key_id_ = Digest::of(key.spki()).hex();

    prove_timestamps();
    TRY(prove_entries(leaf, key));
    if (leaf != nullptr) TRY(check_certificate(*leaf));
    else TRY(check_window(*known));
    TRY(check_content(key));
    if (leaf != nullptr) TRY(check_identity(*leaf, expected));
    return std::move(out_);
  }

 private:
  // A timestamp of an authority that is not trusted proves nothing and disproves nothing.
  void prove_timestamps() {
    for (const std::string& timestamp : bundle_.timestamps) {
      for (const verify::sigstore::Authority& authority : root_.timestamp_authorities) {
        const auto verified = verify_timestamp(timestamp, TsaRoots{{authority.root}, authority.intermediates},
                                               StampedData{bundle_.signature()});
        if (!verified || !authority.window.holds(verified->time())) continue;
        out_.times_.push_back({verified->time(), "timestamp authority " + authority.uri});
        break;
      }
    }
  }

  Result<void> prove_entries(const Certificate* leaf, const SigningKey& key) {
    if (bundle_.entries.empty() && demands_.log_entry) return fail(Code::kSigstoreLog, "no log entry");
    const Signed nothing;
    Logged logged{bundle_, artifact_ ? *artifact_ : nothing, &key};
    if (leaf != nullptr) logged.signer = leaf;
    for (const LogEntry& entry : bundle_.entries) {
      const ProvenEntry proven = TRY(prove_entry(entry, root_.transparency_logs));
      TRY(check_log_window(proven));
      TRY(check_body(entry, logged));
      if (proven.time) out_.times_.push_back({*proven.time, "log " + proven.log->url});
      ++out_.log_entries_;
    }
    return {};
  }

  // At the entry's own time, or else at one that an authority has proved.
  Result<void> check_log_window(const ProvenEntry& proven) const {
    const Window& window = proven.log->window;
    if (proven.time) {
      if (window.holds(*proven.time)) return {};
      return fail(Code::kSigstoreLog, "the key of " + proven.log->url + " is not to be believed at " + proven.time->text());
    }
    if (out_.times_.empty()) return fail(Code::kSigstoreTime, "the log gives no signed time, and no trusted timestamp does");
    if (std::ranges::any_of(out_.times_, [&](const ProvedTime& t) { return window.holds(t.time); })) return {};
    return fail(Code::kSigstoreLog, "the key of " + proven.log->url + " is not to be believed at the proved times");
  }

  Result<void> check_certificate(const Certificate& leaf) {
    if (out_.times_.empty()) return fail(Code::kSigstoreTime, "");
    std::optional<Certificate> issuer;
    for (const ProvedTime& proved : out_.times_)
      issuer = TRY(check_chain(leaf, bundle_.intermediates, root_.certificate_authorities, proved.time));
    if (demands_.certificate_timestamp) TRY(check_scts(leaf, *issuer, root_.certificate_logs));
    return {};
  }

  Result<void> check_window(const ExpectedKey& known) const {
    if (!known.window.start && !known.window.end) return {};
    if (out_.times_.empty()) return fail(Code::kSigstoreTime, "the key is believed within a window only");
    for (const ProvedTime& proved : out_.times_)
      if (!known.window.holds(proved.time))
        return fail(Code::kSigstoreSignature, "signed at " + proved.time.text() + ", when the key was not to be believed");
    return {};
  }

  Result<void> check_content(const SigningKey& key) {
    if (const auto* message = std::get_if<MessageSignature>(&bundle_.content)) return check_message(*message, key);
    const auto& envelope = std::get<DsseContent>(bundle_.content);
    if (envelope.payload_type != kStatementType)
      return fail(Code::kSigstoreSignature, "an envelope of type " + printable(envelope.payload_type) + ", expected an in-toto statement");
    if (!key.verify(pae(envelope.payload_type, envelope.payload), envelope.signature))
      return fail(Code::kSigstoreSignature, "the envelope's signature does not hold");
    if (artifact_) TRY(check_subject(envelope.payload, *artifact_));
    out_.statement_ = envelope.payload;
    return {};
  }

  Result<void> check_message(const MessageSignature& message, const SigningKey& key) const {
    if (!artifact_) return fail(Code::kSigstoreSignature, "an artifact is needed: the bundle signs one, and carries no statement");
    // The digest in the bundle is only a hint, but one that must not mislead.
    if (message.digest) {
      const auto own = artifact_->in(message.digest->first);
      if (!own || *own != message.digest->second) return fail(Code::kSigstoreSignature, "the bundle is of another artifact, by its digest");
    }
    const Hash hash = message.digest ? message.digest->first : key.usual_hash();
    if (!key.verify(*artifact_, hash, message.signature)) return fail(Code::kSigstoreSignature, "the artifact's signature does not hold");
    return {};
  }

  Result<void> check_identity(const Certificate& leaf, const ExpectedSigner& expected) {
    const SignerIdentity signer = TRY(identity_of(leaf));
    if (const auto* wanted = std::get_if<ExpectedIdentity>(&expected)) {
      if (signer.identity != wanted->identity) return fail(Code::kSigstoreIdentity, "signed by " + printable(signer.identity));
      if (signer.issuer != wanted->issuer)
        return fail(Code::kSigstoreIdentity, "signed by " + printable(signer.identity) + " as " + printable(signer.issuer) + " knows it");
    }
    out_.identity_ = signer;
    return {};
  }

  const Bundle& bundle_;
  const std::optional<Signed>& artifact_;
  const TrustedRoot& root_;
  const Demands& demands_;
  VerifiedSigstore out_;
};

Result<VerifiedSigstore> verify_bundle(std::string_view bundle, const std::optional<Signed>& artifact, const TrustedRoot& root,
                                       const ExpectedSigner& expected, const Demands& demands) {
  const Bundle parsed = TRY(parse_bundle(bundle));
  return BundleCheck(parsed, artifact, root, demands).run(expected);
}

}  // namespace airlock::verify::sigstore
