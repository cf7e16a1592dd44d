// A Roughtime server of our own, which signs what it is told: an attack is one field, or one whole message, changed before
// it signs, or the packet changed afterwards.
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "verify/time/roughtime.h"
#include "verify/time/roughtime_report.h"

namespace airlock::verify::test {

using RoughtimeFields = std::vector<std::pair<std::string, std::string>>;  // tag and value, in the order of the wire

struct Server {
  char long_term = 'L', delegated = 'D';                     // letters of key()
  char delegation_signer = 0, response_signer = 0;           // 0: the keys that should
  std::uint64_t min = 100, max = 300, midpoint = 200;
  std::uint32_t radius = 5, index = 0, type = 1, version = 1;
  std::string versions = number(1, 4);
  std::string path, nonce;                                   // nonce: that of the request unless set
  std::string delegation_context = "RoughTime v1 delegation signature", response_context = "RoughTime v1 response signature";
  std::function<void(RoughtimeFields&)> edit_dele, edit_srep, edit_cert, edit_response;  // empty: as it is

  static PrivateKey key(char letter) { return PrivateKey::from_seed(std::string(32, letter)).value(); }
  PublicKey public_key() const { return key(long_term).public_key(); }

  static std::string number(std::uint64_t value, int bytes) {
    std::string text;
    for (int i = 0; i < bytes; ++i) text += static_cast<char>(value >> (8 * i));
    return text;
  }

  static std::string message(const RoughtimeFields& values) {
    std::string offsets, tags, body;
    for (const auto& [tag, value] : values) {
      if (!tags.empty()) offsets += number(body.size(), 4);
      tags += (tag + std::string(4, '\0')).substr(0, 4);
      body += value;
    }
    return number(values.size(), 4) + offsets + tags + body;
  }
  static std::string framed(const std::string& message) { return "ROUGHTIM" + number(message.size(), 4) + message; }

  std::string request() const {
    return framed(message({{"VER", number(1, 4)}, {"NONC", std::string(32, 'n')}, {"TYPE", number(0, 4)}}));
  }
  std::string response(const std::string& request) const {
    using namespace std::string_literals;
    const auto edited = [](RoughtimeFields fields, const auto& edit) {
      if (edit) edit(fields);
      return message(fields);
    };
    const auto signature = [](char signer, const std::string& context, const std::string& bytes) {
      return key(signer).sign(context + "\0"s + bytes).value();
    };
    const std::string dele =
        edited({{"PUBK", key(delegated).public_key().raw()}, {"MINT", number(min, 8)}, {"MAXT", number(max, 8)}}, edit_dele);
    const std::string cert = edited(
        {{"SIG", signature(delegation_signer != 0 ? delegation_signer : long_term, delegation_context, dele)}, {"DELE", dele}}, edit_cert);
    const std::string root = roughtime_hash("\0"s + request, 32);
    const std::string srep = edited({{"VER", number(version, 4)}, {"RADI", number(radius, 4)}, {"MIDP", number(midpoint, 8)},
                                     {"VERS", versions}, {"ROOT", root}}, edit_srep);
    return framed(edited({{"SIG", signature(response_signer != 0 ? response_signer : delegated, response_context, srep)},
                          {"NONC", nonce.empty() ? roughtime_nonce(request).value() : nonce},
                          {"TYPE", number(type, 4)},
                          {"PATH", path},
                          {"SREP", srep},
                          {"CERT", cert},
                          {"INDX", number(index, 4)}}, edit_response));
  }
  Result<VerifiedRoughtime> verify() const { return verify_roughtime(request(), response(request()), public_key()); }
};

// Servers asked one after the other, each request bound to the answer before it; the first with `nonce` (32 bytes).
inline RoughtimeReport ask_in_turn(const std::vector<Server>& servers, std::string nonce) {
  RoughtimeReport report;
  for (const Server& server : servers) {
    std::optional<std::string> rand;
    if (!report.exchanges.empty()) {
      rand = std::string(32, 'r');
      nonce = roughtime_hash(report.exchanges.back().response + *rand, 32);
    }
    const std::string request = roughtime_request(nonce);
    report.exchanges.push_back({server.public_key(), request, server.response(request), rand});
  }
  return report;
}

}  // namespace airlock::verify::test
