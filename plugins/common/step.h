// plugins/common/step: what the main function of every plugin does: find its folders, report progress on fd 3, and
// turn an error into one line on stderr and an exit status.
//
// A plugin sees /in/<name> (read-only), /out (writable) and nothing else. --in and --out name other folders, so that
// tests and developers can run a plugin without a sandbox.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/json.h"
#include "base/result.h"

namespace airlock::plugin {

inline constexpr std::uint64_t kDocumentBytes = 64 * kMiB;  // one advisory, SBOM or report
inline constexpr std::size_t kDocuments = 100'000;          // in one input folder

// Lines for the runner on fd 3; silent when nobody listens there.
class Events {
 public:
  Events();
  void progress(double fraction);  // 0 to 1
  void metric(std::string_view name, std::uint64_t value);

 private:
  void line(const Json& event);
  bool open_;
};

struct Step {
  std::string in, out;                         // folders
  std::map<std::string, std::string> options;  // without the leading --
  Events events;

  std::string input(std::string_view name) const { return in + "/" + std::string(name); }
  std::string option(const std::string& name) const;  // empty when not given
  Result<void> write(const std::string& name, std::string_view bytes) const;
};

struct Document {
  std::string name;  // path below the input, or the file's own name
  Json value;
};

// Calls `visit` with the JSON document at `path`, or with every *.json below it, in byte order of their paths.
// Links and special files are refused: a folder that holds them is not what the bundle carried.
Result<void> for_each_document(const std::string& path, const std::function<Result<void>(const Document&)>& visit);

// The one document at `path`, or at `path`/`name` when `path` is a folder.
Result<Json> read_document(const std::string& path, std::string_view name);

using Work = Result<void> (*)(Step&);

// 0 done, 64 usage, 65 a document is not what it should be, 66 an input is missing, 70 out of memory, 73 /out is full,
// 74 any other system error. `options` are the names of --options taken besides --in and --out.
int run_plugin(std::string_view name, std::span<char*> argv, std::vector<std::string> options, Work work);

}  // namespace airlock::plugin
