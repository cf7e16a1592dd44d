// Endpoints on the way from a DAG to a step: what the site says, when it says it, and what is written down.
#include <catch2/catch.hpp>

#include "ledger/airgap.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSite;

namespace {

const std::string kScan = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: work, version: 1.0.0}
spec:
  steps:
    - {id: first, plugin: step@1.0.0, args: [scan], network: {allow: ["tcp:10.2.0.5:443", "tcp:Mirror.Site:80"]}}
    - {id: second, plugin: step@1.0.0, args: [scan], network: {allow: ["tcp:10.2.0.5:443"]}, needs: [first]}
    - {id: third, plugin: step@1.0.0, args: [write, x, y], needs: [second]}
)";

NetworkRules rules(std::initializer_list<const char*> texts) {
  NetworkRules out;
  for (const char* text : texts) out.push_back(*manifests::AllowRule::parse(text, "networkAllow"));
  return out;
}

const NetworkRules kBoth = rules({"tcp:10.2.0.0/16:443", "tcp:mirror.site:80=10.9.9.9"});

std::vector<Json> network_events(const RunSite& site, const std::string& subject) {
  std::vector<Json> out;
  const auto lines = ledger::history_of(*site.ledger, test::tenant(), subject, false, 10'000);
  REQUIRE(lines);
  for (const ledger::HistoryLine& line : *lines)
    if (const Json event = *parse_json(line.line, "event"); event.at("kind") == "step.network") out.push_back(event.at("data"));
  return out;
}

void seal(RunSite& site) {
  const auto done = site.ledger->write(site.clock.now(), [](ledger::Tx& tx) { return ledger::seal(tx, test::tenant(), Digest::of("policy"), {"unix:tester"}); });
  REQUIRE(done);
}

}  // namespace

TEST_CASE("what the DAG declares and the site allows reaches the step, and each attempt is an event before its attempt's") {
  RunSite site;
  site.network = kBoth;
  site.import(kScan);
  const auto report = site.run("work");
  REQUIRE(report);
  CHECK(to_text(report->run.state) == "succeeded");
  const std::string first = "run:" + report->run.id.str() + "/step:first";
  const auto events = network_events(site, first);
  REQUIRE(events.size() == sandbox::DecisionLog::kMostDecisions + 1);
  CHECK(events[0] == Json{{"attempt", 1}, {"call", "connect"}, {"protocol", "tcp"}, {"address", "/10.2.0.5"}, {"port", 443}, {"verdict", "granted"}, {"count", 1}});
  CHECK(events[1]["address"] == "mirror.site/10.9.9.9");
  CHECK(events[2]["verdict"] == "refused");
  CHECK(events.back() == Json{{"attempt", 1}, {"others", 1002 - sandbox::DecisionLog::kMostDecisions}});
  const auto kinds = site.kinds(first);
  CHECK(kinds.front() == "step.running");
  CHECK(kinds[kinds.size() - 2] == "step.attempt");
  CHECK(network_events(site, "run:" + report->run.id.str() + "/step:third").empty());
  site.check_history();
}

TEST_CASE("a step with endpoints is never taken from the cache") {
  RunSite site;
  site.network = kBoth;
  site.import(kScan);
  CHECK(site.run("work")->counts.succeeded == 3);
  const auto again = site.run("work");
  CHECK(again->counts.succeeded == 2);
  CHECK(again->counts.cached == 1);
}

TEST_CASE("a site that does not allow every endpoint of a DAG starts nothing of it") {
  RunSite site;
  site.import(kScan);
  for (const NetworkRules& allowed : {NetworkRules{}, rules({"tcp:10.2.0.0/16:443"}), rules({"tcp:10.2.0.0/16:444", "tcp:mirror.site:80=10.9.9.9"})}) {
    site.network = allowed;
    const auto refused = site.run("work");
    REQUIRE_FALSE(refused);
    CHECK(refused.error().code == Code::kSpecNetwork);
    CHECK(refused.error().context.contains("step first declares tcp:"));
  }
  CHECK(ledger::list_runs(*site.ledger, test::tenant())->empty());
  CHECK(site.watcher.said.empty());
}

TEST_CASE("a tenant that is sealed before the run starts nothing, and one that is sealed during it starts no further endpoint") {
  RunSite site;
  site.network = kBoth;
  site.import(kScan);
  site.watcher.on_said = [&](const std::string& what) {
    if (what == "started first.1") seal(site);
  };
  const auto report = site.run("work");
  REQUIRE(report);
  CHECK(site.states(report->run.id) == "first succeeded, second failed, third skipped");
  REQUIRE(report->failures.size() == 1);
  CHECK(report->failures[0].error.code == Code::kSealedNetwork);
  CHECK(network_events(site, "run:" + report->run.id.str() + "/step:second").empty());
  const auto refused = site.run("work");
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kSealedNetwork);
  site.check_history();
}

TEST_CASE("a replay asks the site again") {
  RunSite site;
  site.network = kBoth;
  site.import(kScan);
  const auto report = site.run("work");
  REQUIRE(report);
  CHECK(site.replay(report->run.id)->identical);
  site.network = {};
  const auto refused = site.replay(report->run.id);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kSpecNetwork);
}

TEST_CASE("a run that was cut off goes on only where its endpoints are still allowed") {
  RunSite site;
  site.network = kBoth;
  site.import(kScan);
  site.watcher.on_said = [&](const std::string& what) {
    if (what == "started second.1") site.fs.full = true;  // before the third one begins, which is the first to write
  };
  REQUIRE_FALSE(site.run("work"));
  site.fs.full = false;
  site.watcher.on_said = {};
  const RunId run = ledger::list_runs(*site.ledger, test::tenant())->front().id;
  site.network = rules({"tcp:10.2.0.0/16:443"});
  const auto refused = site.resume(run);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kSpecNetwork);
  site.network = kBoth;
  CHECK(to_text(site.resume(run)->run.state) == "succeeded");
  site.check_history();
}
