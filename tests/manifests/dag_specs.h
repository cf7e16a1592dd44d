// DAG specs that more than one test looks at: one with everything, one small one, and what is wrong with its edits.
#pragma once

#include <string>

#include "base/error.h"

namespace airlock::test {

inline const std::string kHead = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: test, version: 1.0.0}
spec:
)";

inline const std::string kFullDag = R"(apiVersion: airlock/v1
kind: Dag
metadata: {id: advisory-refresh, version: 2.3.0, description: "refresh", labels: {team: psirt, "app.io/x": y}}
spec:
  inputs:
    severity: {type: string, enum: [low, medium, high], default: medium}
    sources: {type: array, items: {type: string}, default: [a, b]}
  maxParallel: 4
  continueOnError: false
  steps:
    - id: normalise
      plugin: osv-normalise@1.4.0
      needs: []
      args: ["--min", "${inputs.severity}"]
      env: {TZ: UTC}
      inputs:
        feed: {bundle: acme-offline-kit, path: data/osv}
        extra: {artifact: "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"}
      outputs: [{path: advisories.ndjson, mediaType: application/x-ndjson}]
      resources: {memory: 256MiB, cpu: 1.5, pids: 64, disk: 1GiB, timeout: 5m}
      network: {allow: ["tcp:10.2.0.5:443"]}
      retry: {maxAttempts: 3, backoff: 2s, factor: 2, cap: 5m}
    - id: gate
      approval: {approvers: 2, grants: [packs.approve], message: "Publish these advisories?", expires: 72h}
      needs: [normalise]
    - id: fan
      forEach: {items: "${inputs.sources}", as: source}
      plugin: fetch@1.0.0
      needs: [gate]
      args: ["${source}", "${item}", "${steps.normalise.outputs.advisories.ndjson}"]
      inputs: {one: {bundle: acme-offline-kit, path: "data/${item}"}}
      outputs: [{path: out}]
    - id: collect
      plugin: fetch@1.0.0
      inputs: {all: {step: fan, path: out/x.json}, whole: {step: normalise}}
    - id: alarm
      plugin: notify@0.1.0
      when: "${steps.fan.status} == failed"
    - id: goodbye
      plugin: notify@0.1.0
      needs: [alarm, collect]
      when: always
)";

inline const std::string kSmallDag = R"(# a comment
apiVersion: airlock/v1
kind: Dag
metadata: {id: small, version: 1.0.0}
spec:
  inputs:
    level: {type: string, default: low}
  maxParallel: 2
  steps:
    - id: a
      plugin: one@1.0.0
      args: ["${inputs.level}"]
      outputs: [{path: x.json}]
    - id: b
      plugin: two@1.0.0
      needs: [a]
      inputs: {x: {step: a, path: x.json}}
)";

inline const std::string kSmallDagAsJson = R"({"spec": {"steps": [
  {"plugin": "one@1.0.0", "id": "a", "outputs": [{"path": "x.json"}], "args": ["${inputs.level}"]},
  {"inputs": {"x": {"path": "x.json", "step": "a"}}, "needs": ["a"], "id": "b", "plugin": "two@1.0.0"}],
  "maxParallel": 2, "inputs": {"level": {"default": "low", "type": "string"}}},
  "metadata": {"version": "1.0.0", "id": "small"}, "kind": "Dag", "apiVersion": "airlock/v1"})";

inline std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  return at == std::string::npos ? "the edit does not apply: " + from : text.replace(at, from.size(), to);
}

struct BadDag {
  const char* name;
  const char* from;  // in kSmallDag
  const char* to;
  Code code;
  const char* says;
};
inline std::string edit(const BadDag& c) { return replaced(kSmallDag, c.from, c.to); }

