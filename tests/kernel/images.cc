#include "images.h"

#include <sys/stat.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <set>
#include <sstream>

#include "base/io.h"
#include "oci/layout.h"

namespace kernel_test {
namespace {

// Where a file really lies, under the name by which it is asked for: libraries are found by links.
std::string real_place(const std::string& path) {
  std::error_code ec;
  const std::filesystem::path asked(path);
  const auto folder = std::filesystem::canonical(asked.parent_path(), ec);
  return ec ? "" : (folder / asked.filename()).string();
}

std::vector<std::string> loaded_by(const std::string& dir, const std::vector<std::string>& programs) {
  std::string command = "ldd";
  for (const std::string& program : programs) command += " '" + program + "'";
  (void)std::system((command + " >" + dir + "/ldd 2>/dev/null").c_str());  // a static one is no failure
  std::istringstream words(read_text(dir + "/ldd"));
  std::vector<std::string> files;
  for (std::string word; words >> word;)
    if (word.starts_with('/') && !word.ends_with(':')) files.push_back(word);
  return files;
}

}  // namespace

std::string unpack_image(const std::string& dir, oci::test::LayoutParts parts) {
  for (const auto& [path, bytes] : oci::test::layout_of(std::move(parts))) {
    const std::string file = dir + "/layout/" + path;
    REQUIRE(make_dirs(file.substr(0, file.rfind('/'))));
    write_text(file, bytes);
  }
  const auto layout = oci::Layout::open(dir + "/layout");
  REQUIRE(layout);
  const auto chosen = layout->choose("linux/amd64");
  REQUIRE(chosen);
  const auto layers = layout->image(*chosen);
  REQUIRE(layers);
  REQUIRE(make_dirs(dir + "/root"));
  const auto tree = oci::unpack(*layers, dir + "/root", oci::Rules::kImage);
  if (!tree) FAIL(describe(tree.error()));
  return dir + "/root";
}

std::string unpack_image(const std::string& dir, const std::vector<oci::test::Layer>& layers) {
  oci::test::LayoutParts parts;
  for (const auto& layer : layers) parts.layers.push_back(oci::test::tar_of(layer));
  return unpack_image(dir, std::move(parts));
}

std::string layer_of_host(const std::string& dir, const std::vector<std::string>& programs, const std::vector<std::string>& folders) {
  std::set<std::string> places;
  for (const auto& list : {programs, loaded_by(dir, programs), folders})
    for (const std::string& path : list) places.insert(real_place(path));
  const auto in_a_folder = [&](const std::string& place) {  // which tar takes as a whole: not twice
    return std::ranges::any_of(folders, [&](const std::string& folder) { return place.starts_with(real_place(folder) + "/"); });
  };
  std::string names;
  for (const std::string& place : places)
    if (!place.empty() && !in_a_folder(place)) names += place.substr(1) + "\n";
  write_text(dir + "/names", names);
  const std::string command = "tar --format=posix --pax-option=delete=atime,delete=ctime -chf " + dir + "/layer.tar -C / --exclude=__pycache__ --exclude=test --exclude=jmods "
                              "--exclude=src.zip --exclude='*.jsa' --ignore-failed-read -T " + dir + "/names 2>" + dir + "/tar.log";
  if (std::system(command.c_str()) != 0) return "";
  auto layer = read_file(dir + "/layer.tar", 2 * kGiB);
  std::filesystem::remove(dir + "/layer.tar");
  return layer ? std::move(*layer) : "";
}

oci::test::Layer merged_usr() {
  oci::test::Layer layer;
  for (const std::string name : {"bin", "lib", "lib64", "sbin"}) layer.push_back({name, "", '2', "usr/" + name, 0777});
  return layer;
}

}  // namespace kernel_test
