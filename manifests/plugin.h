// manifests/plugin: what a plugin says about itself (plugin.json; docs/formats.md, "Plugin").
//
// A plugin is a folder plugins/<name>/<version>/ of a bundle. `resources` and `network` are ceilings: a DAG may ask
// for less, never for more.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "base/ids.h"
#include "base/json.h"
#include "base/semver.h"
#include "base/time.h"

namespace airlock::manifests {

// "name@1.4.0". Versions are exact: a DAG never floats.
struct PluginRef {
  PluginName name;
  SemVer version;
  static Result<PluginRef> parse(std::string_view text);
  std::string str() const { return name.str() + "@" + version.str(); }
  std::string folder() const { return "plugins/" + name.str() + "/" + version.str(); }  // in a bundle
};

// Absent = not stated. In a plugin: ceilings. In a step: what it asks for.
struct ResourceSpec {
  std::optional<std::uint64_t> memory_bytes;
  std::optional<std::uint64_t> cpu_milli;   // 1000 = one core
  std::optional<std::uint64_t> pids;
  std::optional<std::uint64_t> disk_bytes;  // of /out
  std::optional<Millis> timeout;            // wall clock, one attempt
  static Result<ResourceSpec> parse(const Json& value, const std::string& path);
  Json to_json() const;                     // bytes, milli-cores and milliseconds: {memory, cpuMilli, pids, disk, timeoutMs}
};

struct OutputSpec {
  std::string path;        // relative, safe: a file or a folder below /out
  std::string media_type;  // may be empty
  static Result<std::vector<OutputSpec>> parse_list(const Json* value, const std::string& path);
};

struct PluginInput {
  std::string name;  // mounted as /in/<name>
  bool required = true;
  std::string media_type, description;
};

enum class RootfsKind { kNone, kHostReadOnly, kOciLayout };

struct PluginDescriptor {
  PluginName name;
  SemVer version;
  std::string description;
  std::string entrypoint;                  // path in the plugin
  std::optional<std::string> interpreter;  // path in the root file system; argv = [interpreter, entrypoint, args...]
  RootfsKind rootfs = RootfsKind::kNone;
  std::string rootfs_path;                 // of an OCI image layout in the bundle, when kOciLayout
  std::vector<PluginInput> inputs;         // sorted by name; empty = takes whatever a DAG gives it
  std::vector<OutputSpec> outputs;
  ResourceSpec ceilings;
  std::vector<std::string> network;        // as Endpoint::text()
  bool deterministic = false;              // true = results may be reused
  std::vector<std::string> secrets;
  PluginRef ref() const { return {name, version}; }
};

// Errors name the field: kField, kSpecInvalid, kSpecUnknownField.
Result<PluginDescriptor> parse_plugin(const Json& document);

// [A-Za-z0-9_][A-Za-z0-9._-]{0,63}: names of inputs, which become names below /in.
bool valid_input_name(std::string_view text);

}  // namespace airlock::manifests
