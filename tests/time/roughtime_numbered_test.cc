// Hostile Roughtime answers by their number in docs/hostile-bundles.md: C087 (malformed), C088 (signed, but not in order) and
// C089 (servers that contradict each other).
#include <catch2/catch.hpp>
#include <algorithm>

#include "roughtime_server.h"
#include "tests/verify/support.h"
#include "verify/time/anchor.h"

namespace airlock::verify::test {
namespace {

using Edit = std::function<void(RoughtimeFields&)>;

Edit without(const std::string& tag) {
  return [=](RoughtimeFields& fields) { std::erase_if(fields, [&](const auto& field) { return field.first == tag; }); };
}
Edit twice(const std::string& tag) {
  return [=](RoughtimeFields& fields) {
    const auto at = std::ranges::find(fields, tag, &RoughtimeFields::value_type::first);
    const auto copy = *at;
    fields.insert(at, copy);
  };
}
Edit changed(const std::string& tag, const std::string& value) {
  return [=](RoughtimeFields& fields) { std::ranges::find(fields, tag, &RoughtimeFields::value_type::first)->second = value; };
}

// The message that `edit` is made to, and its tags.
struct Level {
  const char* name;
  Edit Server::*edit;
  std::vector<std::string> tags;
};
const Level kLevels[] = {{"DELE", &Server::edit_dele, {"PUBK", "MINT", "MAXT"}},
                         {"SREP", &Server::edit_srep, {"VER", "RADI", "MIDP", "VERS", "ROOT"}},
                         {"CERT", &Server::edit_cert, {"SIG", "DELE"}},
                         {"the response", &Server::edit_response, {"SIG", "NONC", "TYPE", "PATH", "SREP", "CERT", "INDX"}}};

Code judged(const std::function<void(Server&)>& edit) {
  Server server;
  edit(server);
  return code_of(server.verify());
}

Code judged_packet(const std::function<std::string(std::string)>& edit) {
  const Server server;
  return code_of(verify_roughtime(server.request(), edit(server.response(server.request())), server.public_key()));
}

constexpr std::string_view kPayload = "the payload of a manifest";

Result<TimeProof> anchored(const RoughtimeReport& report, const std::vector<Server>& configured) {
  TimeAuthorities authorities;
  for (const Server& server : configured) authorities.roughtime.push_back(server.public_key());
  return verify_time_proof(manifests::AnchorSource::kRoughtime, write_roughtime_report(report), kPayload, authorities);
}

Server saying(char letter, std::uint64_t midpoint, std::uint32_t radius = 5) {
  Server server;
  server.long_term = letter;
  server.max = 1'000'000;
  server.midpoint = midpoint, server.radius = radius;
  return server;
}

}  // namespace

// Each is signed as it stands, so that nothing but the form can refuse it.
TEST_CASE("C087 Roughtime: a message without a tag, with one twice, or with tags out of order is refused, signed or not") {
  REQUIRE(judged([](Server&) {}) == kAccepted);
  for (const Level& level : kLevels) {
    for (const std::string& tag : level.tags) {
      INFO(level.name << " " << tag);
      // VER elsewhere than in SREP is that of older drafts, so what is missed then is a version in the response.
      const Code missing = judged([&](Server& s) { s.*level.edit = without(tag); });
      CHECK(missing == (tag == "NONC" ? Code::kTimeImprint : Code::kTimeMalformed));
      CHECK(judged([&](Server& s) { s.*level.edit = twice(tag); }) == Code::kTimeMalformed);
    }
    INFO(level.name << " reversed");
    CHECK(judged([&](Server& s) { s.*level.edit = [](RoughtimeFields& f) { std::ranges::reverse(f); }; }) == Code::kTimeMalformed);
    CHECK(judged([&](Server& s) { s.*level.edit = [](RoughtimeFields& f) { f.clear(); }; }) == Code::kTimeMalformed);
    for (const std::string& tag : level.tags) {
      if (tag == "SIG" || tag == "CERT" || tag == "SREP" || tag == "DELE" || tag == "PATH" || tag == "NONC" || tag == "VERS") continue;
      INFO(level.name << " " << tag << " of another size");
      for (const std::size_t size : {0, 4, 8, 28, 36})
        if (size != (tag == "PUBK" || tag == "ROOT" ? 32U : tag == "MINT" || tag == "MAXT" || tag == "MIDP" ? 8U : 4U))
          CHECK(judged([&](Server& s) { s.*level.edit = changed(tag, std::string(size, '\0')); }) == Code::kTimeMalformed);
    }
  }
  CHECK(judged([](Server& s) { s.edit_cert = changed("SIG", std::string(60, '\0')); }) == Code::kTimeMalformed);
}

TEST_CASE("C087 Roughtime: another TYPE, a path that is none, a wrong INDX, a cut DELE and a bad frame are refused") {
  for (const std::uint32_t type : {0U, 2U, 0x01000000U, ~0U}) CHECK(judged([&](Server& s) { s.type = type; }) == Code::kTimeMalformed);
  for (const std::size_t bytes : {4U, 28U, 36U, 33U * 32U, 64U * 32U})
    CHECK(judged([&](Server& s) { s.path = std::string(bytes, 'p'); }) == Code::kTimeMalformed);
  for (const std::size_t nodes : {1U, 32U})  // as long as a path may be, and leading nowhere
    CHECK(judged([&](Server& s) { s.path = std::string(nodes * 32U, 'p'); }) == Code::kTimeImprint);
  for (const std::uint32_t index : {1U, 2U, 0x80000000U, ~0U}) CHECK(judged([&](Server& s) { s.index = index; }) == Code::kTimeImprint);

  // DELE cut at any length, and signed like that.
  Server server;
  std::string dele;
  server.edit_cert = [&](RoughtimeFields& fields) { dele = fields[1].second; };
  (void)server.response(server.request());
  for (std::size_t size = 0; size < dele.size(); ++size) {
    using namespace std::string_literals;
    const std::string cut = dele.substr(0, size);
    INFO(size);
    CHECK(judged([&](Server& s) {
            s.edit_cert = [&](RoughtimeFields& fields) {
              fields = {{"SIG", Server::key(s.long_term).sign(s.delegation_context + "\0"s + cut).value()}, {"DELE", cut}};
            };
          }) == Code::kTimeMalformed);
  }

  CHECK(judged_packet([](std::string p) { return p; }) == kAccepted);
  const auto with_mark = [](std::string_view mark) { return judged_packet([=](std::string p) { return p.replace(0, mark.size(), mark); }); };
  for (const std::string& mark : {std::string("ROUGHTIN"), std::string("roughtim"), std::string("MITHGUOR"), std::string(8, '\0')})
    CHECK(with_mark(mark) == Code::kTimeMalformed);
  for (const int more : {-4, -1, 1, 4, 0x1000000}) {
    INFO("a frame length off by " << more);
    CHECK(judged_packet([&](std::string p) {
            return p.replace(8, 4, Server::number(static_cast<std::uint64_t>(static_cast<int>(p.size()) - 12 + more), 4));
          }) == Code::kTimeMalformed);
  }
  CHECK(judged_packet([](std::string p) { return p + std::string(4, '\0'); }) == Code::kTimeMalformed);
  CHECK(judged_packet([](std::string) { return std::string(); }) == Code::kTimeMalformed);
  for (const std::uint64_t count : {std::uint64_t{0}, std::uint64_t{6}, std::uint64_t{8}, std::uint64_t{65}, std::uint64_t{0xFFFFFFFF}}) {
    INFO(count << " tags");
    CHECK_FALSE(judged_packet([&](std::string p) { return p.replace(12, 4, Server::number(count, 4)); }) == kAccepted);
  }
}

TEST_CASE("C088 Roughtime: a time outside the delegation, or with no honest error, is refused") {
  for (const std::uint64_t midpoint : {0ULL, 99ULL, 301ULL, ~0ULL}) CHECK_FALSE(judged([&](Server& s) { s.midpoint = midpoint; }) == kAccepted);
  for (const auto& [min, max] : {std::pair{201ULL, 300ULL}, {100ULL, 199ULL}, {300ULL, 100ULL}, {~0ULL, 0ULL}})
    CHECK(judged([&](Server& s) { s.min = min, s.max = max; }) == Code::kTimeSignature);
  // A server is never without error; and with an error of a year it says nothing, and could never be caught lying.
  for (const std::uint32_t radius : {0U, 3601U, 31'536'000U, ~0U}) {
    INFO("radius " << radius);
    CHECK(judged([&](Server& s) { s.radius = radius; }) == Code::kTimeMalformed);
  }
  for (const std::uint32_t radius : {1U, 10U, 3600U}) CHECK(judged([&](Server& s) { s.radius = radius; }) == kAccepted);
}

TEST_CASE("C088 Roughtime: keys and contexts of signatures do not stand for each other") {
  CHECK(judged([](Server& s) { s.response_signer = 'X'; }) == Code::kTimeSignature);
  CHECK(judged([](Server& s) { s.response_signer = s.long_term; }) == Code::kTimeSignature);  // not the one it delegated to
  CHECK(judged([](Server& s) { s.delegation_signer = 'X'; }) == Code::kTimeSignature);
  CHECK(judged([](Server& s) { s.delegation_signer = s.delegated; }) == Code::kTimeSignature);
  CHECK(judged([](Server& s) { s.edit_dele = changed("PUBK", Server::key('X').public_key().raw()); }) == Code::kTimeSignature);
  CHECK_FALSE(judged([](Server& s) { s.edit_dele = changed("PUBK", std::string(32, '\0')); }) == kAccepted);  // of small order

  CHECK(judged([](Server& s) { s.delegation_context = s.response_context; }) == Code::kTimeSignature);
  CHECK(judged([](Server& s) { s.response_context = s.delegation_context; }) == Code::kTimeSignature);
  CHECK(judged([](Server& s) { s.delegation_context += "--"; }) == Code::kTimeSignature);  // that of the drafts up to 11
  CHECK(judged([](Server& s) { s.delegation_context.clear(); }) == Code::kTimeSignature);
}

TEST_CASE("C088 Roughtime: an answer to another request, or in the other protocol, is refused") {
  CHECK(judged([](Server& s) { s.nonce = std::string(32, 'm'); }) == Code::kTimeImprint);
  CHECK(judged([](Server& s) { s.nonce = std::string(64, 'n'); }) == Code::kTimeImprint);
  const Server server;
  const std::string asked = roughtime_request(std::string(32, 'a')), other = roughtime_request(std::string(32, 'b'));
  CHECK(verify_roughtime(asked, server.response(asked), server.public_key()));
  CHECK(code_of(verify_roughtime(other, server.response(asked), server.public_key())) == Code::kTimeImprint);
  Server repeating = server;  // of the nonce that it was not asked with
  repeating.nonce = std::string(32, 'b');
  CHECK(code_of(verify_roughtime(other, repeating.response(asked), server.public_key())) == Code::kTimeImprint);

  const std::string answer = server.response(asked);
  CHECK(code_of(verify_roughtime(asked, answer.substr(12), server.public_key())) == Code::kTimeImprint);
  CHECK(code_of(verify_roughtime(asked.substr(12), answer, server.public_key())) == Code::kTimeImprint);
  CHECK_FALSE(verify_roughtime(asked.substr(12), answer.substr(12), server.public_key()));
  const VectorSet set("roughtime");
  const Json* original = nullptr;
  for (const Json& item : set.cases())
    if (item.value("version", "") == "google") original = &item;
  REQUIRE(original != nullptr);
  const std::string google_request = set.file(*original, "request"), google_answer = set.file(*original, "response");
  CHECK(code_of(verify_roughtime(google_request, answer, server.public_key())) == Code::kTimeImprint);
  CHECK_FALSE(verify_roughtime(asked, google_answer, server.public_key()));
  CHECK_FALSE(verify_roughtime(asked, Server::framed(google_answer), server.public_key()));
}

// One configured server is enough for an anchor, as one time-stamping authority is: whom a site configures, it believes, and
// a publisher who wants more asks several in one report. What several say must agree, or none of it counts.
TEST_CASE("C089 Roughtime: servers that contradict each other make no anchor, and the report says which they are") {
  const std::string nonce = roughtime_hash(kPayload, 32);
  const auto report_of = [&](const std::vector<Server>& servers) { return ask_in_turn(servers, nonce); };
  const auto keys_of = [](const std::vector<Server>& servers) {
    std::vector<PublicKey> keys;
    for (const Server& server : servers) keys.push_back(server.public_key());
    return keys;
  };
  using Pair = std::pair<std::size_t, std::size_t>;
  struct Row {
    const char* name;
    std::vector<Server> servers;
    std::optional<Pair> contradiction;
  };
  const Row rows[] = {
      {"one server", {saying('A', 1000)}, {}},
      {"two that agree", {saying('A', 1000), saying('B', 1001)}, {}},
      {"the second a little behind, within their errors", {saying('A', 1010), saying('B', 1000)}, {}},
      {"the second certainly before the first", {saying('A', 1011), saying('B', 1000)}, Pair(0, 1)},
      {"the second a day ahead: nobody was shown to lie", {saying('A', 1000), saying('B', 87'400)}, {}},
      {"the third before the first", {saying('A', 1000), saying('B', 1000), saying('C', 900)}, Pair(0, 2)},
      {"the one in the middle ahead", {saying('A', 1000), saying('B', 5000), saying('C', 1000)}, Pair(1, 2)},
      {"one server that contradicts itself", {saying('A', 2000), saying('A', 1000)}, Pair(0, 1)},
  };
  for (const Row& row : rows) {
    INFO(row.name);
    const RoughtimeReport report = report_of(row.servers);
    const auto chain = verify_roughtime_chain(report, keys_of(row.servers));
    REQUIRE(chain);
    CHECK(chain->contradiction() == row.contradiction);
    CHECK(code_of(anchored(report, row.servers)) == (row.contradiction ? Code::kTimeSignature : kAccepted));
  }
  // An answer of a server that the site did not configure is no second opinion.
  const std::vector<Server> two = {saying('A', 1000), saying('B', 1001)};
  CHECK(code_of(anchored(report_of(two), {two[0]})) == Code::kTimeSignature);
  CHECK(code_of(anchored(report_of(two), {})) == Code::kTimeRootsRequired);
  // Without its bond to the first, the second answer could be of any day.
  RoughtimeReport loose = report_of(two);
  const std::string request = roughtime_request(std::string(32, 'z'));
  loose.exchanges[1].request = request, loose.exchanges[1].response = two[1].response(request);
  CHECK(code_of(anchored(loose, two)) == Code::kTimeImprint);
}

}  // namespace airlock::verify::test
