// What the image tests share: layers written as lists of entries, packed as other tools pack them.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "archive/decode.h"
#include "base/json.h"
#include "oci/unpack.h"

namespace airlock::oci::test {

struct Entry {
  std::string name, content = {};
  char flag = '0';        // the type byte
  std::string link = {};
  unsigned mode = 0644;
};
using Layer = std::vector<Entry>;

std::string tar_of(const Layer& layer);     // POSIX ustar, two zero blocks at the end
std::string gzip_of(std::string_view bytes);

inline OpenLayer open_layer(std::string tar) {
  auto kept = std::make_shared<std::string>(std::move(tar));
  return [kept]() -> Result<std::unique_ptr<archive::ByteSource>> { return archive::memory_source(*kept); };
}
inline std::vector<OpenLayer> open_layers(const std::vector<Layer>& layers) {
  std::vector<OpenLayer> out;
  for (const Layer& layer : layers) out.push_back(open_layer(tar_of(layer)));
  return out;
}

// The files of an image layout with one image of these layers, each packed tar (gzip or none), lowest first: path -> bytes.
struct LayoutParts {
  std::vector<std::string> layers;                             // as they lie in the layout
  std::string os = "linux", architecture = "amd64";            // of the configuration; empty: not stated
  Json platform = {};                                          // of the descriptor in index.json; null: not stated
};
std::map<std::string, std::string> layout_of(LayoutParts parts);
std::map<std::string, std::string> layout_of(const std::vector<Layer>& layers);
Json oci_descriptor(const std::string& type, const std::string& bytes);  // type: "manifest.v1+json" and the like

class TempDir {
 public:
  TempDir();
  ~TempDir();
  TempDir(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  void write(const std::string& name, std::string_view bytes) const;  // makes the folders

 private:
  std::string path_;
};

// path -> content of files, "-> target" of links, "/" of folders.
std::map<std::string, std::string> list(const std::string& folder);

}  // namespace airlock::oci::test
