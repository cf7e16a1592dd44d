// Cases begin with their number in docs/hostile-bundles.md. Whatever is wrong: the code says so, catalog and store are as
// before, and the file lies in quarantine with its verdict.
#include <catch2/catch.hpp>

#include <filesystem>

#include "archive/tar_format.h"
#include "base/encoding.h"
#include "support.h"

using namespace airlock;
using namespace airlock::bundle;
using namespace airlock::bundle::test;

namespace {

struct Case {
  std::string name;
  std::function<void(Parts&)> spoil;
  std::string want;
};

std::string replaced(std::string text, const std::string& from, const std::string& to) {
  const auto at = text.find(from);
  REQUIRE(at != std::string::npos);
  return text.replace(at, from.size(), to);
}

// Behind the manifest, in front of the other members.
std::function<std::string(std::string)> insert_before(const std::string& path, const std::string& bytes) {
  return [=](std::string tar) { return tar.insert(tar.find(path), bytes); };
}

void check_refusals(const std::vector<Case>& cases, std::string_view trusted = "a", std::uint64_t threshold = 1) {
  Site site(trusted, threshold);
  auto first = parts(1);
  first.signers = std::string(trusted);
  REQUIRE(code_of(site.import_bytes(first.file())) == "accepted");
  const std::string before = site.state();
  for (const Case& c : cases) {
    INFO(c.name);
    Parts bundle = parts(2, "2.0.0");
    bundle.signers = std::string(trusted);
    c.spoil(bundle);
    const std::string file = bundle.file();
    const auto outcome = site.import_bytes(file);
    INFO(outcome.verdict.to_json().dump(1));
    CHECK(code_of(outcome) == c.want);
    CHECK(site.state() == before);
    CHECK(std::filesystem::is_empty(site.home + "/cas/tmp"));
    REQUIRE(outcome.quarantined);
    CHECK(read_whole(*outcome.quarantined + "/bundle.tar.zst") == file);
    CHECK(read_whole(*outcome.quarantined + "/failure-reason.txt").starts_with(c.want + ": "));
    const Json event = site.last_event();
    CHECK(event.at("kind") == "bundle.rejected");
    CHECK(event.at("data").at("code") == c.want);
    CHECK(event.at("data").at("checks").back().at("ok") == false);
    CHECK(parse_json(read_whole(*outcome.quarantined + "/verification.json"), "v").value() == event.at("data"));
  }
}

}  // namespace

TEST_CASE("members that differ from the manifest are refused") {
  check_refusals({
      {"C034 a member is missing", [](Parts& p) { p.members.erase(p.members.begin() + 4); }, "member-missing"},
      {"C034 the last member is missing", [](Parts& p) { p.members.pop_back(); }, "member-missing"},
      {"C035 a member that nobody signed", [](Parts& p) { p.members.push_back({"data/z", "extra", false}); }, "member-unlisted"},
      {"C035 an unsigned member in a place no bundle has", [](Parts& p) { p.members.push_back({"etc/passwd", "x", false}); }, "member-unlisted"},
      {"C036 one bit of a member", [](Parts& p) { p.members[4].bytes[100] ^= 1; }, "member-digest"},
      {"C036 one bit of a DAG", [](Parts& p) { p.members[0].bytes[20] ^= 1; }, "member-digest"},
      {"C037 a member is longer", [](Parts& p) { p.members[4].bytes += "x"; }, "member-size"},
      {"C037 a member is shorter", [](Parts& p) { p.members[4].bytes.pop_back(); }, "member-size"},
      {"C037 right digest, wrong size signed", [](Parts& p) { p.manifest.entries[1].size += 1; }, "member-size"},
      {"C037 right size, wrong digest signed", [](Parts& p) { p.manifest.entries[5].sha256 = Digest::of("x"); }, "member-digest"},
      {"C012 executable although signed as not", [](Parts& p) { p.members[3].executable = true; }, "member-mode"},
      {"C012 not executable although signed so", [](Parts& p) { p.members[1].executable = false; }, "member-mode"},
      {"C033 members in another order", [](Parts& p) { std::swap(p.members[3], p.members[4]); }, "archive:order"},
      {"C033 groups in another order", [](Parts& p) { std::rotate(p.members.begin(), p.members.end() - 1, p.members.end()); }, "archive:order"},
      {"C013 a member twice", [](Parts& p) { p.members.push_back(p.members.back()); }, "archive:duplicate"},
      {"C014 a member again in upper case", [](Parts& p) { p.members.push_back({"data/osv/EMPTY", "", false}); }, "archive:duplicate"},
      {"C014 NFC and NFD", [](Parts& p) {
         p.members.push_back({"data/\xC3\xA9", "", false});
         list_members(p);
         p.members.push_back({"data/e\xCC\x81", "", false});
       }, "archive:duplicate"},
  });
}

