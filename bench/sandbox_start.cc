// Times the start of a step that does nothing, from before the start to after its end, against its peers, in turn: back to
// back, after pauses, two at a time, and with a runner in a bad place. Usage: sandbox_start [--json] [--quick]
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <thread>
#include <vector>

#include "base/json.h"
#include "bench/sandbox_floor.h"
#include "bench/sandbox_peers.h"
#include "bench/sandbox_worker.h"
#include "sandbox/sandbox.h"

using namespace airlock;
using namespace airlock::sandbox;

namespace {

using Clock = std::chrono::steady_clock;
using Series = std::vector<double>;  // one figure a round

constexpr const char* kProgram = "bench_noop";

double micros_since(Clock::time_point begin) { return std::chrono::duration<double, std::micro>(Clock::now() - begin).count(); }

double quantile(Series values, double q) {
  std::ranges::sort(values);
  return values.at(static_cast<std::size_t>(q * static_cast<double>(values.size() - 1)));
}

// The median of the rounds' own ratios: a slow moment slows both sides of a pair.
double ratio(const Series& ours, const Series& theirs) {
  Series ratios;
  for (std::size_t i = 0; i < ours.size(); ++i) ratios.push_back(ours[i] / theirs[i]);
  return quantile(std::move(ratios), 0.5);
}

class Report {
 public:
  void row(const std::string& what, const Series& values, const char* unit = "us") {
    rows_.push_back({{"what", what}, {"value", quantile(values, 0.5)}, {"low", quantile(values, 0.05)}, {"high", quantile(values, 0.95)}, {"unit", unit}});
  }
  void bar(const std::string& what, double value, double limit, const std::string& name) {
    ratios_.push_back({{"what", what}, {"value", value}, {"limit", limit}});
    bars_[name] = {{"value", value}, {"limit", limit}, {"holds", value <= limit}};
  }
  void missing(const std::string& what) { missing_.push_back(what); }
  Json json() const { return {{"rows", rows_}, {"ratios", ratios_}, {"bars", bars_}, {"missing", missing_}}; }
  void print() const {
    for (const Json& row : rows_)
      std::printf("%-44s %10.0f %s   [%.0f to %.0f]\n", row["what"].get<std::string>().c_str(), row["value"].get<double>(), row["unit"].get<std::string>().c_str(),
                  row["low"].get<double>(), row["high"].get<double>());
    for (const Json& item : ratios_)
      std::printf("%-44s %10.2f   limit %.2f: %s\n", item["what"].get<std::string>().c_str(), item["value"].get<double>(), item["limit"].get<double>(),
                  item["value"] <= item["limit"] ? "holds" : "DOES NOT HOLD");
    for (const Json& what : missing_) std::printf("%s\n", what.get<std::string>().c_str());
  }

 private:
  Json rows_ = Json::array(), ratios_ = Json::array(), bars_ = Json::object(), missing_ = Json::array();
};

class Bench {
 public:
  Bench(std::string folder, std::string scratch, bool quick) : folder_(std::move(folder)), scratch_(std::move(scratch)), quick_(quick) {}

  bool run() {
    std::vector<std::string> missing;
    peers_ = find_peers(folder_, kProgram, scratch_, missing);
    for (const std::string& name : missing) report_.missing(name);
    if (const auto host = Host::probe(); host && (*host)->summary().contains("missing")) report_.missing("airlock: " + (*host)->summary());
    return starts("", std::chrono::milliseconds(0)) && starts(", after a pause", std::chrono::milliseconds(50)) && two_at_a_time() && bad_places();
  }
  const Report& report() const { return report_; }

 private:
  struct Subject {
    std::string name;
    std::function<double()> start;  // microseconds; negative: it failed
  };

  static double timed(const std::function<bool()>& start) {
    const auto begin = Clock::now();
    return start() ? micros_since(begin) : -1;
  }

  // All in turn, round after round, so that whatever else the machine does meets all of them alike.
  bool measure(const std::vector<Subject>& subjects, unsigned rounds, std::chrono::milliseconds pause, std::map<std::string, Series>& series) {
    for (unsigned round = 0; round < rounds + 5; ++round) {  // five to warm up
      for (const Subject& subject : subjects) {
        if (pause.count() > 0) std::this_thread::sleep_for(pause);  // what is measured: a start when nothing is warm
        const double micros = subject.start();
        if (micros < 0) return std::fprintf(stderr, "sandbox_start: \"%s\" did not run\n", subject.name.c_str()), false;
        if (round >= 5) series[subject.name].push_back(micros);
      }
    }
    return true;
  }

