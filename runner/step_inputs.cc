#include "runner/step_inputs.h"

#include <algorithm>

#include "ledger/runs.h"
#include "runner/catalog.h"
#include "runner/outputs.h"

namespace airlock::runner {

InputResolver::InputResolver(const Plan& plan, TenantId tenant, RunId run, std::map<Digest, Tree> known)
    : plan_(plan), tenant_(std::move(tenant)), run_(std::move(run)), outputs_(plan.steps.size()) {
  for (auto& [digest, tree] : known) trees_.emplace(digest, std::make_shared<const Tree>(std::move(tree)));
}

Result<StepInputs> InputResolver::resolve(const ledger::Reader& reader, std::size_t step) {
  StepInputs out;
  for (const PlannedInput& input : plan_.steps[step].inputs) {
    auto one = resolve_one(reader, input);
    if (!one) return fail(one.error().code, "/in/" + input.name + ": " + one.error().context);
    out.resolved.push_back({input.name, one->pin});
    out.content.push_back({input.name, one->pin.folder, std::move(one->tree)});
  }
  return out;
}

Result<std::shared_ptr<const Tree>> InputResolver::pinned(const ledger::Reader& reader, const Digest& tree) {
  auto& known = trees_[tree];
  if (!known) {
    const std::string listing = TRY(ledger::document(reader, tree));
    known = std::make_shared<const Tree>(TRY(parse_tree_listing(listing)));
  }
  return known;
}

Result<InputResolver::Resolved> InputResolver::resolve_one(const ledger::Reader& reader, const PlannedInput& input) {
  if (const auto* step = std::get_if<FromStep>(&input.source)) return from_step(reader, *step);
  if (const auto* group = std::get_if<FromGroup>(&input.source)) return from_group(reader, *group);
  const Pinned& pin = std::get<Pinned>(input.source);
  if (pin.folder) {
    auto tree = TRY(pinned(reader, pin.sha256));
    return Resolved{pin, std::move(tree)};
  }
  return Resolved{pin, std::make_shared<const Tree>(Tree{{"file", pin.sha256, 0, pin.executable}})};
}

namespace {

bool is_declared(const PlannedStep& step, const std::string& path) {
  return std::ranges::find(step.outputs, path, &manifests::OutputSpec::path) != step.outputs.end();
}

// What stands at `path` of a step that succeeded. A declared output that the tree does not show is a folder that the
// step left empty: a step whose declared output is not there at all does not succeed.
Result<Selected> take_output(const PlannedStep& step, const Tree& outputs, const std::string& path) {
  if (auto found = select_path(outputs, path)) return std::move(*found);
  if (is_declared(step, path)) return Selected{true, {}};
  return fail(Code::kStepInput, "step " + step.id.str() + " wrote no " + path);
}

}  // namespace

Result<InputResolver::Resolved> InputResolver::from_step(const ledger::Reader& reader, const FromStep& from) {
  auto all = TRY(outputs(reader, from.step));
  if (!from.path) return Resolved{{true, false, tree_digest(*all)}, std::move(all)};
  Selected found = TRY(take_output(plan_.steps[from.step], *all, *from.path));
  if (!found.folder) {
    const TreeEntry& file = found.tree.front();
    return Resolved{{false, file.executable, file.sha256}, std::make_shared<const Tree>(std::move(found.tree))};
  }
  const Digest digest = tree_digest(found.tree);
  return Resolved{{true, false, digest}, std::make_shared<const Tree>(std::move(found.tree))};
}

Result<InputResolver::Resolved> InputResolver::from_group(const ledger::Reader& reader, const FromGroup& from) {
  Tree all;
  const PlannedGroup& group = plan_.groups[from.group];
  for (std::size_t i = 0; i < group.members.size(); ++i) {
    const auto outputs_of_one = TRY(outputs(reader, group.members[i]));
    const std::string prefix = std::to_string(i) + "/";
    if (!from.path) {
      for (TreeEntry entry : *outputs_of_one) {
        entry.path.insert(0, prefix);
        all.push_back(std::move(entry));
      }
      continue;
    }
    Selected found = TRY(take_output(plan_.steps[group.members[i]], *outputs_of_one, *from.path));
    for (TreeEntry& entry : found.tree) {
      entry.path = prefix + *from.path + (found.folder ? "/" + entry.path : "");
      all.push_back(std::move(entry));
    }
  }
  std::ranges::sort(all, {}, &TreeEntry::path);  // "10/" sorts before "2/"
  const Digest digest = tree_digest(all);
  return Resolved{{true, false, digest}, std::make_shared<const Tree>(std::move(all))};
}

Result<std::shared_ptr<const Tree>> InputResolver::outputs(const ledger::Reader& reader, std::size_t step) {
  auto& known = outputs_[step];
  if (!known) {
    Tree tree;
    for (ledger::ArtifactRow& row : TRY(ledger::artifacts_of(reader, tenant_, run_, plan_.steps[step].id)))
      tree.push_back(std::move(row.file));
    known = std::make_shared<const Tree>(std::move(tree));
  }
  return known;
}

}  // namespace airlock::runner
