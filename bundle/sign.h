// bundle/sign: one more signature for a bundle that is already built, by somebody who never sees the publisher's key.
//
// Only the manifest's envelope changes; it lies in zstd frames of its own (bundle/build.cc), so that every later frame
// is copied as it stands, undecoded. The file is replaced by one rename. What is signed is the statement of the
// envelope, after it was read as a bundle manifest; its members are not looked at: `bundle verify` does that, and whoever
// signs should run it first. Fields of the envelope that airlock does not know stay.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/limits.h"
#include "base/result.h"
#include "base/signer.h"

namespace airlock::bundle {

struct SignRequest {
  std::string path;                        // replaced
  std::span<const Signer* const> signers;  // at least one: kUsage
  Limits limits;
};

struct Signed {
  std::string bundle_id, version;
  std::uint64_t generation = 0;
  Digest manifest_sha256;                  // of the statement that was signed
  std::size_t signatures = 0;              // in the envelope now
  std::uint64_t copied_bytes = 0;          // of the file, untouched
  Digest file_sha256;
};

// A second signature by a key of the same id replaces its first. Errors: kArchive*, kManifestFirst, kDsse*, kManifestInvalid (also
// and of the manifest that shares its frame with other members, as another tool might pack it), kIo...
Result<Signed> sign_bundle(const SignRequest& request);

}  // namespace airlock::bundle
