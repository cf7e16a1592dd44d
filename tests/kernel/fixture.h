// What the kernel tests share: a temporary folder, a host, a slot, and a way to skip that can be made a failure.
#pragma once

#include <catch2/catch.hpp>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "sandbox/harvest.h"
#include "sandbox/sandbox.h"

namespace kernel_test {

using namespace airlock;
using namespace airlock::sandbox;

// KERNEL_TESTS_MUST_RUN=1 turns it into a failure.
void skip(const std::string& why);

class TempDir {
 public:
  TempDir();
  ~TempDir();
  const std::string& path() const { return path_; }

 private:
  std::string path_;
};

// Debian's, or one that somebody put beside it; the first is named when there is none.
std::string installed(const std::string& name);
std::string hostile_program();  // lies beside this one
std::string read_text(const std::string& path);
void write_text(const std::string& path, const std::string& text, unsigned mode = 0644);

// One slot with the attacking program as its plugin and one input folder, "data", with a canary in it.
class Sandbox {
 public:
  Sandbox();

  StepSpec spec(std::vector<std::string> arguments) const;  // of the attacking program
  Finished run(const StepSpec& spec);                       // REQUIREs that the sandbox itself works
  Finished run(std::vector<std::string> arguments) { return run(spec(std::move(arguments))); }

  std::string out_text() const { return read_text(dir_.path() + "/stdout"); }
  std::string err_text() const { return read_text(dir_.path() + "/stderr"); }
  const std::string& dir() const { return dir_.path(); }
  bool has(Layer layer) const;

  std::shared_ptr<const Host> host;
  Cancel cancel;
  std::unique_ptr<Slot> slot;

 private:
  TempDir dir_;
};

// Makes `dir`/plugin with the attacking program and `dir`/data with a canary, readable by everybody.
void furnish(const std::string& dir);
// Every missing layer, allowed: for tests that look at what is left.
Policy allow_missing(const Host& host);
std::shared_ptr<const Host> probe();

struct Harvested {
  std::vector<std::string> paths;
  std::vector<std::string> texts;
  std::vector<bool> executable;
};
Result<Harvested> harvest_all(const Finished& finished, const HarvestLimits& limits = {});
Code refusal(const Finished& finished, const HarvestLimits& limits = {});

// What a run may not leave behind: descriptors, mounts, control groups, child processes of this process.
struct Footprint {
  std::size_t fds = 0, mounts = 0, groups = 0, children = 0;
  friend bool operator==(const Footprint&, const Footprint&) = default;
};
Footprint footprint();
std::size_t groups_named(const std::string& prefix);  // in all trees

// Host pids of all processes that descend from this one.
std::vector<int> descendants();
std::string status_line(int pid, const std::string& name);  // of /proc/PID/status

// Runs `body` in a forked child; returns what it returned, REQUIREs that it ended by itself.
std::string in_child(const std::function<std::string()>& body);
// This process becomes an ordinary user's, for good.
bool become_ordinary_user();
// In a child as an ordinary user; returns what it returned, REQUIREs that it ended by itself.
std::string as_ordinary_user(const std::function<std::string()>& body);

}  // namespace kernel_test
