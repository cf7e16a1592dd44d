#include "oci/platform.h"

#include <set>
#include <vector>

namespace airlock::oci {
namespace {

constexpr std::size_t kMaxDepth = 8, kMaxDocuments = 1000;  // of indexes in indexes; that are looked at

class Chooser {
 public:
  Chooser(std::string_view platform, const ReadDocument& read) : platform_(platform), read_(read) {}

  Result<void> look_at(const Index& index, std::size_t depth) {
    if (depth > kMaxDepth) return fail(Code::kOciMalformed, "indexes nested deeper than " + std::to_string(kMaxDepth));
    for (const Descriptor& d : index.manifests) {
      if (!seen_.insert(d.digest).second) continue;  // one image under two tags
      if (seen_.size() > kMaxDocuments) return fail(Code::kOciMalformed, "more than " + std::to_string(kMaxDocuments) + " images and indexes");
      if (d.type == MediaType::kIndex) TRY(look_at(TRY(parse_index(TRY(read_(d)), "index " + d.digest.prefixed())), depth + 1));
      if (d.type == MediaType::kManifest) TRY(judge(d));
    }
    return {};
  }

  Result<Descriptor> answer() const {
    if (fitting_.size() > 1)
      return fail(Code::kOciMalformed, std::to_string(fitting_.size()) + " images for " + std::string(platform_) + ": " + fitting_[0].digest.prefixed() +
                                           " and " + fitting_[1].digest.prefixed() + "; keep one of them");
    if (!fitting_.empty()) return fitting_.front();
    std::string others;
    for (const std::string& other : others_) others += (others.empty() ? "; it has " : ", ") + printable(other.substr(0, 60));
    return fail(Code::kOciMissing, "no image for " + std::string(platform_) + others);
  }

 private:
  Result<void> judge(const Descriptor& d) {
    std::string stated = d.platform;
    if (stated.empty()) {
      const Manifest manifest = TRY(parse_manifest(TRY(read_(d)), "manifest " + d.digest.prefixed()));
      stated = TRY(parse_config(TRY(read_(manifest.config)), "configuration " + manifest.config.digest.prefixed())).platform;
    }
    if (stated.empty() || stated == platform_) fitting_.push_back(d);
    else if (others_.size() < 8) others_.insert(std::move(stated));
    return {};
  }

  std::string_view platform_;
  const ReadDocument& read_;
  std::set<Digest> seen_;
  std::set<std::string> others_;
  std::vector<Descriptor> fitting_;
};

}  // namespace

Result<Descriptor> choose_image(const Index& index, std::string_view platform, const ReadDocument& read) {
  Chooser chooser(platform, read);
  TRY(chooser.look_at(index, 0));
  return chooser.answer();
}

}  // namespace airlock::oci
