#include <memory>

#include "base/io.h"
#include "cli/shell.h"
#include "manifests/trust_roots.h"
#include "verify/keys.h"

namespace airlock::cli {
namespace {

constexpr Millis kDefaultWindow{365LL * 86'400'000};

struct TrustOptions {
  std::vector<std::string> keys;
  std::uint64_t threshold = 1;
  std::string from, until;
  bool replace = false;
};

Json describe_roots(const manifests::TrustRoots& roots) {
  Json keys = Json::array();
  for (const auto& key : roots.keys) keys.push_back({{"keyid", key.keyid}, {"name", key.name.value_or("")}});
  return {{"threshold", roots.threshold}, {"keys", keys}, {"validFrom", roots.valid_from.text()}, {"validUntil", roots.valid_until.text()}};
}

std::string roots_text(const manifests::TrustRoots& roots) {
  std::string text = "threshold  " + std::to_string(roots.threshold) + " of " + std::to_string(roots.keys.size()) + "\nvalid      " +
                     roots.valid_from.text() + " until " + roots.valid_until.text() + "\n";
  for (const auto& key : roots.keys) text += "key        " + key.keyid + "  " + printable(key.name.value_or("")) + "\n";
  return text;
}

Result<int> init(Shell& shell, const TrustOptions& o) {
  const Instant now = shell.clock.now();
  manifests::TrustRoots roots{o.threshold, {}, now, now + kDefaultWindow};
  if (!o.from.empty()) roots.valid_from = TRY(Instant::parse(o.from));
  if (!o.until.empty()) roots.valid_until = TRY(Instant::parse(o.until));
  for (const std::string& file : o.keys) {
    const auto key = TRY(verify::PublicKey::from_pem(TRY(read_file(file, 64 * kKiB))));
    roots.keys.push_back({key.key_id(), key.pem(), file.substr(file.rfind('/') + 1)});
  }
  const std::string text = TRY(manifests::write_trust_roots(roots));
  const HomePaths home = TRY(shell.prepared_home());
  if (o.replace) TRY(write_file_durably(home.trust_roots(), text));
  else if (const auto made = create_file_durably(home.trust_roots(), text); !made)
    return fail(made.error().code, made.error().context + " (--replace overwrites it)");
  roots = TRY(manifests::parse_trust_roots(text));
  TRY(shell.emit(describe_roots(roots), roots_text(roots)));
  return 0;
}

Result<int> show(const Shell& shell) {
  const HomePaths home = TRY(shell.home());
  if (!path_exists(home.trust_roots())) return fail(Code::kTrustRootsRequired, home.trust_roots());
  const auto roots = TRY(manifests::parse_trust_roots(TRY(read_file(home.trust_roots(), Limits{}.metadata_bytes))));
  TRY(shell.emit(describe_roots(roots), roots_text(roots)));
  return 0;
}

}  // namespace

void register_trust(CLI::App& app, Shell& shell) {
  CLI::App* group = app.add_subcommand("trust", "whose bundles this site accepts");
  group->require_subcommand(1);
  auto o = std::make_shared<TrustOptions>();
  CLI::App* make = add_command(*group, shell, "init", "trust the publishers with these public keys", [&shell, o] { return init(shell, *o); });
  make->add_option("--key", o->keys, "public key of a publisher (repeat for more)")->required();
  make->add_option("--threshold", o->threshold, "how many different keys must have signed (default 1)");
  make->add_option("--valid-from", o->from, "UTC time from which the keys are trusted (default: now)");
  make->add_option("--valid-until", o->until, "UTC time until which they are (default: one year)");
  make->add_flag("--replace", o->replace, "overwrite the roots that are there");
  add_command(*group, shell, "show", "print the trusted publishers", [&shell] { return show(shell); });
}

}  // namespace airlock::cli
