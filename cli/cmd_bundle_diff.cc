#include <memory>

#include "base/io.h"
#include "bundle/import.h"
#include "cli/site.h"
#include "ledger/catalog.h"
#include "manifests/bundle_diff.h"

namespace airlock::cli {
namespace {

struct Side {
  std::string name, version;
  std::uint64_t generation = 0;
  bool verified = false;  // from the catalog; a file only claims
  std::vector<manifests::BundleEntry> entries;  // of a delta kit, too, all that it stands for
  std::optional<manifests::BundleBase> base;    // of a file that is a delta kit
};

Result<Side> from_catalog(const Shell& shell, const std::string& text) {
  const auto at = text.find('@');
  const BundleId id = TRY(BundleId::parse(text.substr(0, at)));
  const TenantId tenant = TRY(shell.tenant());
  const Site site = TRY(open_site_read_only(shell));
  std::optional<ledger::CatalogRow> row;
  for (const ledger::CatalogRow& candidate : TRY(ledger::list_bundles(site.ledger, tenant)))
    if (candidate.bundle == id && (at == std::string::npos ? candidate.active : std::to_string(candidate.generation) == text.substr(at + 1)))
      row = candidate;
  if (!row) return fail(Code::kNotFound, text + " is neither a file nor a bundle of tenant " + tenant.str());
  Side side{row->bundle.str(), row->version, row->generation, true, {}, {}};
  for (ledger::ItemRow& item : TRY(ledger::list_items(site.ledger, tenant, row->bundle, row->generation)))
    side.entries.push_back({std::move(item.path), item.sha256, item.size, item.executable, std::move(item.media_type)});
  return side;
}

Result<Side> load_side(const Shell& shell, const std::string& text) {
  if (!path_exists(text)) return from_catalog(shell, text);
  auto seen = TRY(bundle::inspect_untrusted(text, shell.config().limits));
  return Side{seen.manifest.bundle_id.str(), seen.manifest.version.str(), seen.manifest.generation, false, std::move(seen.manifest.entries),
              std::move(seen.manifest.base)};
}

Json side_json(const Side& side) {
  Json json{{"bundleId", side.name}, {"version", side.version}, {"generation", side.generation}, {"verified", side.verified}};
  if (side.base) json["base"] = {{"bundleId", side.base->bundle_id.str()}, {"generation", side.base->generation}, {"manifestSha256", side.base->manifest_sha256.hex()}};
  return json;
}

std::string side_text(const Side& side) {
  return side.name + " " + side.version + ", generation " + std::to_string(side.generation) + (side.verified ? "" : " (claimed)") +
         (side.base ? ", a delta of " + side.base->bundle_id.str() + " generation " + std::to_string(side.base->generation) : "");
}

Result<int> diff(const Shell& shell, const std::string& older_name, const std::string& newer_name) {
  const Side older = TRY(load_side(shell, older_name)), newer = TRY(load_side(shell, newer_name));
  if (!older.verified || !newer.verified)
    shell.say(paint("NOTHING WAS VERIFIED of what comes from a file: this is what it claims.", Tone::kWarn, shell.terminal.stderr_colour));
  Json items = Json::array();
  Table table({"CHANGE", "SIZE", "WAS", "PATH"});
  std::uint64_t new_bytes = 0;
  std::size_t count = 0;
  for (const auto& d : manifests::diff_members(older.entries, newer.entries)) {
    const std::string change(manifests::to_string(d.change));
    Json item{{"change", change}, {"path", d.path}};
    if (d.from) item["from"] = *d.from;
    if (d.before) item["before"] = {{"sha256", d.before->sha256.hex()}, {"size", d.before->size}};
    if (d.after) item["after"] = {{"sha256", d.after->sha256.hex()}, {"size", d.after->size}};
    if (d.change == manifests::MemberChange::kAdded || d.change == manifests::MemberChange::kContent) new_bytes += d.after->size;
    items.push_back(std::move(item));
    table.add({change, d.after ? std::to_string(d.after->size) : "", d.before ? std::to_string(d.before->size) : "",
               d.path + (d.from ? " (was " + *d.from + ")" : "")});
    ++count;
  }
  const std::string summary = std::to_string(count) + " differences, " + human_bytes(new_bytes) + " of new content\n";
  TRY(shell.emit({{"older", side_json(older)}, {"newer", side_json(newer)}, {"differences", items}, {"newBytes", new_bytes}},
                 "- " + side_text(older) + "\n+ " + side_text(newer) + "\n" + (count == 0 ? "" : table.text()) + summary));
  return 0;
}

}  // namespace

void register_bundle_diff(CLI::App& group, Shell& shell) {
  auto older = std::make_shared<std::string>(), newer = std::make_shared<std::string>();
  CLI::App* command = add_command(group, shell, "diff", "say what changed between two bundles, members by path",
                                  [&shell, older, newer] { return diff(shell, *older, *newer); });
  command->add_option("older", *older, "a file, or BUNDLE[@GENERATION] of the site")->required();
  command->add_option("newer", *newer, "the same")->required();
}

}  // namespace airlock::cli
