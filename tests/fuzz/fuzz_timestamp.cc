// Bytes as a time-stamp token: without a root nothing verifies, whatever it brings along.
#include "fuzz.h"
#include "verify/time/rfc3161.h"

using namespace airlock;

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view input = fuzz::text(data, size);
  const verify::TsaRoots none;
  fuzz::require(!verify::verify_timestamp(input, none, verify::StampedData{"data"}));
  fuzz::require(!verify::verify_timestamp(input, none, verify::StampedImprint{"01234567890123456789012345678901"}));
  // As the request that an empty answer would have to fit.
  fuzz::require(!verify::verify_timestamp("", none, verify::StampedQuery{input}));
  return 0;
}
