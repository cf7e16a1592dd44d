#include "cli/shell.h"

namespace airlock::cli {

void register_version(CLI::App& app, Shell& shell) {
  add_command(app, shell, "version", "print the version", [&shell]() -> Result<int> {
    TRY(shell.emit({{"version", AIRLOCK_VERSION}}, "airlock " AIRLOCK_VERSION "\n"));
    return 0;
  });
}

}  // namespace airlock::cli
