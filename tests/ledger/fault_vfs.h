// A file system for SQLite that breaks on order: the k-th change fails, or the power goes there.
//
// It passes everything to the default VFS, but keeps what each write since the last sync of its file
// replaced. A power cut takes those writes back, all or from the middle of one on; what was synced stays.
// Syncs are not passed on: what survives is decided here, and the tests are faster.
#pragma once

#include <string>

namespace airlock::testing {

enum class Fault {
  kNone,
  kErrorOnce,  // the k-th change fails with an I/O error, later ones work
  kDiskFull,   // from the k-th change on, nothing more can be written
  kPowerCut,   // the k-th change and all later ones fail; power_cut() then takes back what was not synced
};

class FaultVfs {
 public:
  static const char* name();                 // registers it on first use
  static void arm(Fault fault, int change);  // counts from 0; kNone counts only
  static bool reached();                     // whether the fault has happened
  static int changes();                      // writes, syncs, truncations and deletions since arm()

  // What the machine finds when it comes up again. `keep` of the unsynced writes of each file stay, the next
  // one is torn in the middle. Call it when every connection is closed.
  static void power_cut(std::size_t keep);
};

}  // namespace airlock::testing
