#include "bundle/member_rules.h"

namespace airlock::bundle {
namespace {

namespace sigstore = verify::sigstore;

Result<sigstore::ExpectedSigner> signer_of(const manifests::SigstoreRule& rule) {
  if (rule.key.empty()) return sigstore::ExpectedSigner(sigstore::ExpectedIdentity{rule.identity, rule.issuer});
  auto key = TRY(sigstore::SigningKey::from_pem(rule.key));
  return sigstore::ExpectedSigner(sigstore::ExpectedKey{std::move(key), {}});
}

}  // namespace

Result<MemberRules> MemberRules::read(manifests::SigstoreRules rules) {
  MemberRules out;
  out.root_ = TRY(sigstore::parse_trusted_root(rules.trusted_root));
  for (const manifests::SigstoreRule& rule : rules.rules) {
    auto signer = signer_of(rule);
    if (!signer) return fail(signer.error().code, "rule on " + rule.members + ": " + signer.error().context);
    out.signers_.push_back(std::move(*signer));
  }
  out.rules_ = std::move(rules);
  return out;
}

bool MemberRules::wants(std::string_view path) const {
  if (!path.ends_with(manifests::kSigstoreSuffix)) return false;
  return rules_.rule_for(path.substr(0, path.size() - manifests::kSigstoreSuffix.size())) != nullptr;
}

Result<std::string> MemberRules::check(const manifests::BundleManifest& manifest,
                                       const std::map<std::string, std::string>& bundles) const {
  std::size_t checked = 0;
  std::string who;
  for (const manifests::BundleEntry& entry : manifest.entries) {
    const manifests::SigstoreRule* rule = rules_.rule_for(entry.path);
    if (rule == nullptr) continue;
    const std::string wanted = entry.path + std::string(manifests::kSigstoreSuffix);
    const auto bundle = bundles.find(wanted);
    if (bundle == bundles.end()) return fail(Code::kSigstoreRequired, entry.path + ": there is no " + wanted);
    auto signer = check_member(entry, static_cast<std::size_t>(rule - rules_.rules.data()), bundle->second);
    if (!signer) return fail(signer.error().code, entry.path + ": " + signer.error().context);
    who = std::move(*signer);
    ++checked;
  }
  return std::to_string(checked) + " members with a Sigstore bundle that holds" + (checked > 0 ? ", the last by " + who : "");
}

Result<std::string> MemberRules::check_member(const manifests::BundleEntry& entry, std::size_t rule, const std::string& bundle) const {
  // The member's bytes have been proven to be of this digest; they are not read again.
  const sigstore::Signed artifact{std::nullopt, std::pair(sigstore::Hash::kSha256, std::string(entry.sha256.raw()))};
  const auto verified = TRY(sigstore::verify_bundle(bundle, artifact, root_, signers_[rule]));
  return verified.identity() ? verified.identity()->identity : "key " + verified.key_id();
}

}  // namespace airlock::bundle
