#include "run_site.h"

#include <poll.h>
#include <signal.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <filesystem>

#include "base/io.h"
#include "ledger/catalog.h"
#include "ledger/history.h"
#include "manifests/document.h"
#include "program/verbs.h"
#include "runner/catalog.h"

namespace airlock::test {

TenantId tenant(const std::string& name) { return *TenantId::parse(name); }

void Fuse::burn() {
  if (left.load() > 0 && left.fetch_sub(1) == 1) ::raise(SIGKILL);
}

void Watcher::tell(std::string what) {
  fuse_.burn();
  said.push_back(what);
  if (on_said) on_said(what);
}

Result<UniqueFd> TestFs::create(const std::string& path, unsigned mode) { return fuse_.burn(), system_fs().create(path, mode); }
Result<void> TestFs::write(int fd, std::string_view bytes, const std::string& path) {
  fuse_.burn();
  if (full) return fail(Code::kDiskFull, "write " + path);
  return system_fs().write(fd, bytes, path);
}
Result<void> TestFs::set_mode(int fd, unsigned mode, const std::string& path) { return fuse_.burn(), system_fs().set_mode(fd, mode, path); }
Result<void> TestFs::sync(int fd, const std::string& path) { return fuse_.burn(), system_fs().sync(fd, path); }
Result<void> TestFs::sync_all(int fd, const std::string& path) { return fuse_.burn(), system_fs().sync(fd, path); }
Result<void> TestFs::make_dir(const std::string& path, unsigned mode) { return fuse_.burn(), system_fs().make_dir(path, mode); }
Result<void> TestFs::rename(const std::string& from, const std::string& to) { return fuse_.burn(), system_fs().rename(from, to); }
Result<void> TestFs::link(const std::string& from, const std::string& to) { return fuse_.burn(), system_fs().link(from, to); }
Result<void> TestFs::unlink(const std::string& path) { return fuse_.burn(), system_fs().unlink(path); }

namespace {

// Waits, without sleeping, until the step is told to end.
void wait_for(const sandbox::Cancel& cancel) {
  pollfd fds[] = {{cancel.stop_event().get(), POLLIN, 0}, {cancel.kill_event().get(), POLLIN, 0}};
  while (cancel.level() < sandbox::Cancel::Level::kStop) ::poll(fds, 2, -1);
}

sandbox::Finished finished(sandbox::Outcome outcome, const std::string& out) {
  sandbox::Finished done{outcome, {}, *open_dir(out)};
  done.evidence.cgroup_mode = "scripted";
  if (outcome.kind == sandbox::Outcome::Kind::kExited) done.evidence.exit_code = outcome.value;
  else done.evidence.exit_signal = SIGKILL;
  return done;
}

// Tries each endpoint it was granted, and a thousand that it was not.
sandbox::Finished scanned(const sandbox::StepSpec& spec, const std::string& out) {
  sandbox::Finished done = finished({sandbox::Outcome::Kind::kExited, 0}, out);
  done.evidence.network = spec.network;
  for (const sandbox::NetworkGrant& grant : spec.network) done.evidence.network_log.add({"connect", "tcp", grant.name + "/" + grant.address.text(), grant.port, true});
  for (std::uint16_t port = 1; port <= 1000; ++port) done.evidence.network_log.add({"sendto", "udp", "192.0.2.1", port, false});
  return done;
}

}  // namespace

Result<sandbox::Finished> ScriptedCell::run(const sandbox::StepSpec& spec, const sandbox::Cancel& cancel) {
  using Kind = sandbox::Outcome::Kind;
  std::filesystem::remove_all(scratch_);
  const std::string in = scratch_ + "/in", out = scratch_ + "/out";
  std::filesystem::create_directories(in);
  std::filesystem::create_directories(out);
  for (const sandbox::Mount& mount : spec.mounts)
    if (mount.target.starts_with("/in/")) std::filesystem::create_symlink(mount.source, in + mount.target.substr(3));
  const std::vector<std::string> words(spec.argv.begin() + 1, spec.argv.end());
  const std::string verb = words.empty() ? "nothing" : words[0];
  if (verb == "broken") return fail(Code::kSandboxSetup, "scripted");
  if (verb == "hang") return finished({Kind::kTimedOut, 0}, out);
  if (verb == "oom") return finished({Kind::kOutOfMemory, 0}, out);
  if (verb == "signal") return finished({Kind::kSignaled, std::stoi(words[1])}, out);
  if (verb == "wait") {
    wait_for(cancel);
    return finished({Kind::kCancelled, 0}, out);
  }
  if (verb == "scan") return scanned(spec, out);
  put(spec.capture.stdout_path, verb == "say" ? words[1] + "\n" : "");
  const int status = verb == "say" ? 0 : perform({words, in, out, spec.env.at("AIRLOCK_RUN_ID"), std::stoi(spec.env.at("AIRLOCK_ATTEMPT"))});
  return finished({Kind::kExited, status}, out);
}

std::string fast_folder() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : std::filesystem::temp_directory_path().string(); }

RunSite::RunSite(const std::string& below) {
  std::string name = below + "/airlock-run-XXXXXX";
  REQUIRE(::mkdtemp(name.data()) != nullptr);
  root = name;
  program = "a program";
  auto number = std::make_shared<std::atomic<int>>(0);
  cells = [this, number]() -> Result<std::unique_ptr<runner::Cell>> {
    return std::make_unique<ScriptedCell>(root + "/cell" + std::to_string((*number)++));
  };
  open();
}

RunSite::~RunSite() {
  executor.reset();
  (void)remove_tree(root);  // ignoring: a test that leaves files fails nothing
}

