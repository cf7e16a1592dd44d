#include "cli/site.h"

#include "base/io.h"
#include "base/trace_context.h"
#include "cli/passphrase.h"
#include "ledger/history.h"
#include "verify/detached.h"

namespace airlock::cli {

Result<verify::PublicKey> load_public_key(const std::string& file) {
  auto key = verify::read_public_key(TRY(read_file(file, 64 * kKiB)));
  if (!key) return fail(key.error().code, file + ": " + key.error().context);
  return key;
}

Result<Site> open_site(const Shell& shell) {
  const HomePaths home = TRY(shell.prepared_home());
  if (!path_exists(home.site_key())) return fail(Code::kSiteKeyRequired, home.site_key());
  auto key = std::make_unique<verify::PrivateKey>(TRY(load_signing_key(shell, home.site_key())));
  ledger::Options options;
  options.create = true;
  options.signer = key.get();
  auto ledger = TRY(ledger::Ledger::open(home.ledger(), options));
  return Site{home, std::move(key), std::move(ledger)};
}

Result<Site> open_site_read_only(const Shell& shell) {
  const HomePaths home = TRY(shell.home());
  ledger::Options options;
  options.read_only = true;
  auto ledger = TRY(ledger::Ledger::open(home.ledger(), options));
  return Site{home, nullptr, std::move(ledger)};
}

Result<void> change_trust(Shell& shell, const std::string& kind, const std::string& subject, const std::function<Result<Json>()>& change) {
  if (!path_exists(TRY(shell.home()).ledger())) {
    (void)TRY(change());
    return {};
  }
  Site site = TRY(open_site(shell));
  const auto tenants = TRY(ledger::tenants(site.ledger));
  return site.ledger.write(shell.clock.now(), [&](ledger::Tx& tx) -> Result<void> {
    const Json data = TRY(change());
    for (const TenantId& tenant : tenants) TRY(tx.append(tenant, {kind, subject, who(shell), std::nullopt, std::nullopt, data}));
    return {};
  });
}

Result<std::unique_ptr<bundle::Store>> open_store(const HomePaths& home) {
  return bundle::Store::open({home.cas(), home.trees(), home.images()});
}

Result<std::optional<manifests::TrustRoots>> load_trust_roots(const HomePaths& home) {
  std::optional<manifests::TrustRoots> roots;
  if (path_exists(home.trust_roots()))
    roots = TRY(manifests::parse_trust_roots(TRY(read_file(home.trust_roots(), Limits{}.metadata_bytes))));
  return roots;
}

Result<std::vector<trust::Repository>> load_repositories(const HomePaths& home) { return trust::open_repositories(home.trust()); }

ledger::Who who(const Shell& shell) {
  const auto given = [](const std::string& text) { return text.empty() ? std::nullopt : std::optional(text); };
  ledger::Who w{shell.actor(), given(shell.options.reason), given(shell.options.ticket)};
  if (const auto parent = parse_traceparent(shell.options.traceparent)) w.trace_id = parent->trace_id;
  return w;
}

std::shared_ptr<StatusLine> status_line(const Shell& shell) {
  return std::make_shared<StatusLine>(shell.terminal.stderr_is_tty && !shell.options.quiet && !shell.machine());
}

std::function<void(std::uint64_t, std::uint64_t)> byte_progress(Shell& shell, std::string what, std::shared_ptr<StatusLine> line) {
  if (!line->enabled()) return {};
  const Millis start = shell.clock.monotonic();
  auto shown = std::make_shared<Millis>(start);
  return [&shell, what = std::move(what), line = std::move(line), start, shown](std::uint64_t done, std::uint64_t total) {
    const Millis now = shell.clock.monotonic();
    if (now - start < Millis(1000) || now - *shown < Millis(100)) return;
    *shown = now;
    const auto elapsed = static_cast<std::uint64_t>((now - start).count());
    const std::uint64_t rate = done * 1000 / elapsed;  // bytes a second
    const std::uint64_t left = rate == 0 || done > total ? 0 : (total - done) * 1000 / rate;
    line->show(what + "  " + human_bytes(done) + " of " + human_bytes(total) + "  " + human_bytes(rate) + "/s  " +
               human_duration(static_cast<std::int64_t>(left)) + " left");
  };
}

}  // namespace airlock::cli