TEST_CASE("the manifest must come first, once, and say where its members belong") {
  check_refusals({
      {"C033 no manifest", [](Parts& p) { p.edit_tar = [&p](const std::string& tar) { return tar.substr(tar.find("dags/scan")); }; }, "manifest-first"},
      {"C033 the manifest comes second", [](Parts& p) { p.edit_tar = [](const std::string& tar) { return tar_member({"data/a", "x", false}) + tar; }; }, "manifest-first"},
      {"C033 the manifest twice", [](Parts& p) { p.members.insert(p.members.begin(), {std::string(manifests::kManifestPath), "{}", false}); }, "archive:duplicate"},
      {"C033 an empty archive", [](Parts& p) { p.edit_tar = [](const std::string&) { return std::string(1024, '\0'); }; }, "manifest-first"},
      {"a member outside the layout, signed", [](Parts& p) { p.members.push_back({"zzz", "x", false}); list_members(p); }, "manifest-invalid"},
      {"a plugin folder without plugin.json", [](Parts& p) { p.members.insert(p.members.begin() + 3, {"plugins/x/1.0.0/y", "x", false}); list_members(p); }, "manifest-invalid"},
      {"a DAG under a name that is none", [](Parts& p) { p.members[0].path = "dags/scan.json"; list_members(p); }, "manifest-invalid"},
      {"C101 a delta kit on another base of that generation", [](Parts& p) {
         p.manifest.base = manifests::BundleBase{p.manifest.bundle_id, 1, Digest::of("base")};
         p.members.pop_back();
       }, "bundle:base-other"},
  });
}

TEST_CASE("a manifest that contradicts itself or its form is refused, although it is signed") {
  const auto edit = [](const std::string& from, const std::string& to) {
    return [=](Parts& p) { p.edit_statement = [=](std::string text) { return replaced(std::move(text), from, to); }; };
  };
  const auto merkle = [](Parts& p) {
    p.edit_statement = [](std::string text) {
      const auto at = text.find("\"merkleRoot\":\"") + 14;
      return text.replace(at, 4, text.substr(at, 4) == "0000" ? "1111" : "0000");
    };
  };
  const auto sums = [](Parts& p) {
    p.edit_statement = [](std::string text) {
      const auto at = text.find("\"checksumsSha256\":\"") + 19;
      return text.replace(at, 4, text.substr(at, 4) == "0000" ? "1111" : "0000");
    };
  };
  check_refusals({
      {"C039 wrong Merkle root", merkle, "merkle-root"},
      {"wrong checksums", sums, "merkle-checksums"},
      {"C074 duplicate key", edit("\"generation\":2", "\"generation\":2,\"generation\":3"), "manifest-invalid"},
      {"C074 duplicate key in disguise", edit("\"generation\":2", "\"generation\":2,\"g\\u0065neration\":3"), "manifest-invalid"},
      {"C075 a fraction where a number of generations is due", edit("\"generation\":2", "\"generation\":2.5"), "manifest-invalid"},
      {"C018 a bundle id that is a path", edit("\"bundleId\":\"acme-kit\"", "\"bundleId\":\"../acme-kit\""), "manifest-invalid"},
      {"C001 a signed path that climbs", edit("\"path\":\"data/osv/b.bin\"", "\"path\":\"data/../b.bin\""), "manifest-invalid"},
      {"C077 bytes after the statement", [](Parts& p) { p.edit_statement = [](std::string text) { return text + " x"; }; }, "manifest-invalid"},
  });
}

