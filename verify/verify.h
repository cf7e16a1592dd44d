// verify: turns bytes into trusted types. Does no I/O and reads no clock.
//
// Start at check_bundle_signature() and read_bundle_manifest() (bundle_manifest.h): a VerifiedBundleManifest was signed
// by enough distinct trusted keys, inside the window of the trust roots, and parses. verify_envelope() (dsse.h) and
// verify_checkpoint() (note.h) make the other trusted types. None of these has a public constructor: tests sign with
// test keys.
//
//   scheme.h        algorithms, hashes, forms of signatures
//   keys.h          public and private keys, key ids, PEM
//   key_container.h private keys under a passphrase, as cosign writes them
//   key_import.h    private keys of other tools, in older PEM forms
//   detached.h      minisign, signify and raw signatures in files of their own
//   dsse.h          DSSE envelopes: sign, parse, verify against a threshold
//   note.h          C2SP signed notes and transparency-log checkpoints
//   merkle_proof.h  RFC 6962 inclusion and consistency proofs, windows of a log
#pragma once

#include "verify/bundle_manifest.h"
#include "verify/detached.h"
#include "verify/dsse.h"
#include "verify/key_container.h"
#include "verify/key_import.h"
#include "verify/keys.h"
#include "verify/merkle_proof.h"
#include "verify/note.h"
