// trust/repository: a TUF repository that a site follows, as a folder TRUST/tuf/NAME/.
//
//   repository.json      {"schema": "airlock.tuf-repository/v1", "bundles": [ID...] or ["*"], "approvals": 1 or 2,
//                        "required": bool}; last thing written when a repository is made: without it there is none
//   root.json ...        what is trusted, byte for byte (tuf_store.h)
//   pending.root.json    the newest root that a refused bundle brought, waiting for approvals
//   approvals.json       {"schema": "airlock.root-approvals/v1", "approvals": [{"rootSha256", "version", "actor", "at", "reason"?}]}
//
// Errors: kField (a document of another form), kNotFound, kAlreadyExists, kTuf*, kRotation*, kIo...
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/fs.h"
#include "base/ids.h"
#include "base/time.h"
#include "trust/tuf_store.h"

namespace airlock::trust {

namespace id_tag {
struct Repository { static constexpr std::string_view kind = "repository name"; };
}  // namespace id_tag
using RepositoryName = Id<id_tag::Repository, id_rule::Slug>;

struct RepositoryConfig {
  std::vector<std::string> bundles = {"*"};  // bundle ids whose kits it speaks for; "*": all that no other one claims
  std::uint64_t approvals = 2;               // different people for a new root: 1 or 2
  bool required = true;                      // a bundle without metadata is refused
  friend bool operator==(const RepositoryConfig&, const RepositoryConfig&) = default;
};
Result<RepositoryConfig> parse_repository_config(std::string_view text);
Result<std::string> write_repository_config(const RepositoryConfig& config);

struct Approval {
  Digest root;
  std::uint64_t version = 0;
  std::string actor;
  Instant at;
  std::string reason;  // may be empty
  friend bool operator==(const Approval&, const Approval&) = default;
};
Result<std::vector<Approval>> parse_approvals(std::string_view text);
std::string write_approvals(const std::vector<Approval>& approvals);

class Repository {
 public:
  // The site begins to follow a repository from this root on. kAlreadyExists unless `replace`.
  static Result<Repository> create(const std::string& trust_folder, const RepositoryName& name, const RepositoryConfig& config,
                                   std::string_view root, Instant now, bool replace, Fs& fs = system_fs());
  static Result<Repository> open(const std::string& trust_folder, const RepositoryName& name, Fs& fs = system_fs());

  const RepositoryName& name() const { return name_; }
  const RepositoryConfig& config() const { return config_; }
  TufStore& store() { return store_; }

  Result<std::optional<std::string>> pending_root() const;
  Result<void> set_pending_root(std::string_view root);
  Result<void> clear_pending_root();

  Result<std::vector<Approval>> approvals() const;
  Result<std::set<std::string>> approvers_of(const Digest& root) const;
  // One more person has compared the pending root and agrees. kNotFound: no such root is pending; kRotationSamePerson.
  Result<Approval> approve(const Digest& root, std::string actor, Instant at, std::string reason);

 private:
  Repository(RepositoryName name, RepositoryConfig config, std::string folder, Fs& fs)
      : name_(std::move(name)), config_(std::move(config)), folder_(std::move(folder)), fs_(&fs), store_(folder_, fs) {}
  RepositoryName name_;
  RepositoryConfig config_;
  std::string folder_;
  Fs* fs_;
  TufStore store_;
};

// All repositories that a site follows, by name. A folder without repository.json is one that was never finished.
Result<std::vector<Repository>> open_repositories(const std::string& trust_folder, Fs& fs = system_fs());

// The one that speaks for a bundle: by its id, else by "*"; nullptr when none does.
Repository* repository_for(std::vector<Repository>& repositories, const BundleId& bundle);

}  // namespace airlock::trust
