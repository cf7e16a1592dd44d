// audit/verify/previous: the signed checkpoint that an earlier export, or a checkpoint kept by itself,
// commits to.
#pragma once

#include <string>

#include "base/result.h"

namespace airlock::audit {

// `path`: a checkpoint file, or an audit bundle (archive or folder), whose proofs/checkpoint is taken. The
// bytes of the note, not verified. Errors: those of reading; kAuditCheckpoint when the bundle holds none.
Result<std::string> load_checkpoint(const std::string& path);

}  // namespace airlock::audit
