// bundle/parts: the parts of split bundles that a site has received so far, under incoming/ (0700):
//   lock                              held by whoever changes anything here
//   <SHA-256 of the bundle>/          one set
//     <its first 16 digits>.airlock.tar.zst   the joined file; each slice at its place, holes where parts are missing
//     0003                            part 3 is held: a copy of its header, made when its slice was durable
//   .gone-<SHA-256>                   a set on its way out
//
// A part is held wholly or not at all, whatever happens while it is copied; whatever has no header file is no part of
// anything and is overwritten or swept. Headers are nobody's word (manifests/bundle_part.h): that the parts make a
// bundle worth having is for the import of the joined file to say.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/fs.h"
#include "base/result.h"
#include "base/unique_fd.h"
#include "bundle/part_file.h"
#include "bundle/store.h"

namespace airlock::bundle {

struct PartSet {
  Digest bundle;
  std::string folder;
  std::map<std::uint64_t, manifests::PartHeader> held;  // by number; all of one cutting

  std::string label() const { return bundle.hex().substr(0, 16); }  // what people see of it
  std::string joined() const { return folder + "/" + label() + ".airlock.tar.zst"; }
  std::uint64_t parts() const { return held.empty() ? 0 : held.begin()->second.parts; }
  std::uint64_t held_bytes() const;
  std::vector<std::uint64_t> missing() const;
  bool complete() const { return !held.empty() && held.size() == parts(); }
};

class PartBox {
 public:
  using Progress = std::function<void(std::uint64_t done, std::uint64_t total)>;

  // Takes the lock for as long as the box lives (kBusy with Wait::kNo), and sweeps what dead processes left.
  static Result<PartBox> open(std::string folder, Wait wait, Fs& fs = system_fs());
  // Without the lock: what is held now, by digest. A folder that does not exist holds nothing.
  static Result<std::vector<PartSet>> list(const std::string& folder);

  Result<PartSet> find(const Digest& bundle) const;  // with nothing held where there is no such set

  // Copies the slice to its place, durably, and notes it in `set`, which is the set of the part's bundle. A part that
  // is held already is not read. kPart: damaged, or not of the cutting of which parts are held; kDiskFull.
  Result<void> add(PartSet& set, const PartFile& part, const Progress& progress = {});

  // Reads a complete set once more: the path of the joined file. kPart: the disk has damaged some, which are no longer
  // held then and are named; or the parts do not make the bundle that their headers name.
  Result<std::string> prove(PartSet& set, const Progress& progress = {});

  Result<void> remove(const PartSet& set);

 private:
  PartBox(std::string folder, UniqueFd lock, Fs& fs) : folder_(std::move(folder)), lock_(std::move(lock)), fs_(&fs) {}
  Result<void> sweep() const;
  Result<void> sync_folder(const std::string& path) const;
  Result<UniqueFd> joined_file(const PartSet& set) const;
  Result<void> take_slice(const PartFile& part, const UniqueFd& joined, const std::string& path, const Progress& progress) const;
  Result<void> note_held(const PartSet& set, const manifests::PartHeader& header) const;

  std::string folder_;
  UniqueFd lock_;
  Fs* fs_;
};

}  // namespace airlock::bundle
