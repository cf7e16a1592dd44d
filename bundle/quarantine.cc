#include "bundle/quarantine.h"

#include <fcntl.h>
#include <sys/ioctl.h>
#include <linux/fs.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <filesystem>

#include "base/encoding.h"
#include "base/io.h"
#include "base/lock_file.h"
#include "ledger/ledger.h"

namespace airlock::bundle {
namespace {

// Folders of these names are no evidence: it is not whole yet, or not any more. No list shows them.
constexpr std::string_view kBuilding = ".building-", kRemoved = ".removed-";

Result<void> copy_bundle(const UniqueFd& from, const std::string& path) {
  const UniqueFd to(::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600));
  if (!to) return os_fail("create", path);
  if (::ioctl(to.get(), FICLONE, from.get()) != 0) {
    std::string buffer(kMiB, '\0');
    for (off_t at = 0;;) {
      const ssize_t n = ::pread(from.get(), buffer.data(), buffer.size(), at);
      if (n < 0 && errno == EINTR) continue;
      if (n < 0) return os_fail("read", "the refused bundle");
      if (n == 0) break;
      TRY(write_all(to.get(), std::string_view(buffer).substr(0, static_cast<std::size_t>(n)), path));
      at += n;
    }
  }
  if (::fsync(to.get()) != 0) return os_fail("fsync", path);
  return {};
}

Result<void> write_evidence(const Refused& refused, const std::string& folder, std::uint64_t budget_bytes) {
  struct stat st{};
  if (::fstat(refused.file.get(), &st) != 0) return os_fail("fstat", "the refused bundle");
  const auto size = static_cast<std::uint64_t>(st.st_size);
  const Json verdict = refused.verdict.to_json();
  std::string reason = std::string(verdict.at("code")) + ": " + std::string(verdict.at("message"));
  if (size <= budget_bytes) TRY(copy_bundle(refused.file, folder + "/bundle.tar.zst"));
  else reason += " (the file of " + std::to_string(size) + " bytes is over the budget and was not kept)";
  if (refused.manifest_untrusted)
    TRY(write_file_durably(folder + "/manifest.json", *refused.manifest_untrusted, 0600));
  TRY(write_file_durably(folder + "/verification.json", canonical_json(verdict) + "\n", 0600));
  return write_file_durably(folder + "/failure-reason.txt", reason + "\n", 0600);
}

std::string name_of(const Verdict& verdict, Instant now, Entropy& entropy) {
  std::string reason(code_text(*verdict.refusal));
  std::ranges::replace(reason, ':', '-');
  return now.compact() + "-" + reason + "-" + to_hex(entropy.bytes(4));
}

Result<QuarantineEntry> describe_entry(const std::string& path, std::string name) {
  QuarantineEntry entry{std::move(name), path, 0, ""};
  std::error_code ec;
  for (const auto& file : std::filesystem::directory_iterator(path, ec)) {
    std::error_code ignored;
    const auto size = file.file_size(ignored);
    if (!ignored) entry.bytes += size;
  }
  if (ec) return fail(os_error("list", path, ec.value()));
  if (const auto reason = read_file(path + "/failure-reason.txt", 64 * kKiB)) entry.reason = *reason;
  while (!entry.reason.empty() && entry.reason.back() == '\n') entry.reason.pop_back();
  return entry;
}

std::unexpected<Error> not_found(const TenantId& tenant, const std::string& name) {
  return fail(Code::kNotFound, "quarantine " + name + " of tenant " + tenant.str());
}

// One process at a time changes a tenant's quarantine.
Result<UniqueFd> take_turn(const std::string& parent) { return lock_file(parent + "/.lock", Wait::kYes); }

// What those left who were killed in between.
Result<void> sweep(const std::string& parent) {
  std::vector<std::string> left;
  std::error_code ec;
  for (const auto& found : std::filesystem::directory_iterator(parent, ec)) {
    const std::string name = found.path().filename().string();
    if (name.starts_with(kBuilding) || name.starts_with(kRemoved)) left.push_back(found.path().string());
  }
  if (ec) return fail(os_error("list", parent, ec.value()));
  for (const std::string& path : left) TRY(remove_tree(path));
  return {};
}

// Evidence goes as a whole: killed on the way, nothing of it is listed.
Result<void> discard(const std::string& parent, const QuarantineEntry& entry) {
  const std::string gone = parent + "/" + std::string(kRemoved) + entry.name;
  if (::rename(entry.path.c_str(), gone.c_str()) != 0) return os_fail("rename", entry.path);
  TRY(sync_dir(parent));
  return remove_tree(gone);
}

// Names begin with the time of the refusal.
bool too_old(const QuarantineEntry& entry, Instant now, Millis age) { return entry.name < (now - age).compact(); }

}  // namespace