TEST_CASE("signatures: wrong key, too few, other type, other bytes") {
  check_refusals({
      {"a key that nobody trusts", [](Parts& p) { p.signers = "x"; }, "dsse:threshold"},
      {"C042 another payload type, signed", [](Parts& p) { p.payload_type = "application/octet-stream"; }, "dsse:payload-type"},
      {"C042 the payload type changed afterwards", [](Parts& p) {
         p.edit_envelope = [](std::string e) { return replaced(std::move(e), "application/vnd.in-toto+json", "application/octet-stream"); };
       }, "dsse:threshold"},
      {"the payload changed afterwards", [](Parts& p) {
         p.edit_envelope = [](const std::string& e) {
           Json json = parse_json(e, "e").value();
           std::string payload = from_base64(json["payload"].get<std::string>()).value();
           json["payload"] = to_base64(replaced(payload, "\"tests\"", "\"tEsts\""));
           return canonical_json(json);
         };
       }, "dsse:threshold"},
      {"no signature at all", [](Parts& p) {
         p.edit_envelope = [](const std::string& e) { Json json = parse_json(e, "e").value(); json["signatures"] = Json::array(); return canonical_json(json); };
       }, "dsse:malformed"},
      {"C074 duplicate key in the envelope", [](Parts& p) { p.edit_envelope = [](std::string e) { return e.insert(1, "\"payloadType\":\"x\","); }; }, "dsse:malformed"},
      {"the envelope is no JSON", [](Parts& p) { p.edit_envelope = [](std::string) { return std::string("hello"); }; }, "dsse:malformed"},
  });
}

TEST_CASE("C046 a threshold of two counts two keys, not two signatures") {
  const auto twice = [](Parts& p) {
    p.signers = "a";
    p.edit_envelope = [](const std::string& e) {
      Json json = parse_json(e, "e").value();
      json["signatures"].push_back(json["signatures"][0]);
      json["signatures"][1]["keyid"] = "another name";
      return canonical_json(json);
    };
  };
  check_refusals({{"one signature", [](Parts& p) { p.signers = "a"; }, "dsse:threshold"},
                  {"two signatures by one key under two names", twice, "dsse:threshold"},
                  {"one trusted and one unknown key", [](Parts& p) { p.signers = "ax"; }, "dsse:threshold"}},
                 "ab", 2);
}

TEST_CASE("specs that do not hold are refused") {
  const auto dag = [](const std::string& from, const std::string& to) {
    return [=](Parts& p) { p.members[0].bytes = replaced(p.members[0].bytes, from, to); list_members(p); };
  };
  check_refusals({
      {"a DAG that is no JSON", [](Parts& p) { p.members[0].bytes = "{"; list_members(p); }, "json"},
      {"a DAG that is not canonical", [](Parts& p) { p.members[0].bytes += "\n"; list_members(p); }, "spec:invalid"},
      {"a DAG under another name", dag("\"id\":\"scan\"", "\"id\":\"scam\""), "spec:invalid"},
      {"C079 a misspelt field", dag("\"outputs\"", "\"outputz\""), "spec:unknown-field"},
      {"an unknown plugin", dag("tool@1.0.0", "tool@1.0.1"), "spec:unknown-plugin"},
      {"data that the bundle does not hold", dag("data/osv", "data/vso"), "spec:undeclared-input"},
      {"data of a bundle that is not here", dag("acme-kit", "acme-kid"), "spec:undeclared-input"},
      {"a plugin under another name", [](Parts& p) { p.members[2].bytes = replaced(p.members[2].bytes, "\"tool\"", "\"fool\""); list_members(p); }, "spec:invalid"},
      {"a plugin without its program", [](Parts& p) { p.members[2].bytes = replaced(p.members[2].bytes, "bin/tool", "bin/tol"); list_members(p); }, "spec:invalid"},
      {"a plugin whose program is not executable", [](Parts& p) { p.members[1].executable = false; list_members(p); }, "spec:invalid"},
  });
}

TEST_CASE("a DAG of another bundle's plugin is accepted while that bundle is active") {
  Site site;
  auto tools = parts();
  tools.manifest.bundle_id = BundleId::parse("tools").value();
  tools.members.erase(tools.members.begin());
  list_members(tools);
  auto dags = parts();
  dags.members.erase(dags.members.begin() + 1, dags.members.begin() + 3);
  list_members(dags);
  CHECK(code_of(site.import_bytes(dags.file())) == "spec:unknown-plugin");
  REQUIRE(code_of(site.import_bytes(tools.file())) == "accepted");
  CHECK(code_of(site.import_bytes(dags.file())) == "accepted");
}