void RunSite::open() {
  executor.reset();
  ledger.reset();
  ledger::Options options;
  options.create = true;
  auto opened = ledger::Ledger::open(root + "/ledger.db", options);
  REQUIRE(opened);
  ledger = std::make_unique<ledger::Ledger>(std::move(*opened));
  auto blobs = bundle::Store::open({root + "/cas", root + "/trees", root + "/images"}, fs);
  REQUIRE(blobs);
  store = std::move(*blobs);
  auto stop = sandbox::Cancel::create();
  REQUIRE(stop);
  cancel.emplace(std::move(*stop));
  auto made = runner::Executor::create(cells, workers, profile, *store, clock);
  REQUIRE(made);
  executor = std::move(*made);
}

void RunSite::import(const std::string& dag_yaml, const std::string& name) {
  const auto document = manifests::load_authored(dag_yaml, "dag.yaml");
  if (!document) FAIL(describe(document.error()));
  const auto dag = manifests::parse_dag(*document);
  if (!dag) FAIL(describe(dag.error()));
  std::map<std::string, std::pair<std::string, bool>> members = {{"data/a.txt", {"alpha", false}}, {"data/sub/b.txt", {"beta", false}}};
  for (const bool deterministic : {true, false}) {
    const std::string plugin = deterministic ? "step" : "dice", folder = "plugins/" + plugin + "/1.0.0/";
    const Json descriptor = {{"name", plugin}, {"version", "1.0.0"}, {"entrypoint", "bin/step"}, {"deterministic", deterministic},
                             {"network", {{"allow", {"tcp:10.2.0.5:443", "tcp:mirror.site:80"}}}}};
    members[folder + "plugin.json"] = {canonical_json(descriptor), false};
    members[folder + "bin/step"] = {program, true};
  }
  const std::string spec = manifests::write_dag(*dag);
  members["dags/" + dag->id.str() + "/" + dag->version.str() + ".json"] = {spec, false};
  std::vector<ledger::ItemRow> items;
  for (const auto& [path, member] : members) {
    REQUIRE(store->put(member.first));
    items.push_back({path, Digest::of(member.first), member.first.size(), member.second, ""});
  }
  ++generation_;
  const auto done = ledger->write(clock.now(), [&](ledger::Tx& tx) -> Result<void> {
    return ledger::record_import(tx, tenant(name),
                                 {.bundle = *BundleId::parse("kit"), .generation = generation_, .version = "1.0." + std::to_string(generation_),
                                  .kind = "offline-kit", .manifest = "manifest " + std::to_string(generation_), .items = ledger::items_from(items),
                                  .dags = {{dag->id, dag->version.str(), spec, {}}}, .activate = true, .verdict = {{"accepted", true}}},
                                 {"unix:tester"});
  });
  if (!done) FAIL(describe(done.error()));
}

runner::RunPorts RunSite::ports() { return {*ledger, *store, *executor, clock, entropy, root + "/runs", *cancel, network}; }

Result<runner::RunReport> RunSite::run(const std::string& dag, const RunSetup& setup) {
  const TenantId who = tenant(setup.tenant);
  auto spec = TRY(runner::load_dag(*ledger, who, dag));
  return runner::start_run(ports(), {who, std::move(spec), setup.inputs, setup.token, setup.rationale}, setup.options, watcher);
}

Result<runner::RunReport> RunSite::resume(const RunId& run, const RunSetup& setup) {
  return runner::resume_run(ports(), tenant(setup.tenant), run, setup.options, watcher);
}

Result<runner::ReplayReport> RunSite::replay(const RunId& run, const RunSetup& setup) {
  return runner::replay_run(ports(), tenant(setup.tenant), run, setup.options, watcher);
}

std::string RunSite::states(const RunId& run, const std::string& name) {
  const auto steps = ledger::steps_of(*ledger, tenant(name), run);
  REQUIRE(steps);
  std::map<std::string, std::string> by_id;
  for (const ledger::StepRow& step : *steps) by_id[step.step.str()] = std::string(to_text(step.state));
  std::string out;
  for (const auto& [id, state] : by_id) out += (out.empty() ? "" : ", ") + id + " " + state;
  return out;
}

std::vector<ledger::AttemptRow> RunSite::attempts(const RunId& run) {
  const auto rows = ledger::attempts_of(*ledger, tenant(), run);
  REQUIRE(rows);
  return *rows;
}

std::string RunSite::output(const RunId& run, const std::string& step, const std::string& path) {
  const auto rows = ledger::artifacts_of(*ledger, tenant(), run, *StepId::parse(step));
  REQUIRE(rows);
  for (const ledger::ArtifactRow& row : *rows)
    if (row.file.path == path) return store->read(row.file.sha256, kMiB).value();
  return "";
}

std::vector<std::string> RunSite::kinds(const std::string& subject) {
  const auto lines = ledger::history_of(*ledger, tenant(), subject, false, UINT64_MAX >> 1);
  REQUIRE(lines);
  std::vector<std::string> out;
  for (const ledger::HistoryLine& line : *lines) out.push_back(parse_json(line.line, "event")->at("kind"));
  return out;
}

void RunSite::check_history() {
  const auto report = ledger::verify_history(*ledger, std::nullopt, [](const ledger::Checkpoint&, const std::string&) { return Result<void>{}; });
  REQUIRE(report);
  for (const ledger::CheckedLog& log : report->logs)
    if (log.finding) FAIL_CHECK(log.finding->what);
  if (report->schema) FAIL_CHECK(report->schema->what);
}

}  // namespace airlock::test
