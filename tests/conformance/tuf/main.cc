// airlock-tuf: the TUF client of airlock as a small program, for suites that drive clients from outside. Not installed.
//
//   airlock-tuf --metadata-dir M init ROOT
//   airlock-tuf --repo-dir D --now T --metadata-dir M refresh
//   airlock-tuf --repo-dir D --now T --metadata-dir M --target-name N --target-dir X download
//
// D holds metadata/ and targets/ under the names a client asks for; T is the time at which expiry is judged. What is
// trusted lies in M, byte for byte as received. Targets go to X under their percent-encoded names, and one that is
// there already and is right is not looked up again. Exit 0, or 1 with a line on stderr. Each name that is looked up,
// found or not, is appended to $TUF_FETCH_LOG. Everything but arguments and that log is the production code.
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <map>

#include "base/io.h"
#include "trust/tuf_store.h"
#include "verify/tuf/paths.h"
#include "verify/tuf/updater.h"

namespace {

using namespace airlock;
namespace tuf = verify::tuf;

class LoggedSource : public tuf::Source {
 public:
  explicit LoggedSource(const std::string& folder) : source_(folder) {}
  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) override {
    log("metadata/" + name);
    return source_.metadata(name, limit);
  }
  Result<std::optional<std::string>> target(const std::string& name, std::uint64_t limit) override {
    log("targets/" + name);
    return source_.target(name, limit);
  }

 private:
  static void log(const std::string& name) {
    const char* path = std::getenv("TUF_FETCH_LOG");
    std::FILE* file = path == nullptr ? nullptr : std::fopen(path, "a");
    if (file == nullptr) return;
    std::fputs((name + "\n").c_str(), file);
    std::fclose(file);
  }
  trust::FolderSource source_;
};

struct Arguments {
  std::map<std::string, std::string> options;
  std::string command, root;
  const std::string& operator[](const std::string& name) { return options[name]; }
};

Result<Arguments> parse(int argc, char** argv) {
  Arguments out;
  for (int i = 1; i < argc; ++i) {
    const std::string word = argv[i];
    if (word.starts_with("--") && i + 1 < argc) out.options[word] = argv[++i];
    else if (out.command.empty()) out.command = word;
    else if (out.root.empty()) out.root = word;
    else return fail(Code::kUsage, word);
  }
  return out;
}

Result<void> init(Arguments& given) {
  const std::string root = TRY(read_file(given.root, tuf::UpdateLimits{}.root_bytes));
  // Expiry is judged when the chain of roots has been walked: any time will do here.
  (void)TRY(tuf::TrustedSet::from_root(root, Instant::from_millis(0)));
  TRY(make_dirs(given["--metadata-dir"]));
  trust::TufStore store(given["--metadata-dir"]);
  return store.keep(tuf::kRoot, root);
}

Result<void> download(tuf::Updater& updater, Arguments& given) {
  const std::string path = given["--target-dir"] + "/" + tuf::percent_encode(given["--target-name"]);
  const tuf::FoundTarget found = TRY(updater.find(given["--target-name"]));
  if (const auto there = read_file(path, found.file.length);
      there && tuf::check_content(*there, found.file.length, found.file.hashes, found.path))
    return {};
  const std::string bytes = TRY(updater.fetch(found));
  TRY(make_dirs(given["--target-dir"]));
  return write_file_durably(path, bytes);
}

Result<void> run(Arguments& given) {
  if (given.command == "init") return init(given);
  if (given.command != "refresh" && given.command != "download") return fail(Code::kUsage, "init, refresh or download");
  const Instant now = TRY(Instant::parse(given["--now"]));
  LoggedSource source(given["--repo-dir"]);
  trust::TufStore store(given["--metadata-dir"]);
  tuf::Updater updater = TRY(tuf::Updater::start(source, store, now));
  TRY(updater.refresh());
  return given.command == "download" ? download(updater, given) : Result<void>{};
}

}  // namespace

int main(int argc, char** argv) {
  auto given = parse(argc, argv);
  const auto done = given ? run(*given) : Result<void>(fail(given.error()));
  if (done) return 0;
  std::fprintf(stderr, "airlock-tuf: error[%s]: %s\n", std::string(code_info(done.error().code).text).c_str(), describe(done.error()).c_str());
  return 1;
}
