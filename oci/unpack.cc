#include "oci/unpack.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>

#include "base/io.h"

namespace airlock::oci {
namespace {

using archive::ByteSource;
using archive::Chunk;
using archive::ForeignTarReader;

// Reads what is left, so that a source that checks its bytes sees all of them.
Result<void> drain(ByteSource& source) {
  while (!TRY(source.next()).bytes.empty()) {
  }
  return {};
}

// Hands a source to the tar reader, which stops at the end of the archive, and keeps it for drain().
class Borrowed : public ByteSource {
 public:
  explicit Borrowed(ByteSource& source) : source_(source) {}
  Result<Chunk> next() override { return source_.next(); }

 private:
  ByteSource& source_;
};

Result<void> check_empty(const UniqueFd& folder, const std::string& path) {
  UniqueFd again(::openat(folder.get(), ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC));
  if (!again) return os_fail("open", path);
  DIR* dir = ::fdopendir(again.release());
  if (dir == nullptr) return os_fail("fdopendir", path);
  bool empty = true;
  while (const dirent* entry = ::readdir(dir)) empty = empty && (std::string_view(entry->d_name) == "." || std::string_view(entry->d_name) == "..");
  ::closedir(dir);
  if (!empty) return fail(Code::kAlreadyExists, path + " is not empty");
  return {};
}

// One folder on disk that is written to. Every call names a path of the tree.
class Writer {
 public:
  explicit Writer(UniqueFd root) : root_(std::move(root)) {}

  Result<void> folder(const std::string& path) {
    const auto [dir, name] = TRY(parent(path));
    if (::mkdirat(dir, name.c_str(), 0755) != 0) return os_fail("mkdir", path);
    if (::fchmodat(dir, name.c_str(), 0755, 0) != 0) return os_fail("chmod", path);  // whatever the umask is
    return {};
  }
  Result<UniqueFd> file(const std::string& path, bool executable) {
    const auto [dir, name] = TRY(parent(path));
    UniqueFd fd(::openat(dir, name.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!fd) return os_fail("create", path);
    if (::fchmod(fd.get(), executable ? 0755 : 0644) != 0) return os_fail("chmod", path);
    return fd;
  }
  Result<void> hard_link(const std::string& from, const std::string& to) {
    const auto [from_dir, from_name] = TRY(parent(from));
    const UniqueFd kept(::fcntl(from_dir, F_DUPFD_CLOEXEC, 0));  // the next lookup moves on
    const auto [dir, name] = TRY(parent(to));
    if (::linkat(kept.get(), from_name.c_str(), dir, name.c_str(), 0) != 0) return os_fail("link", to);
    return {};
  }
  Result<void> symlink(const std::string& path, const std::string& target) {
    const auto [dir, name] = TRY(parent(path));
    if (::symlinkat(target.c_str(), dir, name.c_str()) != 0) return os_fail("symlink", path);
    return {};
  }

 private:
  struct At {
    int dir;
    std::string name;
  };
  // The folder above, one component at a time and never through a link. The last one is kept open: paths come sorted.
  Result<At> parent(const std::string& path) {
    const auto slash = path.rfind('/');
    if (slash == std::string::npos) return At{root_.get(), path};
    const std::string folder = path.substr(0, slash);
    if (folder != last_path_) {
      UniqueFd at(::fcntl(root_.get(), F_DUPFD_CLOEXEC, 0));
      for (std::size_t begin = 0; begin < folder.size();) {
        const std::size_t end = std::min(folder.find('/', begin), folder.size());
        const std::string part = folder.substr(begin, end - begin);
        at = UniqueFd(::openat(at.get(), part.c_str(), O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC));
        if (!at) return os_fail("open", folder);
        begin = end + 1;
      }
      last_ = std::move(at);
      last_path_ = folder;
    }
    return At{last_.get(), path.substr(slash + 1)};
  }

  UniqueFd root_, last_;
  std::string last_path_;
};

using Contents = std::map<Place, std::vector<const std::string*>>;  // where content stands -> the paths that have it

Result<void> write_layer(const OpenLayer& open, std::size_t layer, const Tree& tree, const Contents& contents, Writer& writer) {
  const auto source = TRY(open());
  ForeignTarReader reader(std::make_unique<Borrowed>(*source));
  for (std::uint64_t index = 0;; ++index) {
    const auto entry = TRY(reader.next());
    if (!entry) break;
    const auto wanted = contents.find({layer, index});
    if (wanted == contents.end()) continue;
    const std::string& path = *wanted->second.front();
    const Node& node = tree.nodes().at(path);
    if (entry->size != node.size) return fail(Code::kOciUnsafe, "\"" + printable(path) + "\" is another one than before");
    const UniqueFd file = TRY(writer.file(path, node.executable));
    for (;;) {
      const Chunk chunk = TRY(reader.read());
      if (chunk.bytes.empty()) break;
      TRY(write_all(file.get(), chunk.bytes, path));
    }
    for (std::size_t i = 1; i < wanted->second.size(); ++i) TRY(writer.hard_link(path, *wanted->second[i]));
  }
  return drain(*source);
}

}  // namespace

Result<Tree> flatten(const std::vector<OpenLayer>& layers, Rules rules, const Limits& limits) {
  Tree tree(rules, limits);
  for (const OpenLayer& open : layers) {
    const auto source = TRY(open());
    ForeignTarReader reader(std::make_unique<Borrowed>(*source), limits);
    tree.begin_layer();
    for (std::uint64_t index = 0;; ++index) {
      const auto entry = TRY(reader.next());
      if (!entry) break;
      TRY(tree.add(*entry, index));
    }
    TRY(drain(*source));
  }
  return tree;
}

Result<Tree> unpack(const std::vector<OpenLayer>& layers, const std::string& folder, Rules rules, const UnpackLimits& limits) {
  Tree tree = TRY(flatten(layers, rules, limits.entries));
  Contents contents;
  std::uint64_t total = 0;
  for (const auto& [path, node] : tree.nodes()) {
    if (node.type != NodeType::kFile) continue;
    auto& paths = contents[node.place];
    if (paths.empty() && (node.size > limits.total_bytes || (total += node.size) > limits.total_bytes))
      return fail(Code::kArchiveLimit, "files of more than " + std::to_string(limits.total_bytes) + " bytes together");
    paths.push_back(&path);
  }
  UniqueFd root = TRY(open_dir(folder));
  TRY(check_empty(root, folder));
  Writer writer(std::move(root));
  for (const auto& [path, node] : tree.nodes())
    if (node.type == NodeType::kFolder) TRY(writer.folder(path));
  for (std::size_t layer = 0; layer < layers.size(); ++layer) TRY(write_layer(layers[layer], layer, tree, contents, writer));
  for (const auto& [path, node] : tree.nodes())
    if (node.type == NodeType::kSymlink) TRY(writer.symlink(path, node.target));
  return tree;
}

}  // namespace airlock::oci