  bool starts(const std::string& how, std::chrono::milliseconds pause) {
    Worker worker(folder_, kProgram, [] { return true; });
    if (!worker.ready()) return std::fputs("sandbox_start: no slot can be had here; see airlock doctor\n", stderr), false;
    Series user;
    std::vector<Subject> subjects = {{"posix_spawn", [&] { return timed([&] { return spawn_and_wait({folder_ + "/" + kProgram}); }); }},
                                     {"bare clone3", [&] { return timed([&] { return start_bare(folder_, std::string("/") + kProgram); }); }},
                                     {"airlock step", [&] {
                                        worker.ask(1);
                                        double spent = 0;
                                        const Series one = worker.answer(&spent);
                                        user.push_back(spent);
                                        return one.empty() ? -1 : one[0];
                                      }}};
    for (const Peer& peer : peers_) subjects.push_back({peer.name, [&peer] { return timed(peer.start); }});
    std::map<std::string, Series> series;
    if (!measure(subjects, quick_ ? 20 : 500, pause, series)) return false;
    for (const Subject& subject : subjects) report_.row(subject.name + how, series[subject.name]);
    const std::string suffix = pause.count() > 0 ? "-after-a-pause" : "";
    report_.bar("airlock step / bare clone3" + how, ratio(series["airlock step"], series["bare clone3"]), 1.25, "sandbox-start-vs-floor" + suffix);
    if (series.contains("bwrap")) report_.bar("airlock step / bwrap" + how, ratio(series["airlock step"], series["bwrap"]), 0.45, "sandbox-start-vs-bwrap" + suffix);
    if (pause.count() > 0) return true;
    double sum = 0;  // the clock of this figure has coarse ticks: only the sum means something
    for (const double spent : user) sum += spent;
    report_.bar("milliseconds in the runner's own code", sum / static_cast<double>(user.size()) / 1000, 0.15, "sandbox-runner-milliseconds");
    return true;
  }

  // Starts in a second, of two runners at once.
  bool two_at_a_time() {
    const auto bwrap = std::ranges::find(peers_, "bwrap", &Peer::name);
    if (bwrap == peers_.end()) return true;
    const unsigned starts = quick_ ? 20 : 100, rounds = quick_ ? 2 : 10;
    Worker first(folder_, kProgram, [] { return true; }), second(folder_, kProgram, [] { return true; });
    if (!first.ready() || !second.ready()) return false;
    Series ours, theirs;
    for (unsigned round = 0; round < rounds; ++round) {
      auto begin = Clock::now();
      first.ask(starts);
      second.ask(starts);
      if (first.answer().empty() || second.answer().empty()) return false;
      ours.push_back(2e6 * starts / micros_since(begin));
      bool good[2] = {true, true};
      begin = Clock::now();
      std::vector<std::thread> threads;
      for (bool& mine : good)
        threads.emplace_back([&] {
          for (unsigned i = 0; i < starts; ++i) mine = bwrap->start() && mine;
        });
      for (std::thread& thread : threads) thread.join();
      theirs.push_back(2e6 * starts / micros_since(begin));
      if (!good[0] || !good[1]) return false;
    }
    report_.row("airlock steps, two at a time", ours, "a second");
    report_.row("bwrap, two at a time", theirs, "a second");
    report_.bar("bwrap / airlock, two at a time (rate)", ratio(theirs, ours), 0.4, "sandbox-rate-vs-bwrap");
    return true;
  }

  // A runner among a thousand mounts, and one with a GiB of its own, against one with neither.
  bool bad_places() {
    const auto mounts = [this] {
      if (::unshare(CLONE_NEWNS) != 0 || ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) != 0) return false;
      for (int i = 0; i < 1000; ++i) {
        const std::string path = scratch_ + "/mount-" + std::to_string(i);
        if ((::mkdir(path.c_str(), 0755) != 0 && errno != EEXIST) || ::mount("none", path.c_str(), "tmpfs", 0, "size=4096") != 0) return false;
      }
      return true;
    };
    const auto memory = [] {
      constexpr std::size_t kSize = std::size_t{1} << 30;
      void* const at = ::mmap(nullptr, kSize, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
      if (at == MAP_FAILED) return false;
      std::memset(at, 1, kSize);
      return true;
    };
    Worker plain(folder_, kProgram, [] { return true; });
    for (const auto& [what, name, prepare] : {std::tuple<std::string, std::string, std::function<bool()>>{"1,000 more mounts", "mounts", mounts}, {"1 GiB resident", "memory", memory}}) {
      Worker worse(folder_, kProgram, prepare);
      if (!worse.ready()) {
        report_.missing(what + ": cannot be had here");
        continue;
      }
      const auto one = [](Worker& worker) {
        worker.ask(1);
        const Series micros = worker.answer();
        return micros.empty() ? -1 : micros[0];
      };
      std::map<std::string, Series> series;
      if (!measure({{"plain", [&] { return one(plain); }}, {what, [&] { return one(worse); }}}, quick_ ? 20 : 500, std::chrono::milliseconds(0), series)) return false;
      report_.row("airlock step, " + what, series[what]);
      report_.bar("airlock step, " + what + " / without", ratio(series[what], series["plain"]), 1.1, "sandbox-start-with-" + name);
    }
    return true;
  }

  std::string folder_, scratch_;
  bool quick_;
  std::vector<Peer> peers_;
  Report report_;
};

int run(bool json, bool quick) {
  const std::string folder = std::filesystem::read_symlink("/proc/self/exe").parent_path();
  std::string scratch = (std::filesystem::temp_directory_path() / "airlock-bench-sandbox-XXXXXX").string();
  if (::mkdtemp(scratch.data()) == nullptr) return std::perror("sandbox_start: mkdtemp"), 1;
  Bench bench(folder, scratch, quick);
  const bool good = bench.run();
  std::filesystem::remove_all(scratch);
  if (!good) return 1;
  if (json) std::puts(bench.report().json().dump().c_str());
  else bench.report().print();
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
