#include "cli/shell.h"

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

}  // namespace

Result<HomePaths> Shell::home() const { return locate_home(options.home); }

Result<HomePaths> Shell::prepared_home() const {
  HomePaths home = TRY(locate_home(options.home));
  TRY(prepare_home(home));
  return home;
}

Result<TenantId> Shell::tenant() const {
  const std::string name = options.tenant.empty() ? environment("AIRLOCK_TENANT") : options.tenant;
  if (name.empty()) return fail(Code::kTenantRequired, "");
  return TenantId::parse(name);
}

std::string Shell::actor() const {
  if (!options.actor.empty()) return options.actor;
  const std::string named = environment("AIRLOCK_ACTOR");
  return named.empty() ? "unix:" + login_name() : named;
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
