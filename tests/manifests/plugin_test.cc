#include <catch2/catch.hpp>

#include "manifests/dag.h"
#include "manifests/plugin.h"

using namespace airlock;
using namespace airlock::manifests;

namespace {

const Json kPlugin = {{"name", "osv-index"},
                      {"version", "1.4.0"},
                      {"description", "indexes OSV entries"},
                      {"entrypoint", "bin/osv-index"},
                      {"rootfs", "none"},
                      {"inputs", {{"osv", {{"required", true}, {"description", "a folder"}}}, {"extra", {{"required", false}}}}},
                      {"outputs", {{{"path", "index.json"}, {"mediaType", "application/json"}}}},
                      {"resources", {{"memory", "512MiB"}, {"cpu", 2}, {"pids", 16u}, {"disk", "1GiB"}, {"timeout", "2m"}}},
                      {"network", {{"allow", {"tcp:10.0.0.1:443"}}}},
                      {"deterministic", true},
                      {"secrets", Json::array()}};

Json with(Json doc, const char* key, Json value) {
  doc[key] = std::move(value);
  return doc;
}
Json without(Json doc, const char* key) {
  doc.erase(key);
  return doc;
}

StepSpec step_of(const char* yaml) {
  const auto document = load_authored(std::string("apiVersion: airlock/v1\nkind: Dag\nmetadata: {id: d, version: 1.0.0}\n"
                                                  "spec:\n  steps:\n    - {id: s, plugin: osv-index@1.4.0, ") + yaml + "}\n", "d");
  REQUIRE(document);
  const auto dag = parse_dag(*document);
  if (!dag) FAIL(dag.error().context);
  return dag->steps[0];
}

}  // namespace

TEST_CASE("a plugin descriptor with every field is read as written") {
  const auto got = parse_plugin(kPlugin);
  if (!got) FAIL(got.error().context);
  CHECK(got->ref().str() == "osv-index@1.4.0");
  CHECK(got->ref().folder() == "plugins/osv-index/1.4.0");
  CHECK(got->entrypoint == "bin/osv-index");
  CHECK(got->rootfs == RootfsKind::kNone);
  REQUIRE(got->inputs.size() == 2);
  CHECK(got->inputs[0].name == "extra");
  CHECK_FALSE(got->inputs[0].required);
  CHECK(got->ceilings.memory_bytes == 512 * kMiB);
  CHECK(got->ceilings.cpu_milli == 2000);
  CHECK(got->deterministic);
  const auto small = parse_plugin({{"name", "p"}, {"version", "0.1.0-rc.1"}, {"entrypoint", "p"}});
  REQUIRE(small);
  CHECK_FALSE(small->deterministic);
  CHECK(parse_plugin(with(kPlugin, "rootfs", "images/debian"))->rootfs == RootfsKind::kOciLayout);
  CHECK(parse_plugin(with(with(kPlugin, "rootfs", "host-ro"), "interpreter", "usr/bin/python3"))->interpreter == "usr/bin/python3");
}

