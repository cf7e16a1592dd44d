// sbom-match [--name FILE]: matches the SBOM at /in/sbom against /in/index and writes /out/matches.json.
#include "common/step.h"
#include "match.h"

namespace airlock::plugin {
namespace {

Result<void> match_sbom(Step& step) {
  const Index index = TRY(parse_index(TRY(read_document(step.input("index"), "index.json"))));
  step.events.progress(0.3);
  const std::string given = step.option("name");
  const std::string name = given.empty() ? "sbom.json" : given;
  const Sbom sbom = TRY(parse_sbom(TRY(read_document(step.input("sbom"), name)), name));
  step.events.progress(0.6);
  const Json report = match_report(sbom, index, name);
  TRY(step.write("matches.json", canonical_json(report) + "\n"));
  step.events.metric("matches", report["matches"].size());
  step.events.progress(1.0);
  return {};
}

}  // namespace
}  // namespace airlock::plugin

int main(int argc, char** argv) {
  return airlock::plugin::run_plugin("sbom-match", {argv, static_cast<std::size_t>(argc)}, {"name"},
                                     &airlock::plugin::match_sbom);
}
