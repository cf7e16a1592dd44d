#include "manifests/dag_links.h"

namespace airlock::manifests {
namespace {

std::unexpected<Error> bad_substitution(const std::string& path, std::string_view text) {
  return fail(Code::kSpecInvalid, path + ": \"" + std::string(text.substr(0, 80)) +
                                      "\" is not a substitution; there are ${inputs.NAME}, ${item} in a forEach "
                                      "step, and ${steps.ID.outputs.PATH}");
}

Result<TextPart> parse_reference(std::string_view body, const ForEachSpec* for_each, const std::string& path) {
  const std::string whole = "${" + std::string(body) + "}";
  if (body.starts_with("inputs.")) {
    const std::string_view name = body.substr(7);
    if (!valid_input_name(name)) return bad_substitution(path, whole);
    return TextPart(InputRef{std::string(name)});
  }
  if (body.starts_with("steps.")) {
    const std::string_view rest = body.substr(6);
    const auto at = rest.find(".outputs.");
    if (at == std::string_view::npos) return bad_substitution(path, whole);
    auto id = StepId::parse(rest.substr(0, at));
    if (!id || id->str().ends_with(']')) return bad_substitution(path, whole);
    return TextPart(OutputRef{std::move(*id), std::string(rest.substr(at + 9))});
  }
  const bool item = body == "item" || (for_each != nullptr && body == for_each->as);
  if (!item) return bad_substitution(path, whole);
  if (for_each == nullptr) return fail(Code::kSpecInvalid, path + ": " + whole + " outside of a forEach step");
  return TextPart(ItemRef{});
}

}  // namespace

Result<std::vector<TextPart>> parse_text(std::string_view text, const ForEachSpec* for_each, const std::string& path) {
  std::vector<TextPart> out;
  while (!text.empty()) {
    const auto open = text.find("${");
    if (open != 0) out.emplace_back(Literal{std::string(text.substr(0, open))});
    if (open == std::string_view::npos) break;
    const auto close = text.find('}', open);
    if (close == std::string_view::npos) return bad_substitution(path, text.substr(open));
    out.push_back(TRY(parse_reference(text.substr(open + 2, close - open - 2), for_each, path)));
    text.remove_prefix(close + 1);
  }
  return out;
}

std::vector<StepText> texts_of(const StepSpec& step, const std::string& path) {
  std::vector<StepText> out;
  for (std::size_t i = 0; i < step.args.size(); ++i)
    out.push_back({&step.args[i], path + ".args[" + std::to_string(i) + "]"});
  for (const auto& [name, value] : step.env) out.push_back({&value, path + ".env." + name});
  for (const auto& [name, source] : step.inputs) {
    const std::string at = path + ".inputs." + name + ".path";
    if (const auto* bundle = std::get_if<BundleInput>(&source)) out.push_back({&bundle->path, at});
    if (const auto* other = std::get_if<StepOutputInput>(&source); other != nullptr && other->path)
      out.push_back({&*other->path, at});
  }
  return out;
}

Result<std::vector<Link>> links_of(const StepSpec& step, const std::string& path) {
  std::map<StepId, Link> links;
  const bool over_all = step.when && !step.when->step;
  // `when: failed` waits for all to end; that one of them failed is asked of them together (wants_failure).
  const Condition of_needs = over_all && step.when->is != Condition::kSucceeded ? Condition::kAlways : Condition::kSucceeded;
  for (const StepId& id : step.needs) links.insert_or_assign(id, Link{id, false, of_needs});
  if (step.when && step.when->step) links.insert_or_assign(*step.when->step, Link{*step.when->step, false, step.when->is});
  const auto data = [&](const StepId& id) {
    auto [it, fresh] = links.try_emplace(id, Link{id, true, Condition::kSucceeded});
    if (fresh) return;
    it->second.data = true;
    if (it->second.is == Condition::kAlways) it->second.is = Condition::kSucceeded;  // kFailed stays: a contradiction
  };
  for (const auto& [name, source] : step.inputs)
    if (const auto* other = std::get_if<StepOutputInput>(&source)) data(other->step);
  const ForEachSpec* const for_each = step.for_each ? &*step.for_each : nullptr;
  for (const StepText& text : texts_of(step, path))
    for (const TextPart& part : TRY(parse_text(*text.text, for_each, text.path)))
      if (const auto* output = std::get_if<OutputRef>(&part)) data(output->step);
  std::vector<Link> out;
  for (auto& [id, link] : links) out.push_back(std::move(link));
  return out;
}

}  // namespace airlock::manifests