Result<Quarantine::Kept> Quarantine::keep(const TenantId& tenant, const Refused& refused, Instant now, Entropy& entropy) {
  const std::string parent = folder_ + "/" + tenant.str();
  TRY(make_dirs(parent, 0700));
  const UniqueFd turn = TRY(take_turn(parent));
  TRY(sweep(parent));
  const std::string name = name_of(refused.verdict, now, entropy);
  const std::string temp = parent + "/" + std::string(kBuilding) + name, path = parent + "/" + name;
  if (::mkdir(temp.c_str(), 0700) != 0) return os_fail("mkdir", temp);
  auto kept = write_evidence(refused, temp, budget_.bytes);
  // COMMIT POINT: before, a folder that no list shows and the next keep() removes; after, the whole evidence; test:
  // "a refused bundle lies in quarantine with its verdict"
  if (kept && ::rename(temp.c_str(), path.c_str()) != 0) kept = os_fail("rename", path);
  if (!kept) {
    (void)remove_tree(temp);  // ignoring: list() does not show it
    return fail(kept.error());
  }
  TRY(sync_dir(parent));
  Kept result{path, {}};
  std::vector<QuarantineEntry> entries = TRY(list(tenant));
  std::uint64_t bytes = 0;
  for (const QuarantineEntry& entry : entries) bytes += entry.bytes;
  std::size_t left = entries.size();
  for (const QuarantineEntry& entry : entries) {
    const bool over = bytes > budget_.bytes || left > budget_.entries || too_old(entry, now, budget_.age);
    if (!over || entry.name == name) break;  // the newest stays, whatever it takes
    TRY(discard(parent, entry));
    bytes -= entry.bytes;
    --left;
    result.removed.push_back(entry);
  }
  return result;
}

Result<std::vector<QuarantineEntry>> Quarantine::list(const TenantId& tenant) const {
  std::vector<QuarantineEntry> entries;
  const std::string parent = folder_ + "/" + tenant.str();
  if (!path_exists(parent)) return entries;
  std::error_code ec;
  for (const auto& found : std::filesystem::directory_iterator(parent, ec)) {
    std::string name = found.path().filename().string();
    if (name.front() == '.' || !found.is_directory()) continue;
    entries.push_back(TRY(describe_entry(found.path().string(), std::move(name))));
  }
  if (ec) return fail(os_error("list", parent, ec.value()));
  std::ranges::sort(entries, {}, &QuarantineEntry::name);
  return entries;
}

Result<QuarantineEntry> Quarantine::find(const TenantId& tenant, const std::string& name) const {
  for (QuarantineEntry& entry : TRY(list(tenant)))
    if (entry.name == name) return std::move(entry);
  return not_found(tenant, name);
}

Result<Json> Quarantine::verification(const QuarantineEntry& entry) const {
  const std::string path = entry.path + "/verification.json";
  return parse_json(TRY(read_file(path, kMiB)), path);
}

Result<void> Quarantine::remove(const TenantId& tenant, const std::string& name, const Removal& why, ledger::Ledger& ledger,
                                Instant now) {
  if (why.reason.empty()) return fail(Code::kReasonRequired, "to remove " + name + " from quarantine");
  const std::string parent = folder_ + "/" + tenant.str();
  if (!path_exists(parent)) return not_found(tenant, name);
  const UniqueFd turn = TRY(take_turn(parent));
  TRY(sweep(parent));
  const QuarantineEntry entry = TRY(find(tenant, name));
  // COMMIT POINT: the event. Before: nothing happened; after a crash: the folder is still there, and the same command
  // records and removes it again; test: "removal from quarantine needs a reason and is recorded"
  TRY(ledger.write(now, [&](ledger::Tx& tx) -> Result<void> {
    TRY(tx.append(tenant, {"quarantine.removed", "quarantine:" + name, {why.actor, why.reason, why.ticket}, std::nullopt,
                           std::nullopt, {{"cause", "operator"}, {"bytes", entry.bytes}, {"reason", entry.reason}}}));
    return {};
  }));
  return discard(parent, entry);
}

}  // namespace airlock::bundle
