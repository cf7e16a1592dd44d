// bundle/member_rules: the site's rules on members, "requires: sigstore" (manifests/sigstore_rules.h), judged once every
// member has been proven: what is looked at then are signed digests and Sigstore bundles that are members themselves.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifests/bundle.h"
#include "manifests/sigstore_rules.h"
#include "verify/sigstore/sigstore.h"

namespace airlock::bundle {

class MemberRules {
 public:
  MemberRules() = default;                                            // no rules: everything passes
  static Result<MemberRules> read(manifests::SigstoreRules rules);    // kSigstoreTrustedRoot, kKeyUnreadable, kKeyUnsupported

  bool empty() const { return rules_.rules.empty(); }
  // Whether the member is a Sigstore bundle that check() will ask for.
  bool wants(std::string_view path) const;
  // `bundles`: the members it wants, by path. kSigstoreRequired: a member lacks its bundle; else the reason why that does
  // not hold, with the path. Gives one line of what was seen.
  Result<std::string> check(const manifests::BundleManifest& manifest, const std::map<std::string, std::string>& bundles) const;

 private:
  Result<std::string> check_member(const manifests::BundleEntry& entry, std::size_t rule, const std::string& bundle) const;
  manifests::SigstoreRules rules_;
  verify::sigstore::TrustedRoot root_;
  std::vector<verify::sigstore::ExpectedSigner> signers_;  // one for each rule
};

}  // namespace airlock::bundle
