// oci-layout: image layouts (kind layout) whose every descriptor must hold, and archives of `docker save`, flattened in
// memory and on a disk.
#include <algorithm>
#include <filesystem>
#include <map>

#include "archive/foreign_tar.h"
#include "base/digest.h"
#include "base/io.h"
#include "base/path.h"
#include "oci/docker_archive.h"
#include "oci/layout.h"
#include "oci/unpack.h"
#include "scratch.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

using Final = std::map<std::string, std::string>;  // path of a regular file -> SHA-256

// The roles are the names of the files in the layout.
Result<void> lay_out(const Case& c, const std::string& folder) {
  for (const std::string& role : c.roles()) {
    TRY(safe_path(role));
    const auto slash = role.rfind('/');
    TRY(make_dirs(folder + "/" + (slash == std::string::npos ? "" : role.substr(0, slash))));
    TRY(create_file_durably(folder + "/" + role, TRY(c.file(role))));
  }
  return {};
}

void run_layout(const Case& c, Report& report) {
  const Yard yard = USE(Yard::make(), report);
  const std::string folder = yard.path() + "/layout";
  USE(lay_out(c, folder), report);
  const auto check = [&]() -> Result<oci::LayoutReport> {
    const oci::Layout layout = TRY(oci::Layout::open(folder));
    oci::LayoutReport seen = TRY(layout.check());
    for (const Digest& missing : seen.missing) {
      const Json known = c.json().value("missing", Json::array());
      if (std::ranges::none_of(known, [&](const Json& d) { return d == missing.hex() || d == missing.prefixed(); }))
        return fail(Code::kOciMissing, missing.prefixed());
    }
    return seen;
  };
  report.judge(c.expect(), check());
}

Result<Final> files_on_disk(const std::string& folder) {
  Final files;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(folder))
    if (entry.is_regular_file() && !entry.is_symlink())
      files[std::filesystem::relative(entry.path(), folder).string()] = Digest::of(TRY(read_file(entry.path().string(), kGiB))).hex();
  return files;
}

// A known defect of indexes: their maker takes every leading '.' and '/' off a name instead of "./". So "./.wh.NAME", a
// whiteout, is stated as a file "wh.NAME" beside the NAME that it removes, and "./.profile" as "profile". This gives what
// such a statement means. It can only take a stated file away where a layer has that very whiteout.
Result<Final> meant(const Final& stated, const std::vector<oci::OpenLayer>& layers, const Final& got) {
  Final out = stated;
  for (const oci::OpenLayer& open : layers) {
    archive::ForeignTarReader reader(TRY(open()));
    while (const auto entry = TRY(reader.next())) {
      if (!entry->name.starts_with("./.")) continue;
      const std::string spelt = entry->name.substr(std::min(entry->name.find_first_not_of("./"), entry->name.size()));
      const std::string name = entry->name.substr(2);
      if (!out.contains(spelt) || got.contains(spelt)) continue;
      if (name.starts_with(".wh.")) {
        out.erase(spelt);
        out.erase(name.substr(4));
      } else {
        out[name] = out[spelt];
        out.erase(spelt);
      }
    }
  }
  return out;
}

// Unpacks into a yard and lists what lies there.
Result<Final> unpacked_files(const std::vector<oci::OpenLayer>& layers, Report& report) {
  const Yard yard = TRY(Yard::make());
  const std::string before = yard.outside();
  const auto tree = oci::unpack(layers, yard.inside(), oci::Rules::kImage);
  if (yard.outside() != before) report.differ("nothing outside the destination", "something is", "created, changed or followed");
  if (!tree) return fail(tree.error());
  return files_on_disk(yard.inside());
}

void run_docker_archive(const Case& c, Report& report) {
  USE(c.file("archive"), report);  // its digest
  const auto archive = oci::DockerArchive::open(c.path("archive"));
  const auto run = [&](std::vector<oci::OpenLayer>& layers) -> Result<Final> {
    if (!archive) return fail(archive.error());
    layers = TRY(archive->image(archive->images().front()));
    return unpacked_files(layers, report);
  };
  std::vector<oci::OpenLayer> layers;
  const auto got = run(layers);
  report.judge(c.expect(), got);
  if (!got || !c.has("final")) return;
  const Final stated = c.json()["final"].get<Final>();
  const Final wanted = USE(meant(stated, layers, *got), report);
  if (wanted != stated) report.note("the index takes the \"./.\" off hidden names; read as what it means");
  report.equal("files after all layers", Json(wanted), Json(*got));
}

}  // namespace

void run_oci_layout(const Case& c, Report& report) {
  if (c.kind() == "layout") return run_layout(c, report);
  if (c.kind() == "docker-archive") return run_docker_archive(c, report);
  report.differ("a known kind", c.kind(), "nothing to run it with");
}

}  // namespace airlock::conformance
