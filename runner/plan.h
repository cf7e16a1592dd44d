// runner/plan: a DAG spec made concrete. A pure function of spec, input values and catalog; the same plan, byte for
// byte, on every machine.
//
// Planning expands forEach (fan -> fan[0], fan[1] ...; whoever depends on `fan` depends on all of them), substitutes,
// fills in resource defaults, checks ceilings, and pins every plugin and every piece of data by digest. Whatever
// cannot run is refused here and not later: unknown plugins, data and images, values that do not fit, approvals and
// secrets (kSpecUnsupported), another tenant's DAG. Whether the site allows its endpoints: runner/endpoints.h.
//
// What a step finds below /in/<name>:
//   one file of a bundle, of a step, or an artifact   the file /in/<name>
//   a folder of a bundle or of a step                 the folder /in/<name>/
//   {step: fan, path: x} of a fanned-out step         the folder /in/<name>/ with one folder an item: 0/x, 1/x ...
//   {step: fan}                                       likewise, 0/ 1/ ... hold all of each item's /out
// ${steps.ID.outputs.PATH} is the path of that output below /in: of the step's own input that takes it, else of one
// added under the name "steps.ID.PATH" with '/' written as '.'.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/tree.h"
#include "manifests/dag.h"

namespace airlock::runner {

// A file, or a folder as its tree. A file's tree has one entry, whose path is not part of its identity.
struct Content {
  bool folder = false;
  Tree tree;
};

struct PluginInfo {
  manifests::PluginDescriptor descriptor;
  Tree tree;  // paths below the plugin's folder, plugin.json included
  std::optional<Tree> image = {};  // of the OCI image layout that is its root file system
};

// What planning needs to know about one tenant's active bundles.
class Catalog {
 public:
  virtual ~Catalog() = default;
  virtual Result<PluginInfo> plugin(const manifests::PluginRef& ref) = 0;                     // kSpecUnknownPlugin
  virtual Result<Content> data(const BundleId& bundle, const std::string& path) = 0;          // kSpecUnknownInput
  virtual Result<Content> artifact(const Digest& sha256) = 0;                                 // kSpecUnknownInput
};

struct Resources {
  std::uint64_t memory_bytes = 256 * kMiB, cpu_milli = 1000, pids = 64, disk_bytes = kGiB;
  Millis timeout{300'000};
  friend bool operator==(const Resources&, const Resources&) = default;
};

struct PlannedPlugin {
  manifests::PluginRef ref;
  Digest tree;                             // tree digest; the store holds the listing under it
  std::string entrypoint;
  std::optional<std::string> interpreter;
  manifests::RootfsKind rootfs = manifests::RootfsKind::kNone;
  std::optional<Digest> image;             // tree digest of the layout, when rootfs is one
  bool deterministic = false;
};

// Pinned content: a file by its bytes, a folder by its tree digest.
struct Pinned {
  bool folder = false;
  bool executable = false;  // of a file
  Digest sha256;
  friend bool operator==(const Pinned&, const Pinned&) = default;
};
struct FromStep {
  std::size_t step;  // index into Plan::steps
  std::optional<std::string> path;
};
struct FromGroup {
  std::size_t group;  // index into Plan::groups
  std::optional<std::string> path;
};
struct PlannedInput {
  std::string name;
  std::variant<Pinned, FromStep, FromGroup> source;
};

struct Dependency {
  bool group = false;
  std::size_t index = 0;  // into Plan::groups or Plan::steps
  manifests::Condition is = manifests::Condition::kSucceeded;
  friend bool operator==(const Dependency&, const Dependency&) = default;
};
struct PlannedStep {
  StepId id;
  std::size_t plugin = 0;                // index into Plan::plugins
  std::vector<std::string> args;
  std::map<std::string, std::string> env;
  std::vector<PlannedInput> inputs;      // sorted by name
  std::vector<manifests::OutputSpec> outputs;
  Resources resources;
  std::vector<std::string> network;      // endpoints, as Endpoint::text(); sorted
  manifests::RetrySpec retry;
  std::vector<Dependency> dependencies;  // each node once
  bool wants_failure = false;            // `when: failed`: at least one dependency must have failed
};

struct PlannedGroup {
  StepId id;                             // of the forEach step
  std::vector<std::size_t> members;      // in item order
};

struct Plan {
  DagId dag;
  SemVer version;
  Digest dag_digest;
  // Everything from outside: {parameters: {name: value}, content: {"bundle:ID:PATH" or "artifact:sha256:HEX":
  // "tree:HEX" or "file:HEX"}}. inputsHash is the SHA-256 of its canonical form.
  Json inputs;
  std::optional<std::uint64_t> max_parallel;
  bool continue_on_error = false;
  std::vector<PlannedPlugin> plugins;    // sorted by name, version
  std::vector<PlannedStep> steps;        // in the order of the plan
  std::vector<PlannedGroup> groups;      // sorted by id
};

struct Planned {
  Plan plan;
  std::map<Digest, Tree> trees;          // of every folder and plugin the plan pins
};

// `values`: input name -> text as given on a command line, or JSON. Missing ones take their default.
using InputValues = std::map<std::string, std::variant<std::string, Json>>;

Result<Planned> make_plan(const manifests::DagSpec& dag, const InputValues& values, const TenantId& tenant,
                          Catalog& catalog);

std::string write_plan(const Plan& plan);              // canonical JSON
Result<Plan> read_plan(std::string_view text);         // what write_plan wrote; kPlanMismatch if it is not
Digest plan_hash(const Plan& plan);                    // SHA-256 of write_plan
Digest inputs_hash(const Plan& plan);

struct ResolvedInput {
  std::string name;
  Pinned content;
};
// Everything that can change what the step writes, nothing that cannot.
Digest step_hash(const Plan& plan, std::size_t step, const std::vector<ResolvedInput>& inputs,
                 const Digest& sandbox_profile);
Digest step_inputs_hash(const std::vector<ResolvedInput>& inputs);  // SHA-256 of their canonical JSON

}  // namespace airlock::runner
