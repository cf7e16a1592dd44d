// cli/passphrase: the passphrase of an encrypted key, from outside the command line: every argument is seen by `ps`.
//
// In this order: --passphrase-fd N (its first line), AIRLOCK_PASSPHRASE, a prompt on the terminal that shows nothing of
// what is typed. Without a terminal nothing is asked: kKeyPassphraseRequired.
#pragma once

#include <string>

#include "cli/shell.h"
#include "verify/keys.h"

namespace airlock::cli {

bool passphrase_at_hand(const Shell& shell);  // is there one of the three?

// `what` names the key in the prompt.
Result<verify::Secret> read_passphrase(const Shell& shell, const std::string& what);
// For a key that is being made: asked twice on a terminal; never empty (kUsage).
Result<verify::Secret> read_new_passphrase(const Shell& shell, const std::string& what);

// A private key file: PKCS#8 PEM, or the encrypted container, for which it asks. Errors name the file.
Result<verify::PrivateKey> load_signing_key(const Shell& shell, const std::string& file);

}  // namespace airlock::cli
