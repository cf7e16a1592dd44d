// cli/shell: what every command shares: global options, the ports (clock, entropy), output, and the chosen action.
//
// Each cmd_*.cc registers its subcommands with register_*(app, shell); the callback CLI11 runs while parsing only
// stores the action, which main() runs after the whole command line was understood.
#pragma once

#include <CLI/CLI.hpp>
#include <functional>
#include <optional>
#include <string>

#include "base/entropy.h"
#include "base/ids.h"
#include "base/result.h"
#include "base/time.h"
#include "cli/home.h"
#include "cli/render.h"
#include "manifests/config.h"

namespace airlock::cli {

struct Globals {
  std::string config;
  std::string home;
  std::string tenant;
  std::string actor;
  std::string reason;
  std::string ticket;
  std::string traceparent;
  std::optional<int> passphrase_fd;
  bool json = false;
  bool ndjson = false;
  bool quiet = false;
};

struct Governance {
  std::string actor;
  std::string reason;
  std::string ticket;
};

class Shell {
 public:
  Globals options;
  Terminal terminal = Terminal::detect();
  SystemClock clock;
  SystemEntropy entropy;

  // The chosen command; returns the exit status, or the error that main() prints.
  std::function<Result<int>()> action;

  // Reads the configuration file: --config, AIRLOCK_CONFIG (empty: none), else /etc/airlock/airlock.json if it is there.
  Result<void> configure();
  const manifests::SiteConfig& config() const { return config_; }
  Result<Limits> limits(const std::vector<std::string>& assignments) const;  // the configured ones, then --limit

  Result<HomePaths> home() const;            // located, not created
  Result<HomePaths> prepared_home() const;   // located, created and checked
  Result<TenantId> tenant() const;           // --tenant, AIRLOCK_TENANT, or the configured one; else kTenantRequired
  std::string actor() const;                 // --actor, AIRLOCK_ACTOR, the configured one, or unix:<login name>
  Governance governance() const { return {actor(), options.reason, options.ticket}; }

  // Prints `human` or the object, by --json; nothing of the human text with --quiet.
  Result<void> emit(const Json& object, const std::string& human) const;
  // A list: a table, one JSON object {"items": [...]}, or one line an item with --ndjson.
  Result<void> emit_list(const std::vector<Json>& items, const Table& table, std::string_view empty_text) const;
  // A sentence for people on stderr; silent with --quiet or --json.
  void say(std::string_view sentence) const;
  bool machine() const { return options.json || options.ndjson; }

 private:
  manifests::SiteConfig config_;
};

// Adds a subcommand whose callback stores `run` as the shell's action.
CLI::App* add_command(CLI::App& parent, Shell& shell, const std::string& name, const std::string& about,
                      std::function<Result<int>()> run);

void register_key(CLI::App& app, Shell& shell);
void register_trust(CLI::App& app, Shell& shell);
void register_trust_repo(CLI::App& trust, Shell& shell);  // below `trust`
void register_bundle(CLI::App& app, Shell& shell);
void register_bundle_diff(CLI::App& group, Shell& shell);
void register_quarantine(CLI::App& app, Shell& shell);
void register_dag(CLI::App& app, Shell& shell);
void register_plugin(CLI::App& app, Shell& shell);
void register_run(CLI::App& app, Shell& shell);
void register_seal(CLI::App& app, Shell& shell);
void register_time(CLI::App& app, Shell& shell);
void register_runs(CLI::App& app, Shell& shell);
void register_jobs(CLI::App& app, Shell& shell);
void register_audit(CLI::App& app, Shell& shell);
void register_ledger(CLI::App& app, Shell& shell);
void register_doctor(CLI::App& app, Shell& shell);
void register_completion(CLI::App& app, Shell& shell);
void register_version(CLI::App& app, Shell& shell);

}  // namespace airlock::cli
