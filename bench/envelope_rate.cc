// How often a second a DSSE envelope is verified, against libsodium alone over the same bytes: what parsing, base64 and
// trying keys add. The envelope is that of a kit: a statement of so many entries.
//
// Usage: envelope_rate [--entries N] [--rounds N]       prints one JSON object
#include <sodium.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <stdexcept>
#include <string_view>
#include <vector>

#include "base/entropy.h"
#include "base/json.h"
#include "verify/dsse.h"

using namespace airlock;

namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(describe(result.error()));
  return std::move(*result);
}

std::string statement(std::uint64_t entries) {
  Json subjects = Json::array();
  for (std::uint64_t i = 0; i < entries; ++i)
    subjects.push_back({{"name", "data/osv/" + std::to_string(i) + ".json"}, {"digest", {{"sha256", Digest::of(std::to_string(i)).hex()}}}});
  return canonical_json({{"_type", "https://in-toto.io/Statement/v1"}, {"subject", subjects}});
}

template <class Work>
double seconds(std::uint64_t rounds, Work work) {
  const auto begin = std::chrono::steady_clock::now();
  for (std::uint64_t i = 0; i < rounds; ++i) work();
  return std::chrono::duration<double>(std::chrono::steady_clock::now() - begin).count() / static_cast<double>(rounds);
}

double median(std::vector<double> values) {
  std::ranges::sort(values);
  return values[values.size() / 2];
}

}  // namespace

int main(int argc, char** argv) try {
  std::uint64_t entries = 4, rounds = 9;
  for (int i = 1; i + 1 < argc; i += 2) {
    const std::string_view flag = argv[i];
    (flag == "--entries" ? entries : rounds) = std::strtoull(argv[i + 1], nullptr, 10);
  }
  constexpr std::string_view kType = "application/vnd.in-toto+json";
  SystemEntropy entropy;
  const auto key = must(verify::PrivateKey::generate(entropy));
  const Signer* const signer = &key;
  const std::string payload = statement(entries);
  const std::string text = must(verify::sign_envelope(kType, payload, std::span(&signer, 1)));
  const std::vector<verify::PublicKey> keys{key.public_key()};
  const std::string message = verify::pae(kType, payload), raw_key = keys[0].raw();
  const std::string signature = must(verify::parse_envelope(text)).signatures.at(0).sig;
  const auto bytes = [](const std::string& s) { return reinterpret_cast<const unsigned char*>(s.data()); };

  const std::uint64_t each = std::max<std::uint64_t>(3, 20'000'000 / (text.size() + 20'000));
  std::vector<double> ours, sodium, ratios;
  for (std::uint64_t round = 0; round < rounds; ++round) {
    const double a = seconds(each, [&] { must(verify::verify_envelope(must(verify::parse_envelope(text)), keys, 1, kType)); });
    const double b = seconds(each, [&] {
      if (crypto_sign_verify_detached(bytes(signature), bytes(message), message.size(), bytes(raw_key)) != 0) throw std::runtime_error("raw");
    });
    ours.push_back(a);
    sodium.push_back(b);
    ratios.push_back(b / a);
  }
  const Json out{{"entries", entries}, {"envelopeBytes", text.size()}, {"perSecond", 1 / median(ours)},
                 {"sodiumPerSecond", 1 / median(sodium)}, {"ratio", median(ratios)}};
  std::printf("%s\n", canonical_json(out).c_str());
} catch (const std::exception& error) {
  std::fprintf(stderr, "envelope_rate: %s\n", error.what());
  return 1;
}
