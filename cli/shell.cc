#include "cli/shell.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>

#include "base/io.h"

namespace airlock::cli {
namespace {

std::string environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// The login name of the real user, from /etc/passwd itself: getpwuid(3) would load plugins into a static program.
std::string login_name() {
  const std::string uid = std::to_string(::getuid());
  const auto passwd = read_file("/etc/passwd", 8 * kMiB);
  if (!passwd) return uid;
  std::string_view rest = *passwd;
  while (!rest.empty()) {
    const std::string_view line = rest.substr(0, rest.find('\n'));
    rest.remove_prefix(std::min(rest.size(), line.size() + 1));
    const auto a = line.find(':');
    const auto b = a == std::string_view::npos ? a : line.find(':', a + 1);
    const auto c = b == std::string_view::npos ? b : line.find(':', b + 1);
    if (c != std::string_view::npos && line.substr(b + 1, c - b - 1) == uid) return std::string(line.substr(0, a));
  }
  return uid;
}

// What the file says decides where the site lies and what a bundle may cost: nobody else may be able to write it.
Result<void> check_config_file(const std::string& path) {
  struct stat st{};
  if (::stat(path.c_str(), &st) != 0) return os_fail("stat", path);
  if ((st.st_uid != 0 && st.st_uid != ::geteuid()) || (st.st_mode & (S_IWGRP | S_IWOTH)) != 0)
    return fail(Code::kPermission, path + " can be changed by other users");
  return {};
}

constexpr const char* kDefaultConfig = "/etc/airlock/airlock.json";

}  // namespace

Result<void> Shell::configure() {
  std::string path = options.config;
  if (path.empty()) {
    const char* const named = std::getenv("AIRLOCK_CONFIG");
    path = named == nullptr ? kDefaultConfig : named;
    if (path.empty() || (named == nullptr && ::access(path.c_str(), F_OK) != 0)) return {};
  }
  const std::string text = TRY(read_file(path, kMiB));
  TRY(check_config_file(path));
  config_ = TRY(manifests::parse_config(text, path));
  if (options.home.empty() && environment("AIRLOCK_HOME").empty()) options.home = config_.home.value_or("");
  return {};
}

Result<Limits> Shell::limits(const std::vector<std::string>& assignments) const {
  Limits limits = config_.limits;
  for (const std::string& assignment : assignments) TRY(manifests::set_limit(limits, assignment));
  return limits;
}

Result<HomePaths> Shell::home() const { return locate_home(options.home); }

Result<HomePaths> Shell::prepared_home() const {
  HomePaths home = TRY(locate_home(options.home));
  TRY(prepare_home(home));
  return home;
}

Result<TenantId> Shell::tenant() const {
  const std::string name = options.tenant.empty() ? environment("AIRLOCK_TENANT") : options.tenant;
  if (name.empty() && config_.tenant) return *config_.tenant;
  if (name.empty()) return fail(Code::kTenantRequired, "");
  return TenantId::parse(name);
}

std::string Shell::actor() const {
  if (!options.actor.empty()) return options.actor;
  const std::string named = environment("AIRLOCK_ACTOR");
  if (!named.empty()) return named;
  return config_.actor.value_or("unix:" + login_name());
}

Result<void> Shell::emit(const Json& object, const std::string& human) const {
  if (machine()) return write_stdout(canonical_json(object) + "\n");
  if (options.quiet) return {};
  return write_stdout(human);
}

Result<void> Shell::emit_list(const std::vector<Json>& items, const Table& table, std::string_view empty_text) const {
  if (options.ndjson) {
    std::string lines;
    for (const Json& item : items) lines += canonical_json(item) + "\n";
    return write_stdout(lines);
  }
  if (options.json) return write_stdout(canonical_json({{"items", items}}) + "\n");
  if (items.empty()) {
    say(empty_text);
    return {};
  }
  return write_stdout(table.text());
}

void Shell::say(std::string_view sentence) const {
  if (!options.quiet && !machine()) write_stderr(std::string(sentence) + "\n");
}

CLI::App* add_command(CLI::App& parent, Shell& shell, const std::string& name, const std::string& about,
                      std::function<Result<int>()> run) {
  CLI::App* command = parent.add_subcommand(name, about);
  command->callback([&shell, run = std::move(run)] { shell.action = run; });
  return command;
}

}  // namespace airlock::cli
