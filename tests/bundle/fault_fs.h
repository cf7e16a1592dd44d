// A file system port on a real folder whose k-th change can fail, before or after it takes effect, and whose power can
// be cut: whatever was not synced by then is undone.
#pragma once

#include <algorithm>
#include <catch2/catch.hpp>
#include <filesystem>
#include <map>
#include <mutex>
#include <string>
#include <sys/stat.h>
#include <unistd.h>
#include <vector>

#include "base/fs.h"
#include "support.h"

namespace airlock::bundle::test {

enum class Fault { kNone, kBefore, kAfter };

class FaultFs : public Fs {
 public:
  Fault fault = Fault::kNone;
  std::uint64_t at = 0;        // the number of the change that fails
  Code code = Code::kDiskFull;
  std::uint64_t changes = 0;   // made so far
  bool fired = false;

  Result<UniqueFd> create(const std::string& path, unsigned mode) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    auto fd = real_.create(path, mode);
    if (!fd) return fd;
    undo_.push_back({folder_of(path), [path] { ::unlink(path.c_str()); }});
    if (hits(Fault::kAfter)) return refuse(path);
    ++changes;
    return fd;
  }
  Result<void> write(int fd, std::string_view bytes, const std::string& path) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) {
      remember(fd);
      (void)real_.write(fd, bytes.substr(0, bytes.size() / 2), path);  // a full disk takes what still fits
      return refuse(path);
    }
    remember(fd);
    return finish(real_.write(fd, bytes, path), path);
  }
  Result<void> set_mode(int fd, unsigned mode, const std::string& path) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    return finish(real_.set_mode(fd, mode, path), path);
  }
  Result<void> sync(int fd, const std::string& path) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    unsynced_.erase(identity(fd));
    std::erase_if(undo_, [&](const Undo& undo) { return undo.folder == path; });  // names, where it is a folder
    return finish(real_.sync(fd, path), path);
  }
  Result<void> sync_all(int, const std::string& path) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    unsynced_.clear();
    undo_.clear();
    return finish({}, path);  // the real one would wait for everybody else's data as well
  }
  Result<void> make_dir(const std::string& path, unsigned mode) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    if (!std::filesystem::exists(path)) undo_.push_back({folder_of(path), [path] { std::filesystem::remove_all(path); }});
    return finish(real_.make_dir(path, mode), path);
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(to);
    const std::string aside = to + ".before";
    if (std::filesystem::is_regular_file(to)) std::filesystem::create_hard_link(to, aside);
    undo_.push_back({folder_of(to), [=] {
      std::error_code ec;
      std::filesystem::rename(to, from, ec);
      if (std::filesystem::exists(aside)) std::filesystem::rename(aside, to, ec);
    }});
    asides_.push_back(aside);
    return finish(real_.rename(from, to), to);
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(to);
    return finish(real_.link(from, to), to);
  }
  Result<void> unlink(const std::string& path) override {
    const std::scoped_lock turn(mutex_);
    if (hits(Fault::kBefore)) return refuse(path);
    return finish(real_.unlink(path), path);
  }

  // Contents that were not synced are gone, whatever the file is called by now, then names that were not, newest first.
  void cut_power() {
    for (const auto& [id, synced] : unsynced_) {
      REQUIRE(::ftruncate(synced.file.get(), 0) == 0);
      REQUIRE(::pwrite(synced.file.get(), synced.content.data(), synced.content.size(), 0) == static_cast<ssize_t>(synced.content.size()));
    }
    for (auto it = undo_.rbegin(); it != undo_.rend(); ++it) it->run();
    forget();
  }
  void forget() {
    for (const std::string& aside : asides_) ::unlink(aside.c_str());
    asides_.clear();
    undo_.clear();
    unsynced_.clear();
    fault = Fault::kNone;
  }

 private:
  using Id = std::pair<dev_t, ino_t>;
  static Id identity(int fd) {
    struct stat st{};
    ::fstat(fd, &st);
    return {st.st_dev, st.st_ino};
  }
  // What the file holds for certain: what it held when it was last synced.
  void remember(int fd) {
    if (unsynced_.contains(identity(fd))) return;
    Synced synced{UniqueFd(::dup(fd)), {}};
    struct stat st{};
    ::fstat(fd, &st);
    synced.content.resize(static_cast<std::size_t>(st.st_size));
    const ssize_t n = ::pread(fd, synced.content.data(), synced.content.size(), 0);
    synced.content.resize(static_cast<std::size_t>(std::max<ssize_t>(n, 0)));
    unsynced_.emplace(identity(fd), std::move(synced));
  }
  bool hits(Fault when) const { return fault == when && changes == at && !fired; }
  std::unexpected<Error> refuse(const std::string& path) {
    fired = true;
    ++changes;
    return fail(code, "injected: " + path);
  }
  Result<void> finish(Result<void> done, const std::string& path) {
    if (!done) return done;
    if (hits(Fault::kAfter)) return refuse(path);
    ++changes;
    return {};
  }

  Fs& real_ = system_fs();
  std::mutex mutex_;  // an import writes on several threads
  struct Synced {
    UniqueFd file;
    std::string content;
  };
  std::map<Id, Synced> unsynced_;
  struct Undo {
    std::string folder;  // whose sync makes the change final
    std::function<void()> run;
  };
  static std::string folder_of(const std::string& path) { return path.substr(0, path.rfind('/')); }
  std::vector<Undo> undo_;
  std::vector<std::string> asides_;
};

}  // namespace airlock::bundle::test
