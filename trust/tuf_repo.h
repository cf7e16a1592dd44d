// trust/tuf_repo: the publisher's side of TUF: a repository folder whose metadata is staged, signed by people who keep
// their keys apart, and published when enough of them have signed.
//
//   REPO/repo.json              {"schema": "airlock.tuf-repo/v1", "lifetimes": {ROLE: seconds}}
//   REPO/staged/ROLE.json       the next version of a role, with the signatures it has so far
//   REPO/metadata/              what clients fetch: N.root.json, N.targets.json, N.snapshot.json, timestamp.json
//   REPO/targets/               what targets metadata names, under HASH.NAME (consistent snapshots)
//
// A change stages a document; sign() signs what the given keys are good for and publishes what is complete, in the order
// root, targets, snapshot, timestamp: a client that comes in between sees the old state, for timestamp.json is last. A
// published targets stages its snapshot, that its timestamp. Stopped anywhere, sign() again goes on.
// One person at a time: the folder has no lock. Errors: kAlreadyExists, kNotFound, kUsage, kRotationNoChange, kTuf*, kIo...
#pragma once

#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/fs.h"
#include "verify/tuf/author.h"
#include "verify/tuf/metadata.h"

namespace airlock::trust {

using Lifetimes = std::map<std::string, Millis>;  // by role, from signing to expiry
Lifetimes default_lifetimes();                    // root 365 d, targets 180 d, snapshot 60 d, timestamp 30 d: media travel

struct Rotation {
  std::string role;
  std::vector<verify::PublicKey> add;
  std::vector<std::string> remove;         // key ids: TUF's, or airlock's
  std::optional<std::uint64_t> threshold;  // absent: as it is
};

struct SignReport {
  std::vector<std::string> signed_files;     // "targets 3": at least one of the keys was good for it
  std::vector<std::string> published;        // "3.targets.json"
  std::vector<std::string> waiting;          // "root 2: 1 of 2 keys ..."
};

class TufRepo {
 public:
  // Stages root 1 and an empty targets 1. kAlreadyExists.
  static Result<TufRepo> create(const std::string& folder, const std::map<std::string, verify::tuf::RoleKeys>& roles,
                                const Lifetimes& lifetimes, Instant now, Fs& fs = system_fs());
  static Result<TufRepo> open(const std::string& folder, Fs& fs = system_fs());

  // `content` becomes the target `path`; kAlreadyExists when it names other content.
  Result<void> add(const std::string& path, std::string_view content, Json custom, Instant now);
  Result<void> rotate(const Rotation& rotation, Instant now);
  Result<void> renew(const std::string& role, Instant now);  // the same content, a later expiry
  Result<SignReport> sign(std::span<const verify::PrivateKey> keys, Instant now);

  // What a bundle carries: every root, and the newest of the others, by the names of trust/bundle_check.h.
  Result<std::map<std::string, std::string>> published_files() const;

 private:
  TufRepo(std::string folder, Lifetimes lifetimes, Fs& fs) : folder_(std::move(folder)), lifetimes_(std::move(lifetimes)), fs_(&fs) {}
  struct Published {
    std::uint64_t version = 0;
    std::string bytes;
  };
  Result<std::optional<Published>> newest(std::string_view role) const;
  Result<std::optional<Json>> staged(std::string_view role) const;
  Result<Json> latest(std::string_view role) const;  // staged, else published
  Result<void> stage(std::string_view role, const Json& document);
  Result<void> stage_follower(std::string_view role, Instant now);
  Result<void> restage_unvouched(Instant now);
  Result<bool> sign_role(std::string_view role, std::span<const verify::PrivateKey> keys, Instant now, SignReport& report);
  Result<bool> publish(std::string_view role, const std::string& bytes, std::uint64_t version, Instant now, SignReport& report);
  Result<void> check_complete(std::string_view role, const std::string& bytes) const;
  Instant expiry(std::string_view role, Instant now) const;

  std::string folder_;
  Lifetimes lifetimes_;
  Fs* fs_;
};

}  // namespace airlock::trust
