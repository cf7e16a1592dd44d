// Whatever an archive says, what would be written are relative paths, each once, folders before what is in them; and what
// the strict rules take, the rules for images take too.
#include "archive/decode.h"
#include "fuzz.h"
#include "oci/unpack.h"

using namespace airlock;

namespace {

void check(const oci::Tree& tree, oci::Rules rules) {
  for (const auto& [path, node] : tree.nodes()) {
    fuzz::require(!path.empty() && path.front() != '/' && path.back() != '/' && !path.contains('\0'));
    fuzz::require(!("/" + path + "/").contains("/../") && !("/" + path + "/").contains("/./") && !path.contains("//"));
    if (const auto slash = path.rfind('/'); slash != std::string::npos) {
      const auto parent = tree.nodes().find(path.substr(0, slash));
      fuzz::require(parent != tree.nodes().end() && parent->second.type == oci::NodeType::kFolder);
    }
    if (rules == oci::Rules::kFilesOnly) fuzz::require(node.type != oci::NodeType::kSymlink);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view tar = fuzz::text(data, size);
  const std::vector<oci::OpenLayer> layers = {[&]() -> Result<std::unique_ptr<archive::ByteSource>> { return archive::memory_source(tar); }};
  const auto files = oci::flatten(layers, oci::Rules::kFilesOnly);
  if (files) check(*files, oci::Rules::kFilesOnly);
  const auto twice = oci::flatten({layers[0], layers[0]}, oci::Rules::kImage);
  if (twice) check(*twice, oci::Rules::kImage);
  return 0;
}
