#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>

#include "base/io.h"
#include "run_site.h"

using namespace airlock;
using namespace airlock::runner;
using test::RunSite;

namespace {

const std::string kRoad = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: road, version: 1.0.0}
spec:
  steps:
    - {id: first, plugin: step@1.0.0, args: [cat, all.txt], outputs: [{path: all.txt}], inputs: {data: {bundle: kit, path: data}, one: {bundle: kit, path: data/a.txt}}}
    - {id: fan, plugin: step@1.0.0, args: [write, part.txt, "<${item}>"], outputs: [{path: part.txt}], forEach: {items: [x, y, z]}, needs: [first]}
    - {id: last, plugin: step@1.0.0, args: [cat, end.txt], outputs: [{path: end.txt}], inputs: {first: {step: first, path: all.txt}, parts: {step: fan, path: part.txt}}}
)";

// The reason why this machine cannot run the test, if it cannot.
std::optional<std::string> missing(const Result<std::shared_ptr<const sandbox::Host>>& host) {
  if (!host) return describe(host.error());
  for (const sandbox::LayerStatus& layer : (*host)->layers())
    if (!layer.ok) return std::string(layer_name(layer.layer)) + ": " + layer.detail;
  return std::nullopt;
}

}  // namespace

TEST_CASE("the whole road in the real sandbox: run, cache, replay") {
  const auto host = sandbox::Host::probe();
  if (const auto why = missing(host)) {
    if (std::getenv("KERNEL_TESTS_MUST_RUN") != nullptr) FAIL(*why);
    WARN("SKIPPED: " + *why);
    return;
  }
  RunSite site(std::filesystem::temp_directory_path().string());
  site.program = read_file(RUN_STEP, 64 * kMiB).value();
  site.profile = (*host)->profile();
  auto real = make_sandbox_executor(*host, {}, 2, *site.store, site.clock);
  REQUIRE(real);
  site.executor = std::move(*real);
  site.import(kRoad);

  const auto first = site.run("road");
  if (!first) FAIL(describe(first.error()));
  for (const StepFailure& failure : first->failures) FAIL_CHECK(failure.step.str() + ": " + describe(failure.error));
  CHECK(to_text(first->run.state) == "succeeded");
  CHECK(site.output(first->run.id, "last", "end.txt") ==
        "first=data/a.txt=alpha;data/sub/b.txt=beta;one=alpha;;parts/0/part.txt=<x>;parts/1/part.txt=<y>;parts/2/part.txt=<z>;");
  for (const ledger::AttemptRow& attempt : site.attempts(first->run.id)) {
    CHECK(attempt.exit == Json{{"code", 0}});
    CHECK_FALSE(attempt.evidence.at("layers").empty());
  }
  const auto second = site.run("road");
  REQUIRE(second);
  CHECK(second->counts.cached == 5);
  CHECK(second->run.outputs_hash == first->run.outputs_hash);
  const auto replay = site.replay(first->run.id);
  REQUIRE(replay);
  CHECK(replay->identical);
  site.check_history();
}
