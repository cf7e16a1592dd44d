#include "trust/durable_file.h"

#include "base/io.h"

namespace airlock::trust {

Result<void> replace_durably(Fs& fs, const std::string& folder, const std::string& name, std::string_view bytes) {
  const std::string path = folder + "/" + name, fresh = path + ".new";
  if (const auto gone = fs.unlink(fresh); !gone && gone.error().code != Code::kNotFound) return gone;
  {
    const UniqueFd file = TRY(fs.create(fresh, 0644));
    TRY(fs.write(file.get(), bytes, fresh));
    TRY(fs.sync(file.get(), fresh));  // contents before the name
  }
  // COMMIT POINT: before it, the old content; after it, the new one; test: "a trusted file is the old or the new one whatever fails"
  TRY(fs.rename(fresh, path));
  const UniqueFd dir = TRY(open_dir(folder));
  return fs.sync(dir.get(), folder);  // else the rename itself can be lost
}

Result<void> remove_durably(Fs& fs, const std::string& folder, const std::string& name) {
  if (const auto gone = fs.unlink(folder + "/" + name); !gone) {
    if (gone.error().code == Code::kNotFound) return {};
    return gone;
  }
  const UniqueFd dir = TRY(open_dir(folder));
  return fs.sync(dir.get(), folder);
}

}  // namespace airlock::trust