TEST_CASE("every bad plugin descriptor is refused with its code and place") {
  struct Case {
    const char* name;
    Json document;
    Code code;
    const char* says;
  };
  const Case cases[] = {
      {"not an object", Json::array(), Code::kField, "object"},
      {"misspelt field", with(kPlugin, "entrypiont", "x"), Code::kSpecUnknownField, "did you mean \"entrypoint\"?"},
      {"no name", without(kPlugin, "name"), Code::kField, "name: missing"},
      {"bad name", with(kPlugin, "name", "a/b"), Code::kBadId, "name"},
      {"bad version", with(kPlugin, "version", "1.4"), Code::kBadId, "version"},
      {"no entrypoint", without(kPlugin, "entrypoint"), Code::kField, "entrypoint"},
      {"entrypoint above", with(kPlugin, "entrypoint", "../sh"), Code::kSpecInvalid, "entrypoint"},
      {"absolute entrypoint", with(kPlugin, "entrypoint", "/bin/sh"), Code::kSpecInvalid, "entrypoint"},
      {"unknown rootfs", with(kPlugin, "rootfs", "/"), Code::kSpecInvalid, "rootfs"},
      {"interpreter without a root", with(kPlugin, "interpreter", "usr/bin/python3"), Code::kSpecInvalid, "interpreter"},
      {"input with a bad name", with(kPlugin, "inputs", {{"a/b", Json::object()}}), Code::kSpecInvalid, "inputs"},
      {"input with an unknown field", with(kPlugin, "inputs", {{"a", {{"requird", true}}}}), Code::kSpecUnknownField, "required"},
      {"output above", with(kPlugin, "outputs", {{{"path", "../x"}}}), Code::kSpecInvalid, "outputs[0].path"},
      {"bad size", with(kPlugin, "resources", {{"memory", "1GB"}}), Code::kField, "resources.memory"},
      {"bad endpoint", with(kPlugin, "network", {{"allow", {"udp:1.2.3.4:53"}}}), Code::kSpecInvalid, "network.allow"},
      {"deterministic in words", with(kPlugin, "deterministic", "yes"), Code::kField, "deterministic"},
      {"secrets that are not text", with(kPlugin, "secrets", {1}), Code::kField, "secrets"},
  };
  for (const Case& c : cases) {
    INFO(c.name);
    const auto got = parse_plugin(c.document);
    REQUIRE_FALSE(got);
    INFO(got.error().context);
    CHECK(code_info(got.error().code).text == code_info(c.code).text);
    CHECK(got.error().context.find(c.says) != std::string::npos);
  }
}

TEST_CASE("a step may ask for less than its plugin's ceilings, never for more") {
  const PluginDescriptor plugin = *parse_plugin(kPlugin);
  struct Case {
    const char* step;
    Code code;
    const char* says;
  };
  const Case cases[] = {
      {"inputs: {osv: {bundle: b, path: data}}, resources: {memory: 512MiB, cpu: 2, pids: 16, disk: 1GiB, timeout: 2m}", Code::kInternal, ""},
      {"inputs: {osv: {bundle: b, path: data}, extra: {bundle: b, path: x}}", Code::kInternal, ""},
      {"inputs: {osv: {bundle: b, path: data}}, network: {allow: [\"tcp:10.0.0.1:443\"]}", Code::kInternal, ""},
      {"inputs: {osv: {bundle: b, path: data}}, resources: {memory: 513MiB}", Code::kSpecCeiling, "memory"},
      {"inputs: {osv: {bundle: b, path: data}}, resources: {cpu: 2.001}", Code::kSpecCeiling, "cpu 2.001, at most 2"},
      {"inputs: {osv: {bundle: b, path: data}}, resources: {pids: 17}", Code::kSpecCeiling, "pids"},
      {"inputs: {osv: {bundle: b, path: data}}, resources: {disk: 2GiB}", Code::kSpecCeiling, "disk"},
      {"inputs: {osv: {bundle: b, path: data}}, resources: {timeout: 121s}", Code::kSpecCeiling, "timeout 121s, at most 2m"},
      {"inputs: {osv: {bundle: b, path: data}}, network: {allow: [\"tcp:10.0.0.2:443\"]}", Code::kSpecCeiling, "network ceiling"},
      {"inputs: {osv: {bundle: b, path: data}, osvs: {bundle: b, path: data}}", Code::kSpecUnknownInput, "did you mean \"osv\"?"},
      {"args: []", Code::kSpecUnknownInput, "needs input \"osv\""},
  };
  for (const Case& c : cases) {
    INFO(c.step);
    const auto got = check_step(step_of(c.step), plugin);
    if (c.code == Code::kInternal) {
      CHECK(got);
      continue;
    }
    REQUIRE_FALSE(got);
    CHECK(got.error().code == c.code);
    CHECK(got.error().context.find(c.says) != std::string::npos);
  }
}

TEST_CASE("a plugin that names no inputs takes whatever it is given") {
  const PluginDescriptor plugin = *parse_plugin(without(kPlugin, "inputs"));
  CHECK(check_step(step_of("inputs: {anything: {bundle: b, path: data}}"), plugin));
}
