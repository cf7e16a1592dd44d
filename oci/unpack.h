// oci/unpack: a tree of files onto a disk.
//
// The folder must be there and empty. Folders are made first and links last, each name is looked up below a folder we
// hold open and without following anything, and no name is written twice: nothing outside the folder is created, changed
// or followed, whatever the archives say. Files get 0644 or 0755 and belong to who runs this; times are not kept.
// After an error the folder holds a part of the files: it is for the caller to remove.
#pragma once

#include <functional>
#include <memory>
#include <vector>

#include "archive/stream.h"
#include "base/result.h"
#include "oci/tree.h"

namespace airlock::oci {

// Opens the tar of a layer, decompressed, from its beginning; called twice for each layer. A source may check what
// passes through it: it is read to its end each time.
using OpenLayer = std::function<Result<std::unique_ptr<archive::ByteSource>>()>;

struct UnpackLimits {
  Limits entries = {};                               // names, numbers of entries
  std::uint64_t total_bytes = Limits{}.bundle_bytes; // of all files that are written
};

// What the layers, lowest first, make together. Reads each once and writes nothing.
Result<Tree> flatten(const std::vector<OpenLayer>& layers, Rules rules, const Limits& limits = {});
// Flattens, then writes. kArchiveLimit: over total_bytes, before the first byte is written. kAlreadyExists: the folder is
// not empty. kOciUnsafe: a layer was another one when it was read again.
Result<Tree> unpack(const std::vector<OpenLayer>& layers, const std::string& folder, Rules rules, const UnpackLimits& limits = {});

}  // namespace airlock::oci
