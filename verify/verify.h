// verify: turns bytes into trusted types. Does no I/O and reads no clock.
//
// Start at check_bundle_manifest() (bundle_manifest.h): a VerifiedBundleManifest was signed by enough distinct trusted
// keys, inside the window of the trust roots, and parses. verify_envelope() (dsse.h) and verify_checkpoint() (note.h)
// make the other trusted types. None of these has a public constructor: tests sign with test keys.
//
//   keys.h          public and private keys, key ids, PEM
//   dsse.h          DSSE envelopes: sign, parse, verify against a threshold
//   note.h          C2SP signed notes and transparency-log checkpoints
//   merkle_proof.h  RFC 6962 inclusion and consistency proofs, windows of a log
#pragma once

#include "verify/bundle_manifest.h"
#include "verify/dsse.h"
#include "verify/keys.h"
#include "verify/merkle_proof.h"
#include "verify/note.h"
