// The least that a start with a step's namespaces can cost: one clone3, a read-only root, exec. No init, no filter, no
// limits, no output, nothing prepared or cleaned up.
#pragma once

#include <string>

// Starts `program` (a name in folder `dir`, which becomes its whole world) and waits for its end. False: it did not run.
bool start_bare(const std::string& dir, const std::string& program);
