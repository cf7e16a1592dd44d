// tuf: scenarios of several steps with one client state, and roots that must verify under their own role
// (root-self-verify). All files lie in objects/ under their SHA-256.
#include <map>
#include <set>

#include "base/digest.h"
#include "base/io.h"
#include "sets.h"
#include "verify/tuf/updater.h"

namespace airlock::conformance {
namespace {

using namespace verify::tuf;

constexpr std::uint64_t kMaxObject = 64 * kMiB;

Result<std::string> object(const Case& c, const Json& name) {
  if (!name.is_string()) return fail(Code::kField, "the name of an object is not a string");
  const Digest digest = TRY(Digest::parse(name.get<std::string>()));  // also: no path
  std::string bytes = TRY(read_file(c.folder() + "/objects/" + digest.hex(), kMaxObject));
  if (Digest::of(bytes) != digest) return fail(Code::kMemberDigest, "objects/" + digest.hex() + " has SHA-256 " + Digest::of(bytes).hex());
  return bytes;
}

// What a client can fetch in one step: file name -> bytes.
class StepSource : public Source {
 public:
  Result<void> load(const Case& c, const Json& step) {
    const Json metadata = step.value("metadata", Json::object()), targets = step.value("targets", Json::object());
    for (const auto& [name, content] : metadata.items()) metadata_[name] = TRY(object(c, content));
    for (const auto& [name, content] : targets.items()) targets_[name] = TRY(object(c, content));
    return {};
  }
  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t limit) override { return find(metadata_, name, limit); }
  Result<std::optional<std::string>> target(const std::string& name, std::uint64_t limit) override { return find(targets_, name, limit); }

 private:
  using Files = std::map<std::string, std::string>;
  static Result<std::optional<std::string>> find(const Files& in, const std::string& name, std::uint64_t limit) {
    const auto it = in.find(name);
    if (it == in.end()) return std::nullopt;
    if (it->second.size() > limit) return fail(Code::kTooLarge, name);
    return std::optional(it->second);
  }
  Files metadata_, targets_;
};

class MemoryKeeper : public Keeper {
 public:
  std::map<std::string, std::string, std::less<>> files;
  Result<std::optional<std::string>> load(std::string_view role) override {
    const auto it = files.find(role);
    return it == files.end() ? std::optional<std::string>() : std::optional(it->second);
  }
  Result<void> keep(std::string_view role, std::string_view bytes) override {
    files.insert_or_assign(std::string(role), std::string(bytes));
    return {};
  }
};

struct Client {
  MemoryKeeper keeper;
  std::map<std::string, std::string> downloads;  // by target path
};

Result<void> download(Client& client, Updater& updater, const Json& names) {
  for (const Json& name : names) {
    const FoundTarget found = TRY(updater.find(name.get<std::string>()));
    std::string& kept = client.downloads[found.path];
    if (check_content(kept, found.file.length, found.file.hashes, found.path)) continue;
    auto bytes = updater.fetch(found);
    if (!bytes) {
      if (kept.empty()) client.downloads.erase(found.path);
      return fail(bytes.error());
    }
    kept = std::move(*bytes);
  }
  return {};
}

Result<void> perform(Client& client, const Json& step, StepSource& source, const std::string& root) {
  if (step.at("op") == "init") {
    // Expiry is judged when the chain of roots has been walked: any time will do here.
    TRY(TrustedSet::from_root(root, Instant::from_millis(0)));
    return client.keeper.keep(kRoot, root);
  }
  const Instant now = TRY(Instant::parse(step.at("reference_time").get<std::string>()));
  Updater updater = TRY(Updater::start(source, client.keeper, now));
  TRY(updater.refresh());
  if (step.at("op") == "refresh") return {};
  return download(client, updater, step.value("target_names", Json::array()));
}

std::uint64_t version_of(const std::string& bytes) {
  const auto json = parse_json(bytes, "kept");
  return json ? json->at("signed").at("version").get<std::uint64_t>() : 0;
}

void compare(const Client& client, const Json& expect, const std::string& what, Report& report) {
  const Json trusted = expect.value("trusted", Json::object());
  for (const auto& [role, version] : trusted.items()) {
    const auto kept = client.keeper.files.find(role);
    report.equal(what + "trusted version of " + role, version.get<std::uint64_t>(), kept == client.keeper.files.end() ? 0 : version_of(kept->second));
  }
  if (!expect.contains("downloaded_sha256")) return;
  std::set<std::string> digests;
  for (const auto& [path, bytes] : client.downloads) digests.insert(Digest::of(bytes).hex());
  report.equal(what + "downloaded", Json(expect["downloaded_sha256"].get<std::set<std::string>>()), Json(digests));
}

void run_scenario(const Case& c, Report& report) {
  Client client;
  std::size_t number = 0;
  for (const Json& step : c.json().value("steps", Json::array())) {
    const std::string what = "step " + std::to_string(++number) + " (" + step.value("op", "") + ") ";
    StepSource source;
    USE(source.load(c, step), report);
    const bool init = step.value("op", "") == "init";
    const std::string root = init ? USE(object(c, step.value("trusted_root", Json())), report) : std::string();
    const auto done = perform(client, step, source, root);
    const Json expect = step.value("expect", Json::object());
    const Json exit = expect.value("exit", Json());
    if (!exit.is_number()) continue;  // either: only that it ends
    report.judge(exit == 0 ? Expect::kAccept : Expect::kReject, done, what);
    // After a failure the exit status is what binds: a client may keep what it accepted before.
    if (done && exit == 0) compare(client, expect, what, report);
  }
}

}  // namespace

void run_tuf(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind.empty() || kind == "scenario") return run_scenario(c, report);
  if (kind != "root-self-verify") return report.differ("a known kind", kind, "nothing to run it with");
  const std::string root = USE(object(c, c.json().value("root", Json())), report);
  report.judge(c.expect(), TrustedSet::from_root(root, Instant::from_millis(0)));
}

}  // namespace airlock::conformance
