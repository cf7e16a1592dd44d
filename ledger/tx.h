// ledger/tx: what a Tx carries besides its connection, inside the ledger.
#pragma once

#include <map>
#include <string>

#include "ledger/ledger.h"
#include "ledger/log.h"

namespace airlock::ledger {

struct Tx::State {
  const Options* options;                 // of the Ledger that began it
  const std::string* instance;
  std::map<std::string, LogHead> heads;   // of the logs this transaction has written to
  bool open = true;
  bool broken = false;                    // an append failed half-way: nothing of this may be committed
};

}  // namespace airlock::ledger