inline const BadDag kBadDags[] = {
    {"misspelt field of a step", "args:", "arg:", Code::kSpecUnknownField, "did you mean \"args\"?"},
    {"unknown field at the top", "kind: Dag", "kind: Dag\nextra: 1", Code::kSpecUnknownField, "extra"},
    {"unknown field of spec", "maxParallel:", "maxParalel:", Code::kSpecUnknownField, "did you mean \"maxParallel\"?"},
    {"unknown field of metadata", "{id: small,", "{id: small, owner: me,", Code::kSpecUnknownField, "metadata.owner"},
    {"unknown field of an output", "{path: x.json}]", "{path: x.json, mime: a/b}]", Code::kSpecUnknownField, "outputs[0].mime"},
    {"unknown field of an input", "{step: a,", "{step: a, kind: f,", Code::kSpecUnknownField, "inputs.x.kind"},
    {"input that is none of the three", "{step: a, path: x.json}", "{path: x.json}", Code::kField, "{bundle, path}"},
    {"input that is two of the three", "{step: a,", "{step: a, bundle: b,", Code::kSpecUnknownField, "inputs.x.step"},
    {"unknown field of resources", "needs: [a]", "resources: {ram: 1GiB}", Code::kSpecUnknownField, "resources.ram"},
    {"unknown keyword of a schema", "{type: string, default: low}", "{type: string, defautl: low}", Code::kSpecUnknownField, "did you mean \"default\"?"},
    {"other version of the format", "airlock/v1", "airlock/v2", Code::kSpecInvalid, "airlock/v1"},
    {"other kind", "kind: Dag", "kind: Pipeline", Code::kSpecInvalid, "expected Dag"},
    {"id in upper case", "{id: small,", "{id: Small,", Code::kBadId, "DAG id"},
    {"version that is not SemVer", "version: 1.0.0", "version: \"1\"", Code::kBadId, "metadata.version"},
    {"duplicate step id", "id: b", "id: a", Code::kSpecDuplicateStep, "spec.steps[0]"},
    {"step id with an index", "id: b", "id: \"b[0]\"", Code::kBadId, "b[0]"},
    {"step that needs itself", "needs: [a]", "needs: [b]", Code::kSpecCycle, "b -> b"},
    {"circle", "id: a\n", "id: a\n      needs: [b]\n", Code::kSpecCycle, "a -> b -> a"},
    {"circle through data", "args: [\"${inputs.level}\"]", "inputs: {y: {step: b}}", Code::kSpecCycle, "a -> b -> a"},
    {"circle through when", "args: [\"${inputs.level}\"]", "when: \"${steps.b.status} == failed\"", Code::kSpecCycle, "a -> b -> a"},
    {"circle through a substitution", "args: [\"${inputs.level}\"]", "needs: [b]", Code::kSpecCycle, "a -> b -> a"},
    {"needs a step that does not exist", "needs: [a]", "needs: [c]", Code::kSpecUnknownStep, "\"c\""},
    {"needs the same step twice", "needs: [a]", "needs: [a, a]", Code::kSpecInvalid, "twice"},
    {"takes from a step that does not exist", "{step: a,", "{step: aa,", Code::kSpecUnknownStep, "did you mean \"a\"?"},
    {"waits for a step that does not exist", "needs: [a]", "when: \"${steps.q.status} == failed\"", Code::kSpecUnknownStep, "\"q\""},
    {"takes an output that is not declared", "{step: a, path: x.json}", "{step: a, path: y.json}", Code::kSpecUnknownInput, "did you mean \"x.json\"?"},
    {"substitutes an output that is not declared", "needs: [a]", "args: [\"${steps.a.outputs.y}\"]", Code::kSpecUnknownInput, "y is not a declared output"},
    {"undeclared input", "[\"${inputs.level}\"]", "[\"${inputs.lvel}\"]", Code::kSpecUnknownInput, "did you mean \"level\"?"},
    {"shell in a substitution", "[\"${inputs.level}\"]", "[\"${inputs.level:-x}\"]", Code::kSpecInvalid, "not a substitution"},
    {"environment in a substitution", "[\"${inputs.level}\"]", "[\"${HOME}\"]", Code::kSpecInvalid, "not a substitution"},
    {"item outside of forEach", "[\"${inputs.level}\"]", "[\"${item}\"]", Code::kSpecInvalid, "outside of a forEach"},
    {"forEach over text", "needs: [a]", "forEach: {items: \"${inputs.level}\"}", Code::kSpecInvalid, "not of type array"},
    {"forEach over an undeclared input", "needs: [a]", "forEach: {items: \"${inputs.sources}\"}", Code::kSpecUnknownInput, "sources"},
    {"forEach over an expression", "needs: [a]", "forEach: {items: \"$(ls)\"}", Code::kSpecInvalid, "forEach.items"},
    {"when with an expression", "needs: [a]", "when: \"${steps.a.status} != failed\"", Code::kSpecInvalid, "when"},
    {"when with another word", "needs: [a]", "when: \"${steps.a.status} == done\"", Code::kSpecInvalid, "\"done\""},
    {"when nonsense", "needs: [a]", "when: sometimes", Code::kSpecInvalid, "\"sometimes\""},
    {"step that can never run, by data", "needs: [a]", "when: \"${steps.a.status} == failed\"", Code::kSpecUnreachable, "both to succeed and to fail"},
    {"step that can never run, for want of needs", "needs: [a]", "when: failed", Code::kSpecUnreachable, "none but for data"},
    {"absolute output", "{path: x.json}]", "{path: /x.json}]", Code::kSpecInvalid, "outputs[0].path"},
    {"output above", "{path: x.json}]", "{path: ../x.json}]", Code::kSpecInvalid, "outputs[0].path"},
    {"the same output twice, by case", "{path: x.json}]", "{path: x.json}, {path: X.json}]", Code::kSpecInvalid, "twice"},
    {"name of an input with a slash", "inputs: {x:", "inputs: {a/b:", Code::kSpecInvalid, "a name of an input"},
    {"plugin without a version", "plugin: two@1.0.0", "plugin: two", Code::kSpecInvalid, "NAME@VERSION"},
    {"plugin that floats", "plugin: two@1.0.0", "plugin: two@latest", Code::kBadId, "spec.steps[1].plugin"},
    {"step without a plugin", "plugin: two@1.0.0\n      ", "", Code::kField, "plugin: missing"},
    {"approval with a plugin", "plugin: two@1.0.0", "plugin: two@1.0.0\n      approval: {}", Code::kSpecUnknownField, "spec.steps[1]"},
    {"no steps", "  steps:\n    - id: a", "  steps: []\n  other:\n    - id: a", Code::kSpecUnknownField, "other"},
    {"arguments that are not text", "[\"${inputs.level}\"]", "[1]", Code::kField, "list of strings"},
    {"variable that is not text", "needs: [a]", "env: {N: 1}", Code::kField, "quotes"},
    {"variable that airlock sets", "needs: [a]", "env: {AIRLOCK_RUN_ID: x}", Code::kSpecInvalid, "set by airlock"},
    {"variable that airlock sets, too", "needs: [a]", "env: {HOME: /root}", Code::kSpecInvalid, "set by airlock"},
    {"variable with a bad name", "needs: [a]", "env: {\"A=B\": x}", Code::kSpecInvalid, "name of a variable"},
    {"default that does not fit", "default: low}", "default: 3}", Code::kSpecInputValue, "spec.inputs.level.default"},
    {"schema that is none", "{type: string, default: low}", "{type: strin}", Code::kSpecInvalid, "spec.inputs.level"},
    {"schema with a pattern", "{type: string, default: low}", "{type: string, pattern: \"(a+)+$\"}", Code::kSpecUnsupported, "pattern"},
    {"schema with a reference", "{type: string, default: low}", "{$ref: \"http://x/y\"}", Code::kSpecUnsupported, "$ref"},
    {"zero memory", "needs: [a]", "resources: {memory: 0}", Code::kField, "resources.memory"},
    {"memory in words", "needs: [a]", "resources: {memory: lots}", Code::kField, "resources.memory"},
    {"no time at all", "needs: [a]", "resources: {timeout: 0s}", Code::kField, "resources.timeout"},
    {"negative cpu", "needs: [a]", "resources: {cpu: -1}", Code::kField, "resources.cpu"},
    {"no attempts", "needs: [a]", "retry: {maxAttempts: 0}", Code::kField, "retry.maxAttempts"},
    {"backoff that shrinks", "needs: [a]", "retry: {factor: 0.5}", Code::kField, "retry.factor"},
    {"endpoint without a port", "needs: [a]", "network: {allow: [\"tcp:host\"]}", Code::kSpecInvalid, "tcp:HOST:PORT"},
    {"endpoint with a bad port", "needs: [a]", "network: {allow: [\"tcp:host:70000\"]}", Code::kSpecInvalid, "tcp:HOST:PORT"},
    {"parallel zero", "maxParallel: 2", "maxParallel: 0", Code::kField, "spec.maxParallel"},
    {"anchors", "needs: [a]", "needs: &x [a]", Code::kJson, "anchor"},
};

