// airlock-verify: checks an audit bundle with public keys alone. The reviewer's program: no ledger, no
// sandbox, no server, no configuration; everything it does stands in audit/verify.
#include <CLI/CLI.hpp>

#include "audit/verify/audit_verify.h"
#include "base/io.h"
#include "base/limits.h"
#include "cli/render.h"

namespace airlock::cli {
namespace {

constexpr std::string_view kProgram = "airlock-verify";
constexpr const char* kFooter =
    "Example:\n"
    "  airlock-verify evidence.tar.zst --key site.pub --previous last-month.tar.zst\n"
    "Exit status: 0 everything holds, 1 unexpected, 2 bad usage or refused, 3 no permission, 4 not found.";

struct Arguments {
  std::string file, previous;
  std::vector<std::string> keys;
  std::size_t threshold = 1;
  bool json = false, quiet = false;
};

Result<audit::VerifyOptions> read_options(const Arguments& arguments) {
  audit::VerifyOptions options;
  for (const std::string& path : arguments.keys) {
    auto key = verify::PublicKey::from_pem(TRY(read_file(path, Limits{}.metadata_bytes)));
    if (!key) return fail(key.error().code, path + ": " + key.error().context);
    options.keys.push_back(std::move(*key));
  }
  options.threshold = arguments.threshold;
  if (!arguments.previous.empty()) options.previous = arguments.previous;
  return options;
}

Result<void> show(const audit::Report& report, const Arguments& arguments, const Terminal& terminal) {
  if (arguments.json) return write_stdout(canonical_json(audit::report_json(report)) + "\n");
  if (arguments.quiet) return {};
  std::vector<CheckLine> lines;
  for (const audit::Check& check : report.checks) lines.push_back({check.name, check.ok, check.seen});
  const std::string verdict =
      report.accepted
          ? paint("VERIFIED", Tone::kGood, terminal.stdout_colour) + ": every check holds\n"
          : paint("REFUSED", Tone::kBad, terminal.stdout_colour) + ": do not rely on this bundle\n";
  return write_stdout(printable(arguments.file) + "\n" + check_list(lines, terminal.stdout_colour) + verdict);
}

Result<void> check(const Arguments& arguments, const Terminal& terminal) {
  const audit::VerifyOptions options = TRY(read_options(arguments));
  const audit::Report report = TRY(audit::verify_audit(arguments.file, options));
  TRY(show(report, arguments, terminal));
  if (report.failure) return fail(report.failure->code, audit::failure_text(*report.failure));
  return {};
}

int run(int argc, char** argv) {
  Arguments arguments;
  CLI::App app("Checks an audit bundle of airlock with nothing but public keys.", std::string(kProgram));
  app.footer(kFooter);
  app.set_version_flag("--version", std::string(kProgram) + " " AIRLOCK_VERSION);
  app.add_option("file", arguments.file, "the audit bundle: FILE.tar.zst, or the folder it was unpacked to")
      ->required();
  app.add_option("--key", arguments.keys, "public key (PEM) of the site or an auditor; repeat for more")
      ->required();
  app.add_option("--threshold", arguments.threshold, "how many of these keys must have signed (default 1)");
  app.add_option("--previous", arguments.previous,
                 "an earlier checkpoint or audit bundle that this one must extend");
  app.add_flag("--json", arguments.json, "write the report as one JSON object to stdout");
  app.add_flag("-q,--quiet", arguments.quiet, "say nothing but the error");
  const Terminal terminal = Terminal::detect();
  const auto failed = [&](const Error& error) {
    print_error(error, kProgram, terminal);
    return code_info(error.code).exit_status;
  };
  try {
    app.parse(argc, argv);
  } catch (const CLI::ParseError& problem) {
    if (problem.get_exit_code() == 0) return app.exit(problem);  // --help, --version
    return failed({Code::kUsage, problem.what()});
  }
  const auto result = check(arguments, terminal);
  return result ? 0 : failed(result.error());
}

}  // namespace
}  // namespace airlock::cli

int main(int argc, char** argv) { return airlock::cli::run(argc, argv); }
