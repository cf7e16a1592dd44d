// Bytes as a Roughtime answer, as a request, and as a report: nothing that was not signed verifies, and a report that
// parses has one written form.
#include "fuzz.h"
#include "verify/time/roughtime_report.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  static const verify::PublicKey stranger =
      verify::PrivateKey::from_seed("a key that has never signed....!").value().public_key();
  static const std::string request = "ROUGHTIM" + std::string("\x38\0\0\0", 4) + std::string("\x02\0\0\0\x04\0\0\0VER\0NONC\x01\0\0\0", 20) +
                                     std::string(36, 'n');
  fuzz::require(!verify::verify_roughtime(request, input, stranger));
  fuzz::require(!verify::verify_roughtime(input, input, stranger));
  if (const auto report = verify::parse_roughtime_report(input)) {
    const std::string text = verify::write_roughtime_report(*report);
    const auto again = verify::parse_roughtime_report(text);
    fuzz::require(again && verify::write_roughtime_report(*again) == text);
    fuzz::require(!verify::verify_roughtime_chain(*report, {}));
  }
  (void)verify::parse_roughtime_servers(input);
  return 0;
}
