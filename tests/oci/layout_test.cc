#include <catch2/catch.hpp>

#include <unistd.h>

#include <filesystem>

#include "base/digest.h"
#include "oci/docker_archive.h"
#include "oci/layout.h"
#include "support.h"

using namespace airlock;
using namespace airlock::oci;
using namespace airlock::oci::test;

namespace {

Json descriptor(const std::string& type, const std::string& bytes) {
  return {{"mediaType", type}, {"digest", Digest::of(bytes).prefixed()}, {"size", bytes.size()}};
}

// An image of one gzip layer; change a part, then write() it.
struct Image {
  std::string tar = tar_of({{"hello", "world"}}), layer = gzip_of(tar), config, manifest, index, layout = R"({"imageLayoutVersion":"1.0.0"})";

  Image() { seal(); }
  void seal() {
    config = Json{{"rootfs", {{"type", "layers"}, {"diff_ids", {Digest::of(tar).prefixed()}}}}}.dump();
    manifest = Json{{"schemaVersion", 2},
                    {"config", descriptor("application/vnd.oci.image.config.v1+json", config)},
                    {"layers", {descriptor("application/vnd.oci.image.layer.v1.tar+gzip", layer)}}}
                   .dump();
    index = Json{{"schemaVersion", 2}, {"manifests", {descriptor("application/vnd.oci.image.manifest.v1+json", manifest)}}}.dump();
  }
  void write(const TempDir& dir) const {
    dir.write("oci-layout", layout);
    dir.write("index.json", index);
    for (const std::string* blob : {&layer, &config, &manifest}) dir.write("blobs/sha256/" + Digest::of(*blob).hex(), *blob);
  }
  std::string blob(const TempDir& dir, const std::string& bytes) const { return dir.path() + "/blobs/sha256/" + Digest::of(bytes).hex(); }
};

Code check_code(const TempDir& dir) {
  const auto layout = Layout::open(dir.path());
  if (!layout) return layout.error().code;
  const auto got = layout->check();
  return got ? Code::kInternal : got.error().code;
}

}  // namespace

TEST_CASE("A layout is read, checked and unpacked") {
  const TempDir dir, out;
  Image().write(dir);
  const auto layout = Layout::open(dir.path());
  REQUIRE(layout);
  const auto checked = layout->check();
  REQUIRE(checked);
  CHECK(checked->blobs == 3);
  CHECK(checked->missing.empty());
  const auto layers = layout->image(layout->index().manifests.at(0));
  REQUIRE(layers);
  REQUIRE(unpack(*layers, out.path(), Rules::kImage));
  CHECK(list(out.path()) == std::map<std::string, std::string>{{"hello", "world"}});
}

TEST_CASE("A blob that is not what its digest says is found, whatever it is") {
  const Image good;
  for (const std::string* blob : {&good.layer, &good.config, &good.manifest}) {
    for (const std::string& other : {*blob + " ", blob->substr(1), std::string()}) {
      const TempDir dir;
      good.write(dir);
      dir.write("blobs/sha256/" + Digest::of(*blob).hex(), other);
      CHECK(check_code(dir) == Code::kOciDigest);
    }
    const TempDir dir;
    good.write(dir);
    std::filesystem::remove(good.blob(dir, *blob));
    CHECK(Layout::open(dir.path())->check()->missing == std::vector{Digest::of(*blob)});
  }
}

TEST_CASE("A blob or folder that is a link is not followed") {
  const Image image;
  const TempDir elsewhere;
  elsewhere.write("layer", image.layer);
  {
    const TempDir dir;
    image.write(dir);
    std::filesystem::remove(image.blob(dir, image.layer));
    REQUIRE(::symlink((elsewhere.path() + "/layer").c_str(), image.blob(dir, image.layer).c_str()) == 0);
    CHECK(check_code(dir) == Code::kOciMalformed);
  }
  const TempDir dir;
  image.write(dir);
  std::filesystem::rename(dir.path() + "/blobs", elsewhere.path() + "/blobs");
  REQUIRE(::symlink((elsewhere.path() + "/blobs").c_str(), (dir.path() + "/blobs").c_str()) == 0);
  CHECK(Layout::open(dir.path())->check()->missing.size() == 1);
}

