#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <filesystem>
#include <memory>

#include "base/io.h"
#include "bundle/image_store.h"
#include "cli/shell.h"
#include "manifests/plugin.h"
#include "manifests/plugin_entry.h"

namespace airlock::cli {
namespace {

struct PluginOptions {
  std::string folder, name, version = "0.1.0";
};

// The smallest program that uses the whole contract of a step: arguments, inputs, outputs, events, exit status.
constexpr std::string_view kProgram = R"(// A plugin runs alone: no network, no files but these.
//   /in/<name>  what the step declares as inputs, read-only
//   /out        what the step leaves behind; declare each path under `outputs`
//   /tmp        scratch space, gone afterwards
// stdout and stderr are kept as logs. Descriptor 3 takes events, one JSON object a line.
// Exit 0: succeeded. 75: failed, worth another try. Anything else: failed.
//
// Build it static, since nothing else is there to load it:  g++ -O2 -static -o bin/main main.cc
#include <fstream>
#include <iostream>

#include <unistd.h>

int main() {
  std::ifstream in("/in/data");
  std::ofstream out("/out/result.txt");
  out << in.rdbuf();
  if (!in || !out.flush()) {
    std::cerr << "cannot copy /in/data to /out/result.txt\n";
    return 1;
  }
  const char event[] = "{\"progress\":1}\n";
  return write(3, event, sizeof event - 1) < 0 ? 1 : 0;
}
)";

std::string descriptor_text(const PluginOptions& o) {
  const Json descriptor{{"name", o.name},
                        {"version", o.version},
                        {"description", "what it does, in one line"},
                        {"entrypoint", "bin/main"},
                        {"rootfs", "none"},
                        {"inputs", {{"data", {{"required", true}}}}},
                        {"outputs", {{{"path", "result.txt"}, {"mediaType", "text/plain"}}}},
                        {"resources", {{"memory", "256MiB"}, {"cpu", 1.0}, {"pids", 16}, {"disk", "64MiB"}, {"timeout", "1m"}}},
                        {"deterministic", true}};
  return descriptor.dump(2) + "\n";
}

Result<int> init(const Shell& shell, PluginOptions o) {
  if (o.name.empty()) o.name = o.folder.substr(o.folder.rfind('/') + 1);
  TRY(PluginName::parse(o.name));
  TRY(SemVer::parse(o.version));
  if (const auto slash = o.folder.rfind('/'); slash != std::string::npos && slash > 0) TRY(make_dirs(o.folder.substr(0, slash)));
  if (::mkdir(o.folder.c_str(), 0755) != 0)
    return errno == EEXIST ? fail(Code::kAlreadyExists, o.folder) : os_fail("mkdir", o.folder);
  TRY(write_file_durably(o.folder + "/plugin.json", descriptor_text(o)));
  TRY(write_file_durably(o.folder + "/main.cc", std::string(kProgram)));
  if (::mkdir((o.folder + "/bin").c_str(), 0755) != 0) return os_fail("mkdir", o.folder + "/bin");
  TRY(shell.emit({{"folder", o.folder}, {"name", o.name}, {"version", o.version}},
                 o.folder + ": " + o.name + "@" + o.version + "\n  g++ -O2 -static -o " + o.folder + "/bin/main " + o.folder +
                     "/main.cc\n  airlock plugin check " + o.folder + "\n"));
  return 0;
}

Result<std::string> head_of(const std::string& file) {
  const UniqueFd fd = TRY(open_read(file));
  std::string head(manifests::kEntrypointHead, '\0');
  const ssize_t got = ::pread(fd.get(), head.data(), head.size(), 0);
  if (got < 0) return os_fail("read", file);
  head.resize(static_cast<std::size_t>(got));
  return head;
}

// The layout lies beside plugins/ in the kit that the plugin is a part of. Nothing when `folder` is not in one.
std::optional<std::string> kit_of(const std::string& folder, const manifests::PluginDescriptor& plugin) {
  std::error_code ec;
  const std::string whole = std::filesystem::canonical(folder, ec).string(), tail = "/" + plugin.ref().folder();
  if (ec || !whole.ends_with(tail)) return std::nullopt;
  return whole.substr(0, whole.size() - tail.size());
}

Result<std::string> check_rootfs(const std::string& folder, const manifests::PluginDescriptor& plugin) {
  if (plugin.rootfs != manifests::RootfsKind::kOciLayout) return "";
  const auto kit = kit_of(folder, plugin);
  if (!kit) return "  its rootfs " + plugin.rootfs_path + " is checked when the bundle is built\n";
  if (const auto sound = bundle::check_image_folder(*kit + "/" + plugin.rootfs_path); !sound)
    return fail(sound.error().code, "rootfs " + plugin.rootfs_path + ": " + sound.error().context);
  return "  its rootfs " + plugin.rootfs_path + " is a sound image layout\n";
}

Result<int> check(const Shell& shell, const PluginOptions& o) {
  const std::string file = o.folder + "/plugin.json";
  const Json document = TRY(parse_json(TRY(read_file(file, Limits{}.metadata_bytes)), file));
  const auto parsed = manifests::parse_plugin(document);
  if (!parsed) return fail(parsed.error().code, file + ": " + parsed.error().context);
  const std::string entry = o.folder + "/" + parsed->entrypoint;
  struct stat st{};
  if (::lstat(entry.c_str(), &st) != 0) return fail(Code::kSpecInvalid, "entrypoint " + parsed->entrypoint + ": there is no such file in " + o.folder);
  if (!S_ISREG(st.st_mode)) return fail(Code::kSpecInvalid, "entrypoint " + parsed->entrypoint + ": not a regular file");
  if ((st.st_mode & S_IXUSR) == 0 && !parsed->interpreter)
    return fail(Code::kSpecInvalid, "entrypoint " + parsed->entrypoint + ": not executable; chmod +x " + entry);
  TRY(manifests::check_entrypoint(*parsed, TRY(head_of(entry))));
  const std::string rootfs = TRY(check_rootfs(o.folder, *parsed));
  TRY(shell.emit({{"valid", true}, {"name", parsed->name.str()}, {"version", parsed->version.str()}, {"entrypoint", parsed->entrypoint},
                  {"bundlePath", parsed->ref().folder()}},
                 o.folder + ": valid, " + parsed->ref().str() + "; in a bundle it lies at " + parsed->ref().folder() + "\n" + rootfs));
  return 0;
}

}  // namespace

void register_plugin(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("plugin", "start and check plugins (connected side)");
  group->require_subcommand(1);
  auto o = std::make_shared<PluginOptions>();
  CLI::App* start = add_command(*group, shell, "init", "make a folder with a descriptor and a small program", [&shell, o] { return init(shell, *o); });
  start->add_option("folder", o->folder, "the folder, which must not exist")->required();
  start->add_option("--name", o->name, "name of the plugin (default: the folder's)");
  start->add_option("--version", o->version, "version, SemVer (default 0.1.0)");
  CLI::App* look = add_command(*group, shell, "check", "check a plugin's descriptor and that its entrypoint can start", [&shell, o] { return check(shell, *o); });
  look->add_option("folder", o->folder, "folder with plugin.json")->required();
}

}  // namespace airlock::cli
