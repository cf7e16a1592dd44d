// cli/cmd_sigstore: `airlock bundle verify-sigstore`, a command of the group that cmd_bundle.cc registers.
#pragma once

#include "cli/shell.h"

namespace airlock::cli {

void add_sigstore_command(CLI::App& group, Shell& shell);

}  // namespace airlock::cli
