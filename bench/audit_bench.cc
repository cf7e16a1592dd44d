// Times audit export and verification of one tenant's history, in records/s and MB/s, beside `openssl dgst -sha256` over
// the same bytes. MB are those of the bundle's files, unpacked. Each round runs every subject once, so that all see the
// same disturbance.
//
// Usage: audit_bench [--json] [--quick] [--events N] [--rounds N]
#include <sys/resource.h>
#include <stdlib.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <functional>
#include <stdexcept>
#include <vector>

#include "audit/audit.h"
#include "audit/verify/audit_verify.h"
#include "base/entropy.h"
#include "base/io.h"
#include "base/json.h"
#include "jobs/jobs.h"
#include "ledger/history.h"

using namespace airlock;

namespace {

constexpr double kMegabyte = 1e6, kTargetMbs = 300;   // the target for export, one core, flat memory

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  if constexpr (!std::is_void_v<T>) return std::move(*result);
}

double cpu_seconds() {
  double seconds = 0;
  for (const int who : {RUSAGE_SELF, RUSAGE_CHILDREN}) {
    rusage usage{};
    ::getrusage(who, &usage);
    for (const timeval& t : {usage.ru_utime, usage.ru_stime}) seconds += static_cast<double>(t.tv_sec) + static_cast<double>(t.tv_usec) / 1e6;
  }
  return seconds;
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

std::uint64_t peak_memory_kib() {
  rusage usage{};
  ::getrusage(RUSAGE_SELF, &usage);
  return static_cast<std::uint64_t>(usage.ru_maxrss);
}

class Fixture {
 public:
  explicit Fixture(std::uint64_t events)
      : folder_(make_folder()), key_(must(verify::PrivateKey::from_seed(std::string(32, 's')))), ledger_(open()) {
    while (must(ledger::log_head(ledger_, tenant_)).size() < events) add_jobs(200);
  }
  ~Fixture() { (void)remove_tree(folder_); }

  std::string path(const std::string& name) const { return folder_ + "/" + name; }
  std::uint64_t events() const { return must(ledger::log_head(ledger_, tenant_)).size(); }

  audit::ExportResult export_to(const std::string& output) {
    return must(audit::export_audit(ledger_, {.tenant = tenant_, .from_seq = std::nullopt, .to_seq = std::nullopt, .since = std::nullopt,
                                              .until = std::nullopt, .previous = std::nullopt, .output = output, .signers = {&key_},
                                              .now = clock_.now()}));
  }
  void verify(const std::string& bundle) {
    audit::VerifyOptions options;
    options.keys.push_back(key_.public_key());
    const auto report = must(audit::verify_audit(bundle, options));
    if (!report.accepted) throw std::runtime_error(audit::failure_text(*report.failure));
  }

 private:
  static std::string make_folder() {
    const char* base = std::getenv("TMPDIR");
    std::string folder = std::string(base != nullptr ? base : "/tmp") + "/airlock-bench-audit-XXXXXX";
    if (::mkdtemp(folder.data()) == nullptr) throw std::runtime_error("mkdtemp " + folder);
    return folder;
  }
  ledger::Ledger open() {
    ledger::Options options;
    options.create = true;
    options.signer = &key_;
    options.checkpoint_events = 1'000'000'000;
    return must(ledger::Ledger::open(path("ledger.db"), options));
  }
  // Jobs as workers make them: submitted, queued, leased, running, succeeded.
  void add_jobs(int count) {
    clock_.advance(Millis(100));
    const ledger::Who who{"worker:7", std::nullopt, std::nullopt, std::string(32, '4')};
    must(ledger_.write(clock_.now(), [&](ledger::Tx& tx) -> Result<void> {
      for (int i = 0; i < count; ++i) {
        const JobId id = TRY(JobId::parse(uuid7(clock_.now(), entropy_)));
        const jobs::JobRequest request{.id = id, .type = "feed-import", .source = "mirror-3", .payload = {{"id", id.str()}},
                                       .idempotency_key = "feed-import:" + id.str()};
        TRY(jobs::submit(tx, tenant_, request, who));
      }
      for (const jobs::Lease& lease : TRY(jobs::claim(tx, tenant_, {.worker = "worker:7", .max = static_cast<std::size_t>(count)}, entropy_))) {
        TRY(jobs::start(tx, tenant_, lease.job, lease.token, who));
        jobs::Completion done;
        done.data = {{"outputsHash", Digest::of(lease.id).hex()}};
        TRY(jobs::complete(tx, tenant_, lease.job, lease.token, done, who));
      }
      return {};
    }));
  }

  std::string folder_;
  verify::PrivateKey key_;
  TenantId tenant_ = must(TenantId::parse("bench"));
  ManualClock clock_{must(Instant::parse("2026-11-21T08:00:00Z"))};
  SeededEntropy entropy_{1};
  ledger::Ledger ledger_;
};

struct Subject {
  const char* name;
  std::vector<double> seconds = {}, cpu = {};   // of each round: wall clock, and of all cores together

  void time(bool counts, const std::function<void()>& work) {
    const auto begin = std::chrono::steady_clock::now();
    const double cpu_begin = cpu_seconds();
    work();
    if (!counts) return;
    cpu.push_back(cpu_seconds() - cpu_begin);
    seconds.push_back(std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count());
  }
};

Json row(const std::string& what, const std::vector<double>& seconds, double amount, const std::string& unit) {
  const auto [low, high] = std::ranges::minmax(seconds);
  return {{"what", what}, {"value", amount / median(seconds)}, {"low", amount / high}, {"high", amount / low}, {"unit", unit}};
}

Json measure(std::uint64_t wanted, int rounds) {
  Fixture fixture(wanted);
  const std::uint64_t memory_before = peak_memory_kib();
  Subject folder{"export to a folder"}, archive{"export to .tar.zst"}, check_folder{"verify the folder"},
      check_archive{"verify the .tar.zst"}, openssl{"openssl dgst -sha256 of the same bytes"};
  audit::ExportResult result;
  for (int round = 0; round <= rounds; ++round) {
    const std::string name = fixture.path("r" + std::to_string(round));
    const bool counts = round > 0;   // round 0 warms the caches
    folder.time(counts, [&] { result = fixture.export_to(name); });
    archive.time(counts, [&] { fixture.export_to(name + ".tar.zst"); });
    check_folder.time(counts, [&] { fixture.verify(name); });
    check_archive.time(counts, [&] { fixture.verify(name + ".tar.zst"); });
    openssl.time(counts, [&] {
      if (std::system(("find " + name + " -type f -print0 | xargs -0 openssl dgst -sha256 > /dev/null").c_str()) != 0)
        throw std::runtime_error("openssl dgst failed");
    });
    must(remove_tree(name));
    must(remove_tree(name + ".tar.zst"));
  }
  const double megabytes = static_cast<double>(result.bytes) / kMegabyte;
  Json rows = Json::array(), ratios = Json::array(), bars = Json::object();
  rows.push_back({{"what", "history events"}, {"value", result.events}, {"unit", ""}});
  rows.push_back({{"what", "bytes of the bundle's files"}, {"value", megabytes}, {"unit", "MB"}});
  for (const Subject* s : {&folder, &archive, &check_folder, &check_archive, &openssl}) {
    rows.push_back(row(s->name, s->seconds, megabytes, "MB/s"));
    rows.push_back(row(s->name, s->cpu, megabytes, "MB a CPU second"));
    if (s != &openssl) rows.push_back(row(s->name, s->seconds, static_cast<double>(result.events), "events/s"));
    if (s != &openssl)
      ratios.push_back({{"what", std::string(s->name) + " / openssl dgst"}, {"value", median(s->seconds) / median(openssl.seconds)}});
  }
  rows.push_back({{"what", "peak memory of the ledger's filling, export and verify"}, {"value", static_cast<double>(peak_memory_kib()) / 1024}, {"unit", "MiB"}});
  rows.push_back({{"what", "of which before the first export"}, {"value", static_cast<double>(memory_before) / 1024}, {"unit", "MiB"}});
  for (const Subject* s : {&folder, &check_folder}) {
    const double share = kTargetMbs / (megabytes / median(s->cpu));   // above 1: slower than the target; on one core
    bars[std::string("audit ") + s->name + ": 300 MB a CPU second"] = {{"value", share}, {"limit", 1.0}, {"holds", share <= 1.0}};
  }
  return {{"rows", rows}, {"ratios", ratios}, {"bars", bars}, {"missing", Json::array()}};
}

void print(const Json& result) {
  for (const Json& r : result["rows"])
    std::printf("  %-58s %12.1f %s\n", r["what"].get<std::string>().c_str(), r["value"].get<double>(), r["unit"].get<std::string>().c_str());
  for (const Json& r : result["ratios"]) std::printf("  %-58s %12.2f x\n", r["what"].get<std::string>().c_str(), r["value"].get<double>());
  for (const auto& [name, bar] : result["bars"].items())
    std::printf("  %-58s %12.2f of limit %.0f: %s\n", name.c_str(), bar["value"].get<double>(), bar["limit"].get<double>(),
                bar["holds"].get<bool>() ? "holds" : "DOES NOT HOLD");
}

}  // namespace

int main(int argc, char** argv) {
  std::uint64_t events = 300'000;
  int rounds = 5;
  bool json = false;
  for (int i = 1; i < argc; ++i) {
    const std::string argument = argv[i];
    if (argument == "--json") json = true;
    else if (argument == "--quick") events = 5'000, rounds = 1;
    else if (argument == "--events" && i + 1 < argc) events = std::stoull(argv[++i]);
    else if (argument == "--rounds" && i + 1 < argc) rounds = std::stoi(argv[++i]);
    else return std::fprintf(stderr, "usage: audit_bench [--json] [--quick] [--events N] [--rounds N]\n"), 2;
  }
  try {
    const Json result = measure(events, std::max(1, rounds));
    if (json) std::printf("%s\n", canonical_json(result).c_str());
    else print(result);
    return 0;
  } catch (const std::exception& problem) {
    return std::fprintf(stderr, "audit_bench: %s\n", problem.what()), 1;
  }
}
