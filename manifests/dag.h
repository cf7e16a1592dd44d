// manifests/dag: the DAG spec, a versioned graph of steps (docs/formats.md, "DAG").
//
// parse_dag takes the document apart, strictly: what it returns has unique step ids, references that exist, no
// circle, no step that could never run, and substitutions that name declared things. What depends on a catalog (do
// the plugin and the data exist, is the ask within the ceilings) is checked by check_step below and by
// runner/plan.h.
//
// Substitutions, in args, env, inputs.*.path and forEach.items: ${inputs.x}; ${item} and ${<as>} inside a forEach
// step; ${steps.ID.outputs.PATH}, which becomes the path below /in where that output is mounted. Nothing else.
//
// Edges follow from needs, inputs and when. Data edges always ask for success; `when` relaxes the others:
//   absent / succeeded   every dependency succeeded
//   failed               every dependency has ended and at least one failed or timed out
//   always               every dependency has ended
//   ${steps.X.status} == succeeded | failed | always    that word for X alone, success for the rest
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "manifests/document.h"
#include "manifests/plugin.h"

namespace airlock::manifests {

struct BundleInput {
  BundleId bundle;
  std::string path;  // a member or a folder of the bundle; may hold substitutions
};
struct StepOutputInput {
  StepId step;
  std::optional<std::string> path;  // absent = all of /out
};
struct ArtifactInput {
  Digest sha256;  // one stored file
};
using InputSource = std::variant<BundleInput, StepOutputInput, ArtifactInput>;

struct RetrySpec {
  std::uint64_t max_attempts = 1;
  Millis backoff{2000};
  double factor = 2;
  Millis cap{300'000};
};

enum class Condition { kSucceeded, kFailed, kAlways };
struct WhenSpec {
  std::optional<StepId> step;  // absent = all of needs
  Condition is = Condition::kSucceeded;
};

struct ForEachSpec {
  std::variant<std::string, std::vector<std::string>> items;  // name of an input of type array, or the items
  std::string as = "item";
};

struct ApprovalSpec {
  std::uint64_t approvers = 1;
  std::vector<std::string> grants;
  std::string message;
  Millis expires{72 * 3'600'000};
};

struct StepSpec {
  StepId id;
  std::vector<StepId> needs;                       // as written
  std::optional<WhenSpec> when;
  std::optional<ApprovalSpec> approval;            // then nothing below is set
  std::optional<PluginRef> plugin;                 // set unless approval
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::map<std::string, InputSource> inputs;       // name -> source
  std::vector<OutputSpec> outputs;
  ResourceSpec resources;
  std::vector<std::string> network;
  RetrySpec retry;
  std::optional<ForEachSpec> for_each;
};

struct InputSpec {
  std::string name;
  Json schema;                     // JSON Schema, the keywords of document_schema.h
  std::optional<Json> fallback;    // its `default`
};

struct DagSpec {
  DagId id;
  SemVer version;
  std::string description;
  std::map<std::string, std::string> labels;
  std::optional<TenantId> tenant;               // refused for any other tenant's run
  std::vector<InputSpec> inputs;                // sorted by name
  std::optional<std::uint64_t> max_parallel;    // absent = the machine's cores
  bool continue_on_error = false;
  std::vector<StepSpec> steps;                  // as written
  Json document;                                // what it was parsed from: write_dag gives this, canonically
};

inline constexpr std::size_t kMaxSteps = 10'000;      // written steps, and items of one forEach
inline constexpr std::size_t kMaxPlanSteps = 100'000; // after expansion

Result<DagSpec> parse_dag(const Json& document);
Result<DagSpec> parse_dag(const Document& document);  // the same; errors carry file, line and column
std::string write_dag(const DagSpec& dag);            // canonical JSON, as it stands in a bundle
Digest dag_digest(const DagSpec& dag);                // SHA-256 of write_dag

// What a DAG refers to outside itself, sorted, each once.
std::vector<PluginRef> plugin_refs(const DagSpec& dag);
std::vector<BundleId> bundle_refs(const DagSpec& dag);

// Is the step within what its plugin allows: ceilings (kSpecCeiling), inputs (kSpecUnknownInput), endpoints.
Result<void> check_step(const StepSpec& step, const PluginDescriptor& plugin);

}  // namespace airlock::manifests
