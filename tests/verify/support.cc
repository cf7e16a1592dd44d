#include "support.h"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <stdexcept>

#include "base/io.h"

extern char** environ;

namespace airlock::verify::test {
namespace {

constexpr std::uint64_t kMaxFileBytes = 16 * kMiB;

// In a test a failed preparation is an exception: Catch2 reports it as the failure of the case.
template <class T>
T need(Result<T> result, const std::string& what) {
  if (!result) throw std::runtime_error(what + ": " + describe(result.error()));
  return std::move(*result);
}

}  // namespace

VectorSet::VectorSet(std::string name) : folder_(AIRLOCK_SOURCE_DIR "/fixtures/vectors/" + name + "/") {
  index_ = need(parse_json(need(read_file(folder_ + "index.json", kMaxFileBytes), name), name), name);
}

std::string VectorSet::file(const Json& item, const std::string& role) const {
  const Json& file = item.at("files").at(role);
  const std::string path = file.at("path");
  std::string bytes = need(read_file(folder_ + path, kMaxFileBytes), path);
  if (Digest::of(bytes).hex() != file.at("sha256").get<std::string>())
    throw std::runtime_error(path + " is not the published file");
  return bytes;
}

PrivateKey test_key(unsigned number) {
  return need(PrivateKey::from_seed(Digest::of("test key " + std::to_string(number)).raw()), "test key");
}

TempDir::TempDir() {
  const char* base = std::getenv("TMPDIR");
  std::string name = std::string(base != nullptr ? base : "/tmp") + "/airlock-verify-XXXXXX";
  if (::mkdtemp(name.data()) == nullptr) throw std::runtime_error("mkdtemp " + name);
  path_ = name;
}

TempDir::~TempDir() { (void)remove_tree(path_); }  // ignoring: a left-over temporary folder fails no test

std::string TempDir::write(const std::string& name, std::string_view bytes) const {
  const std::string file = path_ + "/" + name;
  if (const auto written = write_file_durably(file, bytes, 0600); !written)
    throw std::runtime_error(describe(written.error()));
  return file;
}

std::string TempDir::read(const std::string& name) const {
  return need(read_file(path_ + "/" + name, kMaxFileBytes), name);
}

int run_program(const std::vector<std::string>& argv) {
  std::vector<char*> args;
  for (const std::string& arg : argv) args.push_back(const_cast<char*>(arg.c_str()));
  args.push_back(nullptr);
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0);
  posix_spawn_file_actions_addopen(&actions, STDERR_FILENO, "/dev/null", O_WRONLY, 0);
  pid_t child = 0;
  const int failed = ::posix_spawnp(&child, args[0], &actions, nullptr, args.data(), environ);
  posix_spawn_file_actions_destroy(&actions);
  if (failed != 0) throw std::runtime_error("cannot start " + argv[0]);
  int status = 0;
  if (::waitpid(child, &status, 0) != child) throw std::runtime_error("waitpid " + argv[0]);
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

}  // namespace airlock::verify::test