TEST_CASE("hostile archives around a good manifest are refused") {
  const auto typed = [](char type) {
    std::string block = archive::encode_headers({"data/osv/b.bin", 0, false});
    block[156] = type;
    block.replace(157, 11, "/etc/passwd");
    unsigned sum = 0;
    for (std::size_t i = 0; i < block.size(); ++i) sum += i >= 148 && i < 156 ? ' ' : static_cast<unsigned char>(block[i]);
    char text[8];
    std::snprintf(text, sizeof text, "%06o", sum);
    return block.replace(148, 8, std::string(text) + '\0' + ' ');
  };
  const auto insert = [](const std::string& bytes) {
    return [=](Parts& p) { p.edit_tar = insert_before("data/osv/b.bin", bytes); };
  };
  // insert_before finds the name inside the signed payload? No: that is base64.
  check_refusals({
      {"C009 a listed member that is a symbolic link", insert(typed('2')), "archive:entry-type"},
      {"C008 a hard link", insert(typed('1')), "archive:entry-type"},
      {"C011 a device", insert(typed('3')), "archive:entry-type"},
      {"C001 ../", insert(tar_member({"../evil", "x", false})), "archive:path"},
      {"C002 absolute", insert(tar_member({"/etc/cron.d/x", "x", false})), "archive:path"},
      {"C027 bytes after the file", [](Parts& p) { p.edit_file = [](const std::string& f) { return f + "x"; }; }, "archive:trailing-data"},
      {"C026 two bundles in one file", [](Parts& p) { p.edit_file = [](const std::string& f) { return f + f; }; }, "archive:trailing-data"},
      {"C027 leading garbage", [](Parts& p) { p.edit_file = [](const std::string& f) { return "x" + f; }; }, "archive:zstd"},
      {"C104 no bytes at all", [](Parts& p) { p.edit_file = [](const std::string&) { return std::string(); }; }, "archive:truncated"},
      {"C024 a bomb as manifest", [](Parts& p) { p.edit_envelope = [](const std::string&) { return std::string(32 * kMiB, ' '); }; }, "archive:expansion-ratio"},
      {"C050 a manifest over its limit", [](Parts& p) { p.edit_tar = [](const std::string&) { return archive::encode_headers({std::string(manifests::kManifestPath), 65 * kMiB, false}); }; }, "archive:limit"},
  });
}

TEST_CASE("C028 a bundle cut at every 4 KiB is refused and changes nothing") {
  Site site;
  Parts large = parts();
  large.members[4].bytes = noise(100'000, 9);
  list_members(large);
  const std::string file = large.file(), before = site.state();
  for (std::size_t size = 0; size < file.size(); size += 4096) {
    INFO("cut to " << size << " of " << file.size());
    const auto outcome = site.import_bytes(file.substr(0, size));
    CHECK(code_of(outcome) == "archive:truncated");
    CHECK(site.state() == before);
  }
  CHECK(code_of(site.import_bytes(file)) == "accepted");
}

TEST_CASE("C036 C029 no change of a byte of the file changes what is accepted") {
  Site site;
  Parts small = parts();
  small.members[4].bytes = noise(600, 2);
  small.members[5].bytes = noise(600, 2);
  small.members[1].bytes = "tool";
  list_members(small);
  const std::string file = small.file(), path = site.home + "/flip";
  const Digest good = Digest::of(small.statement());
  std::size_t refused = 0;
  for (std::size_t at = 0; at < file.size(); at += 7) {
    std::string flipped = file;
    flipped[at] = static_cast<char>(flipped[at] ^ (1 << (at % 8)));
    write_file(path, flipped);
    const auto verdict = verify_bundle({path, {}, {}}, site.trust, kNow);
    INFO("byte " << at);
    // A few bits of a zstd frame mean nothing: then every member still has its signed digest.
    if (verdict.accepted()) CHECK(verdict.manifest_sha256 == good);
    else ++refused;
  }
  CHECK(refused > file.size() / 7 - 10);
}

TEST_CASE("C038 one content under two paths is stored once") {
  Site site;
  REQUIRE(code_of(site.import_bytes(parts().file())) == "accepted");
  const auto id = BundleId::parse("acme-kit").value();
  const auto items = ledger::list_items(*site.ledger, tenant(), id, 1, "data/osv").value();
  REQUIRE(items.size() == 4);
  CHECK(items[1].sha256 == items[2].sha256);
}
