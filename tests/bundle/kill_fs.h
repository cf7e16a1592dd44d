// A file system port that kills its own process at the change numbered `at`, just before or just after it. For a child.
#pragma once

#include <atomic>
#include <csignal>
#include <string>
#include <unistd.h>

#include "base/fs.h"

namespace airlock::bundle::test {

class KillFs : public Fs {
  template <class Change>
  auto change(Change&& make) {
    const bool now = changes_++ == at_;
    if (now && !after_) ::kill(::getpid(), SIGKILL);
    auto made = make();
    if (now) ::kill(::getpid(), SIGKILL);
    return made;
  }

 public:
  KillFs(std::uint64_t at, bool after) : at_(at), after_(after) {}
  Result<UniqueFd> create(const std::string& path, unsigned mode) override {
    return change([&] { return real_.create(path, mode); });
  }
  Result<void> write(int fd, std::string_view bytes, const std::string& path) override {
    return change([&] { return real_.write(fd, bytes, path); });
  }
  Result<void> set_mode(int fd, unsigned mode, const std::string& path) override {
    return change([&] { return real_.set_mode(fd, mode, path); });
  }
  Result<void> sync(int fd, const std::string& path) override {
    return change([&] { return real_.sync(fd, path); });
  }
  Result<void> sync_all(int fd, const std::string& path) override {
    return change([&] { return real_.sync_all(fd, path); });
  }
  Result<void> make_dir(const std::string& path, unsigned mode) override {
    return change([&] { return real_.make_dir(path, mode); });
  }
  Result<void> rename(const std::string& from, const std::string& to) override {
    return change([&] { return real_.rename(from, to); });
  }
  Result<void> link(const std::string& from, const std::string& to) override {
    return change([&] { return real_.link(from, to); });
  }
  Result<void> unlink(const std::string& path) override {
    return change([&] { return real_.unlink(path); });
  }

 private:
  std::uint64_t at_;
  std::atomic<std::uint64_t> changes_ = 0;  // an import writes on several threads
  bool after_;
  Fs& real_ = system_fs();
};

}  // namespace airlock::bundle::test
