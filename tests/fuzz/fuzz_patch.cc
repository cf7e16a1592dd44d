// A patch gives the same however it is cut up, reads nothing outside its base and gives nothing beyond its result; and
// whatever bytes there are come out of their own patch. The first two bytes are the size of the result in units of 16.
#include <algorithm>
#include <string>

#include "archive/patch.h"
#include "fuzz.h"

using namespace airlock;

namespace {

// What every input is a patch of: 8 KiB that do not repeat, and a tail that does.
const std::string& base() {
  static const std::string bytes = [] {
    std::string out;
    std::uint64_t state = 1;
    while (out.size() < 8192) out += static_cast<char>((state = state * 6364136223846793005ULL + 1442695040888963407ULL) >> 56);
    return out + std::string(1024, 'b');
  }();
  return bytes;
}

archive::RandomBytes memory(std::string_view bytes) {
  return {bytes.size(), [bytes](std::uint64_t offset, std::span<char> into) -> Result<void> {
            fuzz::require(offset <= bytes.size() && into.size() <= bytes.size() - offset);
            std::ranges::copy(bytes.substr(static_cast<std::size_t>(offset), into.size()), into.begin());
            return {};
          }};
}

archive::PatchSink append_to(std::string& out) {
  return [&out](std::string_view bytes) -> Result<void> {
    out += bytes;
    return {};
  };
}

Result<std::string> apply(std::string_view patch, std::uint64_t size, std::size_t step) {
  std::string out;
  archive::PatchReader reader(memory(base()), size, append_to(out));
  Result<void> done;
  for (; done && !patch.empty(); patch.remove_prefix(std::min(step, patch.size()))) done = reader.write(patch.substr(0, step));
  if (done) done = reader.finish();
  fuzz::require(out.size() <= size && (!done || out.size() == size));
  fuzz::require(done || done.error().code == Code::kPatch);
  if (!done) return fail(done.error());
  return out;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text(data, size);
  if (bytes.size() >= 2) {
    const std::uint64_t result_bytes = 16 * (static_cast<std::uint64_t>(data[0]) << 8 | data[1]);
    const auto whole = apply(bytes.substr(2), result_bytes, size), split = apply(bytes.substr(2), result_bytes, 7);
    fuzz::require(whole.has_value() == split.has_value());
    if (whole) fuzz::require(*whole == *split);
    else fuzz::require(whole.error().context == split.error().context);
  }
  std::string patch;
  fuzz::require(archive::write_patch(memory(base()), memory(bytes), 1, append_to(patch)).has_value());
  const auto back = apply(patch, bytes.size(), 1000);
  fuzz::require(back && *back == bytes);
  return 0;
}
