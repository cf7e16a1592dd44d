// airlock: carries work across an air gap. This file reads the command line and turns one Result into one exit
// status; everything a command does stands in its cmd_*.cc.
#include <malloc.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <exception>
#include <new>
#include <set>
#include <string_view>
#include <system_error>

#include "base/trace_context.h"
#include "cli/shell.h"

namespace airlock::cli {
namespace {

constexpr const char* kAbout =
    "Carries work across an air gap: verifies signed bundles, runs the DAGs in them in kernel sandboxes without\n"
    "network, keeps every job in an append-only ledger, exports audit bundles that verify anywhere.";

constexpr const char* kFooter =
    "Examples:\n"
    "  airlock trust init --key publisher.pub\n"
    "  airlock bundle import kit-1.0.0.airlock.tar.zst --tenant acme\n"
    "  airlock run advisory-match --tenant acme\n"
    "  airlock audit export --tenant acme -o evidence.tar.zst\n"
    "Global options may stand before or after the command. Exit status: 0 done, 1 unexpected, 2 bad usage or refused,\n"
    "3 not authorised, 4 not found, 5 offline violation, 6 stale, 7 run not succeeded, 8 non-monotonic, 9 no sandbox,\n"
    "10 retryable, 130 interrupted.";

void add_globals(CLI::App& app, Shell& shell) {
  Globals& o = shell.options;
  app.add_option("--config", o.config, "configuration file (default: AIRLOCK_CONFIG, /etc/airlock/airlock.json)")->group("Global");
  app.add_option("--home", o.home, "folder of this site (default: AIRLOCK_HOME, /var/lib/airlock)")->group("Global");
  app.add_option("--tenant", o.tenant, "tenant to act for (default: AIRLOCK_TENANT)")->group("Global");
  app.add_option("--actor", o.actor, "who acts, for the record (default: AIRLOCK_ACTOR, the login name)")->group("Global");
  app.add_option("--reason", o.reason, "why, for the record")->group("Global");
  app.add_option("--ticket", o.ticket, "ticket that authorises it, for the record")->group("Global");
  app.add_option("--traceparent", o.traceparent, "W3C trace context to continue")->group("Global");
  app.add_option("--passphrase-fd", o.passphrase_fd, "read the passphrase of an encrypted key from this descriptor (else AIRLOCK_PASSPHRASE, a prompt)")->group("Global");
  auto* json = app.add_flag("--json", o.json, "write one JSON object to stdout")->group("Global");
  app.add_flag("--ndjson", o.ndjson, "write one JSON line an item to stdout")->group("Global")->excludes(json);
  app.add_flag("-q,--quiet", o.quiet, "say nothing but errors")->group("Global");
}

// What stood on the command line after the deepest command that was understood, and what might have been meant.
Error usage_error(const CLI::App& app, const CLI::ParseError& problem, int argc, char** argv) {
  const CLI::App* at = &app;
  std::set<std::string> understood;
  for (bool deeper = true; deeper;) {
    deeper = false;
    for (const CLI::App* sub : at->get_subcommands())
      if (sub->parsed()) {
        at = sub;
        understood.insert(sub->get_name());
        deeper = true;
        break;
      }
  }
  std::vector<std::string> words;
  for (const CLI::App* sub : at->get_subcommands([](const CLI::App*) { return true; })) words.push_back(sub->get_name());
  const bool group = !words.empty();
  for (const CLI::App* scope : {at, &app})
    for (const CLI::Option* option : scope->get_options())
      for (const std::string& name : option->get_lnames()) words.push_back("--" + name);
  std::string context = problem.what();
  for (int i = 1; i < argc; ++i) {
    const std::string word = std::string(argv[i]).substr(0, std::string(argv[i]).find('='));
    if (std::ranges::find(words, word) != words.end() || understood.contains(word)) continue;
    if (!group && !word.starts_with("--")) continue;  // a file name, not a misspelt command
    if (const auto near = nearest(word, words)) {
      context = "\"" + word + "\" is not known here; did you mean \"" + *near + "\"?";
      break;
    }
  }
  return Error{Code::kUsage, context};
}

int finish_with(const Error& error, const Shell& shell) {
  if (shell.machine()) write_stderr(canonical_json(error_json(error)) + "\n");
  else print_error(error, "airlock", shell.terminal);
  return code_info(error.code).exit_status;
}

// What every command takes over as it stands must be in order before any of them begins.
Result<void> check_globals(const Globals& o) {
  if (!o.traceparent.empty()) TRY(parse_traceparent(o.traceparent));
  return {};
}

int run(int argc, char** argv) {
  Shell shell;
  CLI::App app(kAbout, "airlock");
  app.footer(kFooter);
  app.require_subcommand(1);
  app.fallthrough();
  app.set_help_all_flag("--help-all", "print the help of every command");
  add_globals(app, shell);
  register_key(app, shell);
  register_trust(app, shell);
  register_bundle(app, shell);
  register_quarantine(app, shell);
  register_time(app, shell);
  register_seal(app, shell);
  register_dag(app, shell);
  register_plugin(app, shell);
  register_run(app, shell);
  register_runs(app, shell);
  register_jobs(app, shell);
  register_audit(app, shell);
  register_ledger(app, shell);
  register_doctor(app, shell);
  register_completion(app, shell);
  register_version(app, shell);
  try {
    app.parse(argc, argv);
  } catch (const CLI::Success& help) {  // --help and --help-all
    return app.exit(help);
  } catch (const CLI::ParseError& problem) {
    return finish_with(usage_error(app, problem, argc, argv), shell);
  }
  if (!shell.action) return finish_with({Code::kUsage, "no command given"}, shell);
  if (const auto configured = shell.configure(); !configured) return finish_with(configured.error(), shell);
  if (const auto good = check_globals(shell.options); !good) return finish_with(good.error(), shell);
  const Result<int> result = shell.action();
  return result ? *result : finish_with(result.error(), shell);
}

// Memory or threads that the machine does not give, on whichever thread: a line instead of a core. What was begun is as
// after a kill: the next command goes on. No memory may be asked for here.
[[noreturn]] void stop_with(std::string_view line) {
  (void)!::write(STDERR_FILENO, line.data(), line.size());
  std::_Exit(code_info(Code::kIo).exit_status);
}
[[noreturn]] void stop_without_resources() {
  try {
    if (const auto thrown = std::current_exception()) std::rethrow_exception(thrown);
  } catch (const std::bad_alloc&) {
    stop_with("airlock: error[io]: the operating system refused an operation: no memory left\n"
              "  remedy: Give the process more memory (ulimit -v, the limit of its control group), then run the same command again.\n");
  } catch (const std::system_error&) {
    stop_with("airlock: error[io]: the operating system refused an operation: no thread to be had\n"
              "  remedy: Allow the process more threads and memory (ulimit -u, ulimit -v), then run the same command again.\n");
  } catch (...) {
  }
  std::abort();
}

}  // namespace
}  // namespace airlock::cli

int main(int argc, char** argv) {
  // A reader that goes away must not kill a run half-way: writes to it fail instead and are reported.
  std::signal(SIGPIPE, SIG_IGN);
  std::set_terminate(airlock::cli::stop_without_resources);
  // By default every thread gets 64 MiB of addresses to itself, and an import of six threads meets a limit on them (ulimit
  // -v) although it needs 50 MiB of memory.
  ::mallopt(M_ARENA_MAX, 2);
  return airlock::cli::run(argc, argv);
}
