#include <array>
#include <map>
#include <memory>

#include "base/io.h"
#include "bundle/import.h"
#include "cli/passphrase.h"
#include "cli/site.h"
#include "trust/bundle_check.h"
#include "trust/tuf_repo.h"

namespace airlock::cli {
namespace {

constexpr std::array kRoles = {"root", "targets", "snapshot", "timestamp"};

struct RoleOptions {
  std::vector<std::string> keys;
  std::uint64_t threshold = 1;
  std::string lifetime;
};

struct RepoOptions {
  std::string folder, bundle, role;
  std::map<std::string, RoleOptions> roles;
  std::vector<std::string> keys, add, remove, renew;
  std::uint64_t threshold = 0;  // 0: as it is
};

Result<std::vector<verify::PublicKey>> public_keys(const std::vector<std::string>& files) {
  std::vector<verify::PublicKey> keys;
  for (const std::string& file : files) keys.push_back(TRY(load_public_key(file)));
  return keys;
}

Result<int> init(Shell& shell, const RepoOptions& o) {
  std::map<std::string, verify::tuf::RoleKeys> roles;
  trust::Lifetimes lifetimes = trust::default_lifetimes();
  for (const auto& [name, given] : o.roles) {
    verify::tuf::RoleKeys role;
    role.keys = TRY(public_keys(given.keys));
    role.threshold = given.threshold;
    roles.emplace(name, std::move(role));
    if (!given.lifetime.empty()) lifetimes[name] = TRY(parse_duration(given.lifetime));
    if (lifetimes[name] < Millis(1000)) return fail(Code::kUsage, "--" + name + "-lifetime: at least 1s");
  }
  (void)TRY(trust::TufRepo::create(o.folder, roles, lifetimes, shell.clock.now()));
  TRY(shell.emit({{"folder", o.folder}, {"staged", {"root 1", "targets 1"}}},
                 o.folder + ": root 1 and targets 1 are staged; `airlock trust repo sign` publishes them when every role has signed\n"));
  return 0;
}

Result<int> add(Shell& shell, const RepoOptions& o) {
  trust::TufRepo repo = TRY(trust::TufRepo::open(o.folder));
  const auto seen = TRY(bundle::inspect_untrusted(o.bundle));
  const auto& manifest = seen.manifest;
  const std::string path = trust::manifest_target(manifest.bundle_id, manifest.generation);
  TRY(repo.add(path, seen.payload, {{"version", manifest.version.str()}}, shell.clock.now()));
  TRY(shell.emit({{"target", path}, {"manifestSha256", seen.manifest_sha256.hex()}},
                 path + " is staged: manifest " + seen.manifest_sha256.prefixed() + "\n  of " + manifest.bundle_id.str() + " " +
                     manifest.version.str() + "; nobody's signature on the bundle was checked\n"));
  return 0;
}

Result<int> sign(Shell& shell, const RepoOptions& o) {
  trust::TufRepo repo = TRY(trust::TufRepo::open(o.folder));
  std::vector<verify::PrivateKey> keys;
  for (const std::string& file : o.keys) keys.push_back(TRY(load_signing_key(shell, file)));
  const Instant now = shell.clock.now();
  for (const std::string& role : o.renew) TRY(repo.renew(role, now));
  const trust::SignReport report = TRY(repo.sign(keys, now));
  std::string text;
  for (const std::string& name : report.signed_files) text += "signed     " + name + "\n";
  for (const std::string& name : report.published) text += "published  " + name + "\n";
  for (const std::string& line : report.waiting) text += "waiting    " + line + "\n";
  TRY(shell.emit({{"signed", report.signed_files}, {"published", report.published}, {"waiting", report.waiting}},
                 text.empty() ? "nothing is staged\n" : text));
  return 0;
}

Result<int> rotate(Shell& shell, const RepoOptions& o) {
  trust::TufRepo repo = TRY(trust::TufRepo::open(o.folder));
  trust::Rotation rotation{o.role, {}, o.remove, std::nullopt};
  rotation.add = TRY(public_keys(o.add));
  if (o.threshold > 0) rotation.threshold = o.threshold;
  TRY(repo.rotate(rotation, shell.clock.now()));
  TRY(shell.emit({{"staged", "root"}, {"role", o.role}}, "a new root is staged: it needs the signatures that the old root and the new one ask for\n"));
  return 0;
}

void register_role_options(CLI::App& make, const std::shared_ptr<RepoOptions>& o) {
  for (const char* text : kRoles) {
    const std::string name = text;
    RoleOptions& role = o->roles[name];
    make.add_option("--" + name + "-key", role.keys, "public key for " + name + " (repeat for more)")->required();
    make.add_option("--" + name + "-threshold", role.threshold, "how many of them must sign (default 1)");
    make.add_option("--" + name + "-lifetime", role.lifetime, "from signing to expiry, like 30d");
  }
}

}  // namespace

void register_trust_repo(CLI::App& trust, Shell& shell) {
  CLI::App* group = trust.add_subcommand("repo", "the publisher's TUF repository of a kit series (connected side)");
  group->require_subcommand(1);
  auto o = std::make_shared<RepoOptions>();
  CLI::App* make = add_command(*group, shell, "init", "begin a repository: stage its first root", [&shell, o] { return init(shell, *o); });
  make->add_option("folder", o->folder, "where to")->required();
  register_role_options(*make, o);
  CLI::App* more = add_command(*group, shell, "add", "stage a bundle's manifest as a target", [&shell, o] { return add(shell, *o); });
  more->add_option("folder", o->folder, "the repository")->required();
  more->add_option("bundle", o->bundle, "a bundle, as `airlock bundle build` made it")->required();
  CLI::App* put = add_command(*group, shell, "sign", "sign what is staged and publish what is complete", [&shell, o] { return sign(shell, *o); });
  put->add_option("folder", o->folder, "the repository")->required();
  put->add_option("--key", o->keys, "private key; it signs what its roles are for (repeat for more)")->required();
  put->add_option("--renew", o->renew, "stage this role anew first, with a later expiry (repeat for more)");
  CLI::App* turn = add_command(*group, shell, "rotate", "stage a new root with other keys or thresholds", [&shell, o] { return rotate(shell, *o); });
  turn->add_option("folder", o->folder, "the repository")->required();
  turn->add_option("--role", o->role, "root, targets, snapshot or timestamp")->required();
  turn->add_option("--add-key", o->add, "public key to add (repeat for more)");
  turn->add_option("--remove-key", o->remove, "key id to remove (repeat for more)");
  turn->add_option("--threshold", o->threshold, "the new threshold (default: as it is)");
}

}  // namespace airlock::cli
