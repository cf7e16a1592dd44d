#include "support.h"

#include <sys/stat.h>
#include <unistd.h>

#include <catch2/catch.hpp>
#include <cstdlib>
#include <filesystem>
#include <fstream>

#include "archive/tar_format.h"
#include "archive/zstd_stream.h"
#include "base/io.h"
#include "bundle/layout.h"
#include "verify/dsse.h"

namespace airlock::bundle::test {

namespace fs = std::filesystem;

TempDir::TempDir(const std::string& parent) : path_(parent + "/airlock-bundle-XXXXXX") {
  REQUIRE(::mkdtemp(path_.data()) != nullptr);
}
TempDir::~TempDir() { (void)remove_tree(path_); }

std::string memory_folder() { return ::access("/dev/shm", W_OK) == 0 ? "/dev/shm" : "/tmp"; }

void write_file(const std::string& path, std::string_view bytes, unsigned mode) {
  fs::create_directories(fs::path(path).parent_path());
  std::ofstream(path, std::ios::binary | std::ios::trunc) << bytes;
  ::chmod(path.c_str(), mode);
}

std::string read_whole(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

std::string noise(std::size_t size, std::uint64_t seed) {
  std::string out(size, '\0');
  std::uint64_t state = seed;
  for (char& c : out) {
    state = state * 6364136223846793005ULL + 1442695040888963407ULL;
    c = static_cast<char>(state >> 56);
  }
  return out;
}

const verify::PrivateKey& key(char seed) {
  static std::map<char, verify::PrivateKey> keys;
  if (!keys.contains(seed)) keys.emplace(seed, verify::PrivateKey::from_seed(std::string(32, seed)).value());
  return keys.at(seed);
}

manifests::TrustRoots roots(std::string_view letters, std::uint64_t threshold) {
  manifests::TrustRoots out{threshold, {}, kNow - Millis(1000), kNow + std::chrono::hours(1000)};
  for (const char letter : letters) out.keys.push_back({key(letter).key_id(), key(letter).public_key().pem(), std::nullopt});
  return out;
}

manifests::BundleEntry entry_of(const Member& member) {
  return {member.path, Digest::of(member.bytes), member.bytes.size(), member.executable, "application/octet-stream"};
}

void list_members(Parts& parts) {
  parts.manifest.entries.clear();
  for (const Member& member : parts.members) parts.manifest.entries.push_back(entry_of(member));
}

Parts parts(std::uint64_t generation, const std::string& version) {
  const auto dag = canonical_json(parse_json(R"({"apiVersion":"airlock/v1","kind":"Dag","metadata":{"id":"scan","version":"1.0.0"},
    "spec":{"steps":[{"id":"one","plugin":"tool@1.0.0","inputs":{"feed":{"bundle":"acme-kit","path":"data/osv"}},
    "outputs":[{"path":"out.json"}]}]}})", "dag").value());
  Parts out{.manifest = {.bundle_id = BundleId::parse("acme-kit").value(),
                         .kind = manifests::BundleKind::kOfflineKit,
                         .version = SemVer::parse(version).value(),
                         .generation = generation,
                         .created_at = kNow - std::chrono::hours(5),
                         .producer = "tests",
                         .tenants = {"*"},
                         .entries = {},
                         .base = std::nullopt,
                         .budgets = {}},
            .members = {{"dags/scan/1.0.0.json", dag, false},
                        {"plugins/tool/1.0.0/bin/tool", noise(5000, 3), true},
                        {"plugins/tool/1.0.0/plugin.json",
                         R"({"name":"tool","version":"1.0.0","entrypoint":"bin/tool","deterministic":true})", false},
                        {"data/osv/a.json", "{\"id\":\"A-" + std::to_string(generation) + "\"}", false},
                        {"data/osv/b.bin", noise(20'000), false},
                        {"data/osv/copy.bin", noise(20'000), false},
                        {"data/osv/empty", "", false}},
            .edit_statement = {},
            .edit_envelope = {},
            .edit_tar = {},
            .edit_file = {}};
  list_members(out);
  return out;
}

std::string Parts::statement() const {
  std::string text = manifests::write_bundle_statement(manifest).value();
  return edit_statement ? edit_statement(text) : text;
}

std::string tar_member(const Member& member) {
  std::string out = archive::encode_headers({member.path, member.bytes.size(), member.executable}) + member.bytes;
  return out.append(archive::padding(member.bytes.size()), '\0');
}

std::string Parts::file() const {
  std::vector<const Signer*> keys;
  for (const char letter : signers) keys.push_back(&key(letter));
  std::string envelope = verify::sign_envelope(payload_type, statement(), keys).value();
  if (edit_envelope) envelope = edit_envelope(envelope);
  std::string tar = tar_member({std::string(manifests::kManifestPath), envelope, false});
  for (const Member& member : members) tar += tar_member(member);
  tar.append(2 * archive::kBlock, '\0');
  if (edit_tar) tar = edit_tar(tar);
  std::string packed;
  auto encoder = archive::ZstdEncoder::open(
                     [&](std::string_view bytes) -> Result<void> {
                       packed += bytes;
                       return {};
                     },
                     1)
                     .value();
  for (std::string_view rest = tar; !rest.empty(); rest.remove_prefix(std::min<std::size_t>(rest.size(), 16'384))) {
    encoder.write(rest.substr(0, 16'384)).value();
    encoder.end_frame().value();
  }
  return edit_file ? edit_file(packed) : packed;
}

static ledger::Options ledger_options() {
  ledger::Options options;
  options.create = true;
  options.busy_timeout = Millis(60'000);
  return options;
}

Site::Site(std::string_view trusted, std::uint64_t threshold, Fs& fs_port)
    : dir(std::make_unique<TempDir>()), home(dir->path()), quarantine(home + "/quarantine"), trust(roots(trusted, threshold)) {
  store = Store::open({home + "/cas", home + "/trees"}, fs_port).value();
  ledger = std::make_unique<ledger::Ledger>(ledger::Ledger::open(home + "/ledger.db", ledger_options()).value());
}

Site::Site(const std::string& at, std::string_view trusted, std::uint64_t threshold, Fs& fs_port)
    : home(at), quarantine(at + "/quarantine"), trust(roots(trusted, threshold)) {
  store = Store::open({home + "/cas", home + "/trees"}, fs_port).value();
  ledger = std::make_unique<ledger::Ledger>(
      ledger::Ledger::open(home + "/ledger.db", ledger_options()).value());
}

ImportRequest Site::request(const std::string& path) const {
  return {.path = path, .tenant = tenant(), .actor = "tester", .repair = false, .dry_run = false, .force = std::nullopt,
          .trace_id = std::nullopt, .wait = Wait::kYes, .limits = {}, .progress = {}};
}
ImportOutcome Site::import(const std::string& path, ImportRequest change) {
  change.path = path;
  return import_bundle(change, {*store, *ledger, quarantine, trust, clock, entropy, &repositories, std::nullopt, std::nullopt, {},
                                KnownFiles(home + "/bundles")});
}
ImportOutcome Site::import(const std::string& path) { return import(path, request(path)); }
ImportOutcome Site::import_bytes(std::string_view file) {
  const std::string path = home + "/inbox/kit.airlock.tar.zst";
  write_file(path, file);
  return import(path);
}

std::string Site::state() const {
  std::string out;
  const auto rows = ledger::list_bundles(*ledger, tenant()).value();
  for (const auto& row : rows) {
    out += row.bundle.str() + " " + std::to_string(row.generation) + " " + row.version + " " + row.manifest_sha256.hex() +
           (row.active ? " active\n" : "\n");
    const auto items = ledger::list_items(*ledger, tenant(), row.bundle, row.generation).value();
    for (const auto& item : items)
      out += "  " + item.sha256.hex() + " " + std::to_string(item.size) + " " + item.path + (item.executable ? " x\n" : "\n");
  }
  const auto dags = ledger::list_dags(*ledger, tenant()).value();
  for (const auto& dag : dags) out += dag.dag.str() + "@" + dag.version + "\n";
  std::vector<std::string> blobs;
  for (const auto& file : fs::recursive_directory_iterator(home + "/cas")) {
    if (!file.is_regular_file()) continue;
    const std::string path = file.path().string(), name = path.substr((home + "/cas/").size());
    if (name == "lock") continue;
    blobs.push_back(name + " = " + Digest::of(read_whole(path)).hex() + "\n");
  }
  std::ranges::sort(blobs);
  for (const std::string& line : blobs) out += line;
  return out;
}

std::vector<std::string> Site::kinds() const {
  std::vector<std::string> out;
  const auto lines = ledger::history(*ledger, tenant(), 0, UINT64_MAX >> 1).value();
  for (const auto& line : lines)
    out.push_back(parse_json(line.line, "event").value().at("kind"));
  return out;
}

Json Site::last_event() const {
  const auto lines = ledger::history(*ledger, tenant(), 0, UINT64_MAX >> 1).value();
  REQUIRE_FALSE(lines.empty());
  return parse_json(lines.back().line, "event").value();
}

std::string Site::content(const std::string& path) const {
  const auto id = BundleId::parse("acme-kit").value();
  const auto row = ledger::active_bundle(*ledger, tenant(), id).value();
  if (!row) return "(no bundle)";
  const auto item = ledger::get_item(*ledger, tenant(), id, row->generation, path).value();
  return item ? store->read(item->sha256, kGiB).value() : "(no item)";
}

std::string code_of(const ImportOutcome& outcome) {
  if (outcome.unrecorded) return "unrecorded: " + describe(*outcome.unrecorded);
  return outcome.verdict.refusal ? std::string(code_info(outcome.verdict.refusal->code).text) : "accepted";
}

}  // namespace airlock::bundle::test
