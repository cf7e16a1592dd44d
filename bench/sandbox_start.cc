// Times the start of a step that does nothing, from before the start to after its end, against its peers, in turn.
// Usage: sandbox_start [--json] [--quick]
#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <functional>
#include <map>
#include <string>
#include <vector>

#include "base/json.h"
#include "bench/sandbox_floor.h"
#include "sandbox/sandbox.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

struct Case {
  std::string what;
  std::function<bool()> start;
  std::vector<double> micros;

  double quantile(double q) const { return micros[static_cast<std::size_t>(q * static_cast<double>(micros.size() - 1))]; }
};

bool spawn_and_wait(std::vector<std::string> command) {
  std::vector<char*> argv;
  for (std::string& part : command) argv.push_back(part.data());
  argv.push_back(nullptr);
  char* env[] = {nullptr};
  pid_t pid = 0;
  int status = 0;
  return ::posix_spawn(&pid, argv[0], nullptr, nullptr, argv.data(), env) == 0 && ::waitpid(pid, &status, 0) == pid &&
         WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

std::string own_folder() {
  std::string path(4096, '\0');
  const ssize_t n = ::readlink("/proc/self/exe", path.data(), path.size());
  path.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return path.substr(0, path.rfind('/'));
}

// The peers in turn, round after round, so that whatever else the machine does meets all of them alike.
bool measure(std::vector<Case>& cases, int rounds) {
  for (int round = -5; round < rounds; ++round) {  // five to warm up
    for (Case& c : cases) {
      const auto begin = std::chrono::steady_clock::now();
      const bool good = c.start();
      const auto end = std::chrono::steady_clock::now();
      if (!good) {
        std::fprintf(stderr, "sandbox_start: \"%s\" did not run\n", c.what.c_str());
        return false;
      }
      if (round >= 0) c.micros.push_back(std::chrono::duration<double, std::micro>(end - begin).count());
    }
  }
  for (Case& c : cases) std::ranges::sort(c.micros);
  return true;
}

Json result_json(const std::vector<Case>& cases, const std::vector<std::string>& missing) {
  Json rows = Json::array(), ratios = Json::array(), bars = Json::object();
  std::map<std::string, double> median;
  for (const Case& c : cases) {
    median[c.what] = c.quantile(0.5);
    for (const auto& [name, q] : {std::pair{"median", 0.5}, std::pair{"minimum", 0.0}, std::pair{"95th of 100", 0.95}})
      rows.push_back({{"what", c.what + ", " + name}, {"value", c.quantile(q)}, {"unit", "us"}});
  }
  const double ours = median.at("airlock step");
  ratios.push_back({{"what", "airlock step / bare clone3"}, {"value", ours / median.at("bare clone3")}, {"limit", nullptr}});
  ratios.push_back({{"what", "airlock step / posix_spawn"}, {"value", ours / median.at("posix_spawn")}, {"limit", nullptr}});
  if (median.contains("bwrap")) {
    const double ratio = ours / median.at("bwrap");
    ratios.push_back({{"what", "airlock step / bwrap"}, {"value", ratio}, {"limit", 1.0}});
    bars["sandbox-start-vs-bwrap"] = {{"value", ratio}, {"limit", 1.0}, {"holds", ratio <= 1.0}};
  }
  return {{"rows", rows}, {"ratios", ratios}, {"bars", bars}, {"missing", missing}};
}

void print_table(const Json& result) {
  for (const Json& row : result["rows"]) std::printf("%-32s %10.0f us\n", row["what"].get<std::string>().c_str(), row["value"].get<double>());
  for (const Json& ratio : result["ratios"]) std::printf("%-32s %10.2f\n", ratio["what"].get<std::string>().c_str(), ratio["value"].get<double>());
  for (const Json& name : result["missing"]) std::printf("%s is not installed\n", name.get<std::string>().c_str());
}

int run(bool json, bool quick) {
  const std::string folder = own_folder(), program = "/bench_noop";
  const auto host = Host::probe();
  if (!host) return std::fprintf(stderr, "sandbox_start: %s\n", describe(host.error()).c_str()), 1;
  // Measured with what the host has; without a layer the figure means less, and the reader is told.
  Policy policy;
  for (const LayerStatus& status : (*host)->layers())
    if (!status.ok) policy.allow_degraded.push_back({status.layer, "bench"});
  if (!policy.allow_degraded.empty()) std::fprintf(stderr, "sandbox_start: %s\n", (*host)->summary().c_str());
  const auto slot = Slot::create(*host, policy);
  const auto cancel = Cancel::create();
  if (!slot) return std::fprintf(stderr, "sandbox_start: %s\n", describe(slot.error()).c_str()), 1;
  StepSpec spec;
  spec.argv = {"/plugin" + program};
  spec.mounts = {{folder, "/plugin"}};

  std::vector<Case> cases;
  cases.push_back({"posix_spawn", [&] { return spawn_and_wait({folder + program}); }, {}});
  cases.push_back({"bare clone3", [&] { return start_bare(folder, program); }, {}});
  cases.push_back({"airlock step", [&] {
                     const auto finished = (*slot)->run(spec, *cancel);
                     return finished && !step_error(*finished);
                   }, {}});
  std::vector<std::string> missing;
  if (::access("/usr/bin/bwrap", X_OK) == 0)
    cases.push_back({"bwrap", [&] {
                       return spawn_and_wait({"/usr/bin/bwrap", "--unshare-all", "--die-with-parent", "--new-session", "--cap-drop", "ALL",
                                              "--ro-bind", folder, "/plugin", "--proc", "/proc", "--dev", "/dev", "--tmpfs", "/tmp",
                                              "--tmpfs", "/out", "/plugin" + program});
                     }, {}});
  else missing.push_back("bwrap");
  if (!measure(cases, quick ? 40 : 500)) return 1;
  const Json result = result_json(cases, missing);
  if (json) std::puts(result.dump().c_str());
  else print_table(result);
  return 0;
}

}  // namespace

int main(int argc, char** argv) {
  bool json = false, quick = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") json = true;
    else if (argument == "--quick") quick = true;
    else return std::fputs("usage: sandbox_start [--json] [--quick]\n", stderr), 2;
  }
  return run(json, quick);
}