TEST_CASE("A layer whose tar is not the one the configuration names is refused while it is unpacked") {
  Image image;
  image.layer = gzip_of(tar_of({{"hello", "wOrld"}}));
  const std::string config = image.config;
  image.manifest = Json{{"schemaVersion", 2},
                        {"config", descriptor("application/vnd.oci.image.config.v1+json", config)},
                        {"layers", {descriptor("application/vnd.oci.image.layer.v1.tar+gzip", image.layer)}}}
                       .dump();
  image.index = Json{{"schemaVersion", 2}, {"manifests", {descriptor("application/vnd.oci.image.manifest.v1+json", image.manifest)}}}.dump();
  const TempDir dir, out;
  image.write(dir);
  const auto layout = Layout::open(dir.path());
  REQUIRE(layout->check());  // every blob is what its digest says
  const auto layers = layout->image(layout->index().manifests.at(0));
  CHECK(unpack(*layers, out.path(), Rules::kImage).error().code == Code::kOciDigest);
  CHECK(list(out.path()).empty());
}

TEST_CASE("Documents of an image that are not what the specification says are refused") {
  const auto refused = [](const std::string& text) { return !parse_index(text, "index.json"); };
  const std::string digest = Digest::of("x").prefixed();
  CHECK_FALSE(refused(R"({"schemaVersion":2,"manifests":[]})"));
  CHECK(refused("null"));
  CHECK(refused(R"({"schemaVersion":1,"manifests":[]})"));
  CHECK(refused(R"({"schemaVersion":2,"schemaVersion":2,"manifests":[]})"));
  CHECK(refused(R"({"schemaVersion":2,"manifests":[{"digest":")" + digest + R"("}]})"));
  CHECK(refused(R"({"schemaVersion":2,"manifests":[{"size":-1,"digest":")" + digest + R"("}]})"));
  for (const std::string& bad : {std::string("sha256:../../etc/passwd"), "md5:" + std::string(32, '0'), digest.substr(7), digest + "0", "SHA256:" + digest.substr(7)})
    CHECK(refused(R"({"schemaVersion":2,"manifests":[{"size":1,"digest":")" + bad + R"("}]})"));
  CHECK_FALSE(check_layout_file(R"({"imageLayoutVersion":"2.0.0"})"));
  CHECK_FALSE(parse_docker_manifest("null"));
  CHECK_FALSE(parse_docker_manifest("[]"));
}

TEST_CASE("Indexes in indexes end somewhere") {
  const TempDir dir;
  Image image;
  std::string inner = image.index;
  for (int depth = 0; depth < 12; ++depth) {
    dir.write("blobs/sha256/" + Digest::of(inner).hex(), inner);
    inner = Json{{"schemaVersion", 2}, {"manifests", {descriptor("application/vnd.oci.image.index.v1+json", inner)}}}.dump();
  }
  image.index = inner;
  image.write(dir);
  CHECK(check_code(dir) == Code::kOciMalformed);
}

TEST_CASE("An archive of docker save is read in place, layers that are links included") {
  const std::string tar = tar_of({{"hello", "world"}});
  const std::string config = Json{{"rootfs", {{"diff_ids", {Digest::of(tar).prefixed(), Digest::of(tar).prefixed()}}}}}.dump();
  const auto archive = [&](const std::string& target, const std::string& manifest) {
    return tar_of({{"a/layer.tar", tar}, {.name = "b/layer.tar", .flag = '2', .link = target}, {"c.json", config}, {"manifest.json", manifest}});
  };
  const std::string manifest = R"([{"Config":"c.json","RepoTags":null,"Layers":["a/layer.tar","b/layer.tar"]}])";
  const auto run = [&](const std::string& bytes) -> Code {
    const TempDir dir, out;
    dir.write("image.tar", bytes);
    const auto opened = DockerArchive::open(dir.path() + "/image.tar");
    if (!opened) return opened.error().code;
    const auto layers = opened->image(opened->images().at(0));
    if (!layers) return layers.error().code;
    const auto tree = unpack(*layers, out.path(), Rules::kImage);
    return tree ? Code::kInternal : tree.error().code;
  };
  CHECK(run(archive("../a/layer.tar", manifest)) == Code::kInternal);
  CHECK(run(archive("/etc/passwd", manifest)) == Code::kOciMissing);
  CHECK(run(archive("../../../etc/passwd", manifest)) == Code::kOciMissing);
  CHECK(run(archive("layer.tar", manifest)) == Code::kOciMissing);  // a link to itself
  CHECK(run(archive("../a/layer.tar", "null")) == Code::kOciMalformed);
  CHECK(run(archive("../a/layer.tar", R"([{"Config":"c.json","Layers":["a/layer.tar"]}])")) == Code::kOciMalformed);
  CHECK(run(archive("../c.json", manifest)) == Code::kOciDigest);
  CHECK(run(tar_of({{"manifest.json", manifest}, {"manifest.json", manifest}})) == Code::kOciMalformed);
}