struct GoodDag {
  const char* name;
  const char* from;  // in kSmallDag
  const char* to;
};
inline const GoodDag kGoodDags[] = {
    {"as it is", "", ""},
    {"with a tenant", "{id: small,", "{id: small, tenant: acme,"},
    {"a part of a declared output folder", "{step: a, path: x.json}", "{step: a, path: x.json/part}"},
    {"forEach over a list", "needs: [a]", "forEach: {items: [p, q]}\n      args: [\"${item}\"]"},
    {"memory as bytes", "needs: [a]", "resources: {memory: 1048576}"},
    {"failure of one, success of the other", "needs: [a]\n      inputs: {x: {step: a, path: x.json}}", "when: \"${steps.a.status} == failed\""},
    {"always, whatever was needed", "inputs: {x: {step: a, path: x.json}}", "when: always"},
    {"failure of any", "inputs: {x: {step: a, path: x.json}}", "when: failed"},
    {"no blanks around ==", "needs: [a]", "when: \"${steps.a.status}==succeeded\""},
    {"an approval", "plugin: two@1.0.0\n      needs: [a]\n      inputs: {x: {step: a, path: x.json}}", "approval: {}\n      needs: [a]"},
    {"an endpoint", "needs: [a]", "network: {allow: [\"tcp:[fe80::1]:443\", \"tcp:db.internal:5432\"]}"},
    {"dollar signs that are no substitution", "[\"${inputs.level}\"]", "[\"$HOME\", \"$(ls)\", \"$$\"]"},
};

}  // namespace airlock::test
