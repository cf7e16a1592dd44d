// Which image of a layout is meant.
#include <catch2/catch.hpp>

#include "oci/platform.h"
#include "support.h"

using namespace airlock;
using namespace airlock::oci;
using namespace airlock::oci::test;

namespace {

struct Made {
  std::map<std::string, std::string> blobs;  // by hex

  Json put(const std::string& type, const Json& document) {
    const std::string bytes = document.dump();
    blobs[Digest::of(bytes).hex()] = bytes;
    return oci_descriptor(type, bytes);
  }
  // An image; `config`: platform its configuration states, `index`: its descriptor. Empty: neither.
  Json image(const std::string& name, const std::string& config, const std::string& index) {
    Json configuration = {{"name", name}, {"rootfs", {{"diff_ids", Json::array()}}}};
    if (!config.empty()) configuration.update(platform(config));
    const Json configured = put("config.v1+json", configuration);
    Json d = put("manifest.v1+json", {{"schemaVersion", 2}, {"config", configured}, {"layers", Json::array()}});
    if (!index.empty()) d["platform"] = platform(index);
    return d;
  }
  static Json platform(const std::string& text) {
    const auto slash = text.find('/');
    return {{"os", text.substr(0, slash)}, {"architecture", text.substr(slash + 1)}};
  }
  Json index(const Json& manifests) { return put("index.v1+json", {{"schemaVersion", 2}, {"manifests", manifests}}); }

  // "ok NAME", or the code.
  std::string choose(const Json& manifests) const {
    const Index top = parse_index(Json{{"schemaVersion", 2}, {"manifests", manifests}}.dump(), "index.json").value();
    const auto read = [&](const Descriptor& d) -> Result<std::string> {
      const auto it = blobs.find(d.digest.hex());
      if (it == blobs.end()) return fail(Code::kOciMissing, d.digest.hex());
      return it->second;
    };
    const auto chosen = choose_image(top, "linux/amd64", read);
    if (!chosen) return std::string(code_info(chosen.error().code).text);
    const Manifest manifest = parse_manifest(read(*chosen).value(), "m").value();
    return "ok " + parse_json(read(manifest.config).value(), "c")->at("name").get<std::string>();
  }
};

}  // namespace

TEST_CASE("the one image for this platform is chosen, wherever an index has it") {
  Made m;
  const Json ours = m.image("ours", "linux/amd64", "linux/amd64"), arm = m.image("arm", "linux/arm64", "linux/arm64");
  const Json plain = m.image("plain", "linux/amd64", ""), silent = m.image("silent", "", ""), quiet_arm = m.image("quiet arm", "linux/arm64", "");
  const Json attestation = m.image("attestation", "", "unknown/unknown"), second = m.image("second", "linux/amd64", "linux/amd64");
  struct Case {
    const char* name;
    Json manifests;
    const char* wanted;
  };
  const Case cases[] = {
      {"one that states it", {ours}, "ok ours"},
      {"one whose configuration states it", {plain}, "ok plain"},
      {"one that states it nowhere", {silent}, "ok silent"},
      {"one of several platforms", {arm, ours, attestation}, "ok ours"},
      {"in an index in the index", {m.index({arm, ours}), quiet_arm}, "ok ours"},
      {"the same one twice", {ours, m.index(Json::array({ours}))}, "ok ours"},
      {"none", Json::array(), "oci:missing"},
      {"none for this platform", {arm}, "oci:missing"},
      {"none, says its configuration", {quiet_arm}, "oci:missing"},
      {"two", {ours, second}, "oci:malformed"},
      {"two, one of which says nothing", {ours, silent}, "oci:malformed"},
      {"an index that is not there", {oci_descriptor("index.v1+json", "gone")}, "oci:missing"},
      {"a manifest that is not there", {oci_descriptor("manifest.v1+json", "gone")}, "oci:missing"},
      {"something else beside it", {ours, oci_descriptor("layer.v1.tar", "x")}, "ok ours"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    CHECK(m.choose(c.manifests) == c.wanted);
  }
  Json deep = ours;
  for (int i = 0; i < 12; ++i) deep = m.index(Json::array({deep}));
  CHECK(m.choose(Json::array({deep})) == "oci:malformed");
}
