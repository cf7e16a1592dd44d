#include "common/step.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <exception>
#include <filesystem>

#include "base/io.h"

namespace airlock::plugin {
namespace {

namespace fs = std::filesystem;

constexpr int kEventFd = 3;

enum class Kind { kFile, kFolder };

Result<Kind> kind_of(const std::string& path) {
  struct stat st{};
  if (::lstat(path.c_str(), &st) != 0) return os_fail("lstat", path);
  if (S_ISREG(st.st_mode)) return Kind::kFile;
  if (S_ISDIR(st.st_mode)) return Kind::kFolder;
  return fail(Code::kField, path + ": neither a regular file nor a folder");
}

// Every *.json below `root`, relative, sorted by bytes: the order never depends on the file system.
Result<std::vector<std::string>> json_below(const std::string& root) {
  std::vector<std::string> found;
  std::error_code error;
  for (fs::recursive_directory_iterator it(root, error), end; !error && it != end; it.increment(error)) {
    const std::string path = it->path().string();
    if (TRY(kind_of(path)) == Kind::kFolder || !path.ends_with(".json")) continue;
    if (found.size() == kDocuments)
      return fail(Code::kTooLarge, root + ": more than " + std::to_string(kDocuments) + " documents");
    found.push_back(path.substr(root.size() + 1));
  }
  if (error) return fail(os_error("readdir", root, error.value()));
  std::ranges::sort(found);
  return found;
}

Result<Json> read_json(const std::string& path, std::string_view what) {
  const std::string text = TRY(read_file(path, kDocumentBytes));
  return parse_json(text, what);
}

int exit_status(Code code) {
  if (code == Code::kUsage) return 64;
  if (code == Code::kNotFound) return 66;
  if (code == Code::kDiskFull) return 73;
  if (code == Code::kIo || code == Code::kPermission || code == Code::kStateReadOnly) return 74;
  return 65;
}

Result<Step> parse_arguments(std::span<char*> argv, const std::vector<std::string>& options) {
  Step step{.in = "/in", .out = "/out", .options = {}, .events = {}};
  for (std::size_t i = 1; i < argv.size(); i += 2) {
    const std::string_view flag = argv[i];
    if (i + 1 == argv.size()) return fail(Code::kUsage, std::string(flag) + " needs a value");
    const std::string name(flag.substr(std::min<std::size_t>(2, flag.size())));
    if (flag == "--in") {
      step.in = argv[i + 1];
    } else if (flag == "--out") {
      step.out = argv[i + 1];
    } else if (flag.starts_with("--") && std::ranges::find(options, name) != options.end()) {
      step.options[name] = argv[i + 1];
    } else {
      return fail(Code::kUsage, "unknown option " + std::string(flag));
    }
  }
  return step;
}

}  // namespace

// A file opened for reading that happens to be number 3 is not the runner's channel.
Events::Events() {
  const int flags = ::fcntl(kEventFd, F_GETFL);
  open_ = flags >= 0 && (flags & O_ACCMODE) != O_RDONLY;
}

void Events::line(const Json& event) {
  if (!open_) return;
  // A reader that went away must not fail the step: progress is a courtesy.
  open_ = write_all(kEventFd, canonical_json(event) + "\n", "fd 3").has_value();
}

void Events::progress(double fraction) { line({{"progress", fraction}}); }

void Events::metric(std::string_view name, std::uint64_t value) {
  line({{"metric", {{"name", name}, {"value", value}}}});
}

std::string Step::option(const std::string& name) const {
  const auto it = options.find(name);
  return it == options.end() ? std::string() : it->second;
}

Result<void> Step::write(const std::string& name, std::string_view bytes) const {
  const std::string path = out + "/" + name;
  const UniqueFd file(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0644));
  if (!file) return os_fail("open", path);
  return write_all(file.get(), bytes, path);
}

Result<void> for_each_document(const std::string& path, const std::function<Result<void>(const Document&)>& visit) {
  if (TRY(kind_of(path)) == Kind::kFile) {
    const std::string name = fs::path(path).filename().string();
    Json value = TRY(read_json(path, name));
    return visit({name, std::move(value)});
  }
  for (const std::string& name : TRY(json_below(path))) {
    Json value = TRY(read_json(path + "/" + name, name));
    TRY(visit({name, std::move(value)}));
  }
  return {};
}

Result<Json> read_document(const std::string& path, std::string_view name) {
  const bool folder = TRY(kind_of(path)) == Kind::kFolder;
  return read_json(folder ? path + "/" + std::string(name) : path, name);
}

int run_plugin(std::string_view name, std::span<char*> argv, std::vector<std::string> options, Work work) {
  std::signal(SIGPIPE, SIG_IGN);  // a closed fd 3 is reported by write()
  const auto refuse = [&](std::string_view why, int status) {
    std::fprintf(stderr, "%.*s: %.*s\n", static_cast<int>(name.size()), name.data(), static_cast<int>(why.size()),
                 why.data());
    return status;
  };
  // Library code returns errors; what may still throw is an allocation, and that must not look like a crash.
  try {
    auto step = parse_arguments(argv, options);
    if (!step) return refuse(describe(step.error()), exit_status(step.error().code));
    const Result<void> done = work(*step);
    if (!done) return refuse(describe(done.error()), exit_status(done.error().code));
    return 0;
  } catch (const std::exception& e) {
    return refuse(e.what(), 70);
  }
}

}  // namespace airlock::plugin
