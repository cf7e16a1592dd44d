#include "manifests/plugin.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <set>

#include "base/path.h"
#include "manifests/endpoint.h"

namespace airlock::manifests {
namespace {

bool alnum(char c) { return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9'); }

Result<std::string> inner_path(ObjectReader& reader, std::string_view key) {
  std::string path = TRY(reader.string(key));
  if (auto ok = safe_path(path); !ok) return fail(Code::kSpecInvalid, reader.path_of(key) + ": " + ok.error().context);
  return path;
}

// A size or count: "256MiB" or a plain whole number of bytes; never zero, which would only ever fail later.
Result<std::optional<std::uint64_t>> size_field(ObjectReader& reader, std::string_view key) {
  const Json* const value = reader.any_or_null(key);
  if (value == nullptr) return std::nullopt;
  std::uint64_t bytes = 0;
  if (value->is_number_unsigned()) {
    bytes = value->get<std::uint64_t>();
  } else if (value->is_string()) {
    const auto parsed = parse_size(value->get_ref<const std::string&>());
    if (!parsed) return fail(Code::kField, reader.path_of(key) + ": expected a size such as 256MiB");
    bytes = *parsed;
  } else {
    return fail(Code::kField, reader.path_of(key) + ": expected a size such as 256MiB");
  }
  if (bytes == 0 || bytes > (1ULL << 50)) return fail(Code::kField, reader.path_of(key) + ": expected 1 byte to 1024TiB");
  return bytes;
}

Result<RootfsKind> parse_rootfs(const std::string& text, const std::string& path) {
  if (text == "none") return RootfsKind::kNone;
  if (text == "host-ro") return RootfsKind::kHostReadOnly;
  if (!safe_path(text)) return fail(Code::kSpecInvalid, path + ": expected none, host-ro or the path of an OCI image layout");
  return RootfsKind::kOciLayout;
}

Result<std::vector<PluginInput>> parse_inputs(const Json* value, const std::string& path) {
  std::vector<PluginInput> out;
  if (value == nullptr) return out;
  for (const auto& [name, item] : value->items()) {
    if (!valid_input_name(name)) return fail(Code::kSpecInvalid, path + ": \"" + name.substr(0, 80) + "\" is not a name for an input");
    ObjectReader reader = TRY(ObjectReader::of(item, path + "." + name));
    PluginInput input;
    input.name = name;
    input.required = TRY(reader.boolean_or("required", true));
    input.media_type = TRY(reader.string_or("mediaType", ""));
    input.description = TRY(reader.string_or("description", ""));
    TRY(reader.finish());
    out.push_back(std::move(input));
  }
  std::ranges::sort(out, {}, &PluginInput::name);
  return out;
}

}  // namespace

bool valid_input_name(std::string_view text) {
  return !text.empty() && text.size() <= 64 && (alnum(text[0]) || text[0] == '_') &&
         std::ranges::all_of(text, [](char c) { return alnum(c) || c == '.' || c == '_' || c == '-'; });
}

Result<PluginRef> PluginRef::parse(std::string_view text) {
  const auto at = text.find('@');
  if (at == std::string_view::npos)
    return fail(Code::kSpecInvalid, "plugin \"" + std::string(text.substr(0, 80)) + "\", expected NAME@VERSION");
  auto name = TRY(PluginName::parse(text.substr(0, at)));
  auto version = TRY(SemVer::parse(text.substr(at + 1)));
  return PluginRef{std::move(name), std::move(version)};
}

Result<ResourceSpec> ResourceSpec::parse(const Json& value, const std::string& path) {
  ObjectReader reader = TRY(ObjectReader::of(value, path));
  ResourceSpec out;
  out.memory_bytes = TRY(size_field(reader, "memory"));
  out.disk_bytes = TRY(size_field(reader, "disk"));
  if (reader.any_or_null("cpu") != nullptr) {
    const double cores = TRY(reader.number_or("cpu", 1));
    if (!(cores >= 0.01 && cores <= 4096)) return fail(Code::kField, reader.path_of("cpu") + ": expected 0.01 to 4096 cores");
    out.cpu_milli = static_cast<std::uint64_t>(std::llround(cores * 1000));
  }
  if (reader.any_or_null("pids") != nullptr) {
    out.pids = TRY(reader.uint("pids"));
    if (*out.pids < 1 || *out.pids > 4'000'000) return fail(Code::kField, reader.path_of("pids") + ": expected 1 to 4000000");
  }
  if (reader.any_or_null("timeout") != nullptr) {
    const auto timeout = parse_duration(TRY(reader.string("timeout")));
    if (!timeout || timeout->count() < 1 || *timeout > std::chrono::hours(24 * 30))
      return fail(Code::kField, reader.path_of("timeout") + ": expected a duration such as 5m, at most 30d");
    out.timeout = *timeout;
  }
  TRY(reader.finish());
  return out;
}

Json ResourceSpec::to_json() const {
  Json out = Json::object();
  if (memory_bytes) out["memory"] = *memory_bytes;
  if (cpu_milli) out["cpuMilli"] = *cpu_milli;
  if (pids) out["pids"] = *pids;
  if (disk_bytes) out["disk"] = *disk_bytes;
  if (timeout) out["timeoutMs"] = timeout->count();
  return out;
}

Result<std::vector<OutputSpec>> OutputSpec::parse_list(const Json* value, const std::string& path) {
  std::vector<OutputSpec> out;
  if (value == nullptr) return out;
  std::set<std::string> keys;
  for (std::size_t i = 0; i < value->size(); ++i) {
    ObjectReader reader = TRY(ObjectReader::of((*value)[i], path + "[" + std::to_string(i) + "]"));
    OutputSpec output;
    output.path = TRY(inner_path(reader, "path"));
    output.media_type = TRY(reader.string_or("mediaType", ""));
    TRY(reader.string_or("description", ""));  // for people; not part of what is run
    TRY(reader.finish());
    if (!keys.insert(collision_key(output.path)).second)
      return fail(Code::kSpecInvalid, reader.path_of("path") + ": " + output.path + " is declared twice");
    out.push_back(std::move(output));
  }
  return out;
}

Result<PluginDescriptor> parse_plugin(const Json& document) {
  ObjectReader reader = TRY(ObjectReader::of(document, ""));
  auto version = SemVer::parse(TRY(reader.string("version")));
  if (!version) return fail(version.error().code, "version: " + version.error().context);
  PluginDescriptor out{TRY(reader.id<PluginName>("name")), std::move(*version), {}, {}, {}, {}, {}, {}, {}, {}, {}, {}, {}};
  out.description = TRY(reader.string_or("description", ""));
  out.entrypoint = TRY(inner_path(reader, "entrypoint"));
  const std::string rootfs = TRY(reader.string_or("rootfs", "none"));
  out.rootfs = TRY(parse_rootfs(rootfs, "rootfs"));
  if (out.rootfs == RootfsKind::kOciLayout) out.rootfs_path = rootfs;
  if (reader.any_or_null("interpreter") != nullptr) {
    out.interpreter = TRY(inner_path(reader, "interpreter"));
    if (out.rootfs == RootfsKind::kNone)
      return fail(Code::kSpecInvalid, "interpreter: a plugin without a root file system has none; set rootfs");
  }
  out.inputs = TRY(parse_inputs(TRY(reader.object_or_null("inputs")), "inputs"));
  out.outputs = TRY(OutputSpec::parse_list(TRY(reader.array_or_null("outputs")), "outputs"));
  if (const Json* const ceilings = TRY(reader.object_or_null("resources")))
    out.ceilings = TRY(ResourceSpec::parse(*ceilings, "resources"));
  if (const Json* const network = TRY(reader.object_or_null("network"))) {
    ObjectReader inner = TRY(ObjectReader::of(*network, "network"));
    out.network = TRY(inner.strings_or_empty("allow"));
    TRY(inner.finish());
    for (std::string& endpoint : out.network) endpoint = TRY(Endpoint::parse(endpoint, "network.allow")).text();
  }
  out.deterministic = TRY(reader.boolean_or("deterministic", false));
  out.secrets = TRY(reader.strings_or_empty("secrets"));
  TRY(reader.finish());
  return out;
}

}  // namespace airlock::manifests
