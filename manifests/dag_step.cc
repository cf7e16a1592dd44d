#include <algorithm>
#include <set>

#include "base/path.h"
#include "manifests/dag_parse.h"
#include "manifests/endpoint.h"

namespace airlock::manifests {
namespace {

// Ids are written without [N]: that form belongs to the steps a forEach expands to.
Result<StepId> step_id(std::string_view text, const std::string& path) {
  auto id = StepId::parse(text);
  if (!id || id->str().ends_with(']'))
    return fail(Code::kBadId, path + ": step id \"" + std::string(text.substr(0, 80)) + "\", expected [A-Za-z0-9][A-Za-z0-9._-]{0,127}");
  return id;
}

Result<InputSource> parse_source(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  if (reader.has("bundle")) {
    auto bundle = TRY(reader.id<BundleId>("bundle"));
    auto inner = TRY(reader.string("path"));
    BundleInput input{std::move(bundle), std::move(inner)};
    TRY(reader.finish());
    if (input.path.find("${") == std::string::npos)
      if (auto ok = safe_path(input.path); !ok) return fail(Code::kSpecInvalid, path + ".path: " + ok.error().context);
    return InputSource(std::move(input));
  }
  if (reader.has("step")) {
    StepOutputInput input{TRY(step_id(TRY(reader.string("step")), reader.path_of("step"))), std::nullopt};
    if (reader.any_or_null("path") != nullptr) input.path = TRY(reader.string("path"));
    TRY(reader.finish());
    return InputSource(std::move(input));
  }
  if (reader.has("artifact")) {
    ArtifactInput input{TRY(reader.digest("artifact"))};
    TRY(reader.finish());
    return InputSource(input);
  }
  for (const char* key : {"bundle", "step", "artifact", "path"}) (void)reader.any_or_null(key);  // known to finish()
  TRY(reader.finish());
  return fail(Code::kField, path + ": expected {bundle, path}, {step, path} or {artifact}");
}

Result<std::map<std::string, InputSource>> parse_inputs(const Json* value, const std::string& path) {
  std::map<std::string, InputSource> out;
  if (value == nullptr) return out;
  for (const auto& [name, item] : value->items()) {
    if (!valid_input_name(name))
      return fail(Code::kSpecInvalid, path + "." + name.substr(0, 80) + ": a name of an input is [A-Za-z0-9_][A-Za-z0-9._-]{0,63}");
    out.emplace(name, TRY(parse_source(item, path + "." + name)));
  }
  return out;
}

Result<std::map<std::string, std::string>> parse_env(const Json* value, const std::string& path) {
  static constexpr std::string_view kReserved[] = {"HOME", "TRACEPARENT", "TRACESTATE", "BAGGAGE"};
  std::map<std::string, std::string> out;
  if (value == nullptr) return out;
  for (const auto& [name, item] : value->items()) {
    const std::string at = path + "." + name.substr(0, 80);
    const bool form = !name.empty() && name.size() <= 128 && !(name[0] >= '0' && name[0] <= '9') &&
                      std::ranges::all_of(name, [](char c) {
                        return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '_';
                      });
    if (!form) return fail(Code::kSpecInvalid, at + ": a name of a variable is [A-Za-z_][A-Za-z0-9_]*");
    if (name.starts_with("AIRLOCK_") || std::ranges::find(kReserved, name) != std::end(kReserved))
      return fail(Code::kSpecInvalid, at + ": set by airlock itself");
    if (!item.is_string()) return fail(Code::kField, at + ": expected a string; put it in quotes");
    const std::string& text = item.get_ref<const std::string&>();
    if (text.find('\0') != std::string::npos) return fail(Code::kSpecInvalid, at + ": holds a NUL");
    out.emplace(name, text);
  }
  return out;
}

Result<RetrySpec> parse_retry(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  RetrySpec out;
  out.max_attempts = TRY(reader.uint_or("maxAttempts", out.max_attempts));
  if (out.max_attempts < 1 || out.max_attempts > 100) return fail(Code::kField, reader.path_of("maxAttempts") + ": expected 1 to 100");
  out.factor = TRY(reader.number_or("factor", out.factor));
  if (!(out.factor >= 1 && out.factor <= 100)) return fail(Code::kField, reader.path_of("factor") + ": expected 1 to 100");
  for (const auto& [key, target] : {std::pair{"backoff", &out.backoff}, std::pair{"cap", &out.cap}}) {
    if (reader.any_or_null(key) == nullptr) continue;
    const auto d = parse_duration(TRY(reader.string(key)));
    if (!d || *d > std::chrono::hours(24)) return fail(Code::kField, reader.path_of(key) + ": expected a duration such as 2s, at most 1d");
    *target = *d;
  }
  TRY(reader.finish());
  return out;
}

Result<Condition> parse_condition(std::string_view word, const std::string& path) {
  if (word == "succeeded") return Condition::kSucceeded;
  if (word == "failed") return Condition::kFailed;
  if (word == "always") return Condition::kAlways;
  return fail(Code::kSpecInvalid, path + ": \"" + std::string(word.substr(0, 80)) +
                                      "\", expected succeeded, failed or always, or ${steps.ID.status} == one of them");
}

Result<WhenSpec> parse_when(std::string_view text, const std::string& path) {
  if (!text.starts_with("${")) {
    const Condition condition = TRY(parse_condition(text, path));
    return WhenSpec{std::nullopt, condition};
  }
  static constexpr std::string_view kHead = "${steps.", kTail = ".status}";
  const auto close = text.find(kTail);
  const auto equals = text.find("==");
  if (!text.starts_with(kHead) || close == std::string_view::npos || equals == std::string_view::npos || equals < close)
    return fail(Code::kSpecInvalid, path + ": expected ${steps.ID.status} == succeeded, failed or always");
  const auto trim = [](std::string_view s) {
    while (s.starts_with(' ')) s.remove_prefix(1);
    while (s.ends_with(' ')) s.remove_suffix(1);
    return s;
  };
  const std::string_view between = text.substr(close + kTail.size(), equals - close - kTail.size());
  if (!trim(between).empty()) return fail(Code::kSpecInvalid, path + ": expected ${steps.ID.status} == WORD");
  auto step = TRY(step_id(text.substr(kHead.size(), close - kHead.size()), path));
  auto condition = TRY(parse_condition(trim(text.substr(equals + 2)), path));
  return WhenSpec{std::move(step),
                  std::move(condition)};
}

Result<ForEachSpec> parse_for_each(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  ForEachSpec out;
  const Json* const items = reader.any_or_null("items");
  if (items != nullptr && items->is_array()) {
    std::vector<std::string> list = TRY(reader.strings_or_empty("items"));
    if (list.size() > kMaxSteps) return fail(Code::kSpecInvalid, path + ".items: more than " + std::to_string(kMaxSteps));
    out.items = std::move(list);
  } else {
    const std::string text = TRY(reader.string("items"));
    const bool form = text.starts_with("${inputs.") && text.ends_with('}') && valid_input_name(text.substr(9, text.size() - 10));
    if (!form) return fail(Code::kSpecInvalid, path + ".items: expected ${inputs.NAME} or a list of strings");
    out.items = text.substr(9, text.size() - 10);
  }
  out.as = TRY(reader.string_or("as", "item"));
  if (!valid_input_name(out.as) || out.as.contains('.')) return fail(Code::kSpecInvalid, path + ".as: not a name");
  TRY(reader.finish());
  return out;
}

Result<ApprovalSpec> parse_approval(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  ApprovalSpec out;
  out.approvers = TRY(reader.uint_or("approvers", 1));
  if (out.approvers < 1 || out.approvers > 32) return fail(Code::kField, reader.path_of("approvers") + ": expected 1 to 32");
  out.grants = TRY(reader.strings_or_empty("grants"));
  out.message = TRY(reader.string_or("message", ""));
  if (reader.any_or_null("expires") != nullptr) {
    const auto d = parse_duration(TRY(reader.string("expires")));
    if (!d || d->count() < 1) return fail(Code::kField, reader.path_of("expires") + ": expected a duration such as 72h");
    out.expires = *d;
  }
  TRY(reader.finish());
  return out;
}

Result<void> parse_work(ObjectReader& reader, StepSpec& step) {
  auto ref = PluginRef::parse(TRY(reader.string("plugin")));
  if (!ref) return fail(ref.error().code, reader.path_of("plugin") + ": " + ref.error().context);
  step.plugin = std::move(*ref);
  step.args = TRY(reader.strings_or_empty("args"));
  for (std::size_t i = 0; i < step.args.size(); ++i)
    if (step.args[i].contains('\0')) return fail(Code::kSpecInvalid, reader.path_of("args") + "[" + std::to_string(i) + "]: holds a NUL");
  step.env = TRY(parse_env(TRY(reader.object_or_null("env")), reader.path_of("env")));
  step.inputs = TRY(parse_inputs(TRY(reader.object_or_null("inputs")), reader.path_of("inputs")));
  step.outputs = TRY(OutputSpec::parse_list(TRY(reader.array_or_null("outputs")), reader.path_of("outputs")));
  if (const Json* const resources = TRY(reader.object_or_null("resources")))
    step.resources = TRY(ResourceSpec::parse(*resources, reader.path_of("resources")));
  if (const Json* const network = TRY(reader.object_or_null("network"))) {
    ObjectReader inner = TRY(ObjectReader::of(*network, reader.path_of("network")));
    step.network = TRY(inner.strings_or_empty("allow"));
    TRY(inner.finish());
    for (std::size_t i = 0; i < step.network.size(); ++i)
      step.network[i] = TRY(Endpoint::parse(step.network[i], inner.path_of("allow") + "[" + std::to_string(i) + "]")).text();
  }
  if (const Json* const retry = TRY(reader.object_or_null("retry"))) step.retry = TRY(parse_retry(*retry, reader.path_of("retry")));
  if (const Json* const each = TRY(reader.object_or_null("forEach")))
    step.for_each = TRY(parse_for_each(*each, reader.path_of("forEach")));
  return {};
}

}  // namespace

Result<StepSpec> parse_step(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  StepSpec step{TRY(step_id(TRY(reader.string("id")), reader.path_of("id"))), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  std::set<StepId> seen;
  const std::vector<std::string> needs = TRY(reader.strings_or_empty("needs"));
  for (std::size_t i = 0; i < needs.size(); ++i) {
    const std::string at = reader.path_of("needs") + "[" + std::to_string(i) + "]";
    StepId id = TRY(step_id(needs[i], at));
    if (!seen.insert(id).second) return fail(Code::kSpecInvalid, at + ": " + id.str() + " is named twice");
    step.needs.push_back(std::move(id));
  }
  if (reader.any_or_null("when") != nullptr) step.when = TRY(parse_when(TRY(reader.string("when")), reader.path_of("when")));
  if (const Json* const approval = TRY(reader.object_or_null("approval"))) {
    step.approval = TRY(parse_approval(*approval, reader.path_of("approval")));
  } else {
    TRY(parse_work(reader, step));
  }
  TRY(reader.finish());
  return step;
}

}  // namespace airlock::manifests
