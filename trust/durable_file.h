// trust/durable_file: one small file of what a site trusts, replaced as a whole through the file system port.
#pragma once

#include <string>
#include <string_view>

#include "base/fs.h"
#include "base/result.h"

namespace airlock::trust {

// FOLDER/NAME becomes `bytes`, durably; a reader sees the old or the new content, never a part. What an interrupted
// replacement left behind (NAME.new) is overwritten. Not for two writers at once: the caller holds a lock.
Result<void> replace_durably(Fs& fs, const std::string& folder, const std::string& name, std::string_view bytes);

// Not there is fine.
Result<void> remove_durably(Fs& fs, const std::string& folder, const std::string& name);

}  // namespace airlock::trust
