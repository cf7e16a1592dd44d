// DAG specs and plugin descriptors, as authored and as packed: what is read must be the same after it has been written.
#include "fuzz.h"
#include "manifests/dag.h"

using namespace airlock;
using namespace airlock::manifests;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text = fuzz::text(data, size);
  const auto document = load_authored(text, "dag.yaml");
  if (!document) return 0;
  const std::string canonical = canonical_json(document->value);
  const auto again = load_strict(canonical, "dag.json");
  fuzz::require(again.has_value());
  fuzz::require(canonical_json(again->value) == canonical);
  fuzz::require(document->places.contains(""));

  const auto dag = parse_dag(*document);
  const auto packed = parse_dag(again->value);
  fuzz::require(dag.has_value() == packed.has_value());
  if (dag) {
    fuzz::require(write_dag(*dag) == canonical);
    fuzz::require(dag_digest(*dag) == dag_digest(*packed));
  } else {
    fuzz::require(dag.error().code == packed.error().code);
  }
  const auto plugin = parse_plugin(document->value);
  if (plugin && dag)
    for (const StepSpec& step : dag->steps) (void)check_step(step, *plugin);
  return 0;
}
