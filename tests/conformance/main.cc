// airlock-conformance [--set NAME] DIR: every case of a folder of vectors through the production code.
//
// One line a deviation (`set case: expected, got, why`), one line for each reason of skipping, one line a set
// (`set: N agree, M differ, K skipped`). Exit 0: none differs; 1: some do, or a set cannot be read; 2: usage.
// Not installed. docs/conformance.md says what is covered.
#include <cstdio>
#include <iostream>
#include <map>
#include <string>

#include "sets.h"

using namespace airlock;
using namespace airlock::conformance;

namespace {

struct Totals {
  std::size_t agree = 0, differ = 0;
  std::map<std::string, std::size_t> skipped;  // reason -> how many
};

void print_deviations(const std::string& set, const Unit& unit) {
  for (const Deviation& d : unit.deviations)
    std::cout << set << ' ' << printable(unit.id) << ": expected " << d.expected << ", got " << d.got << ", " << d.why << '\n';
}

void add(Totals& totals, const std::string& set, const Unit& unit) {
  if (!unit.note.empty()) std::cerr << set << ' ' << printable(unit.id) << ": note: " << unit.note << '\n';
  if (!unit.deviations.empty()) {
    ++totals.differ;
    print_deviations(set, unit);
  } else if (!unit.skipped.empty()) {
    ++totals.skipped[unit.skipped];
  } else {
    ++totals.agree;
  }
}

// True when every case of the set agrees or is skipped.
bool run_set(const std::string& dir, const std::string& name) {
  const auto set = read_set(dir, name);
  if (!set) {
    std::cout << name << ": " << describe(set.error()) << std::endl;
    return false;
  }
  const RunCase run = runner_of(name);
  if (run == nullptr) {
    std::cout << name << ": no such set is known; its " << set->cases.size() << " cases were not run" << std::endl;
    return false;
  }
  Totals totals;
  for (const Case& c : set->cases) {
    const Report report = run_isolated(run, c);
    for (const Unit& unit : report.units()) add(totals, name, unit);
  }
  std::size_t skipped = 0;
  for (const auto& [reason, count] : totals.skipped) {
    std::cout << name << ": skipped " << count << ": " << reason << '\n';
    skipped += count;
  }
  std::cout << name << ": " << totals.agree << " agree, " << totals.differ << " differ, " << skipped << " skipped" << std::endl;
  return totals.differ == 0;
}

int usage() {
  std::cerr << "usage: airlock-conformance [--set NAME] DIR\n";
  return 2;
}

}  // namespace

int main(int argc, char** argv) {
  std::string only, dir;
  for (int i = 1; i < argc; ++i) {
    const std::string arg = argv[i];
    if (arg == "--set" && i + 1 < argc) only = argv[++i];
    else if (arg.starts_with("--set=")) only = arg.substr(6);
    else if (arg.starts_with('-') || !dir.empty()) return usage();
    else dir = arg;
  }
  if (dir.empty()) return usage();
  const auto names = set_names(dir, only);
  if (!names) {
    std::cerr << "airlock-conformance: " << describe(names.error()) << '\n';
    return 1;
  }
  bool all = true;
  for (const std::string& name : *names) all = run_set(dir, name) && all;
  return all ? 0 : 1;
}
