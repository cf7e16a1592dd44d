#include <catch2/catch.hpp>

#include "base/json.h"
#include "base/limits.h"
#include "manifests/bundle_part.h"

namespace airlock::manifests::test {
namespace {

constexpr std::uint64_t kAny = ~std::uint64_t{0};
const Digest kBundle = Digest::of("bundle"), kSlice = Digest::of("slice");

PartHeader sample(std::uint64_t number) { return make_part_header(kBundle, kSlice, 250'000, 100'000, number); }

Json fields(std::uint64_t number) {
  const std::string block = write_part_header(sample(number));
  return parse_json(std::string_view(block).substr(0, block.find('\n')), "header").value();
}

std::string padded(std::string line) {
  line.resize(kPartHeaderBytes - 1, ' ');
  return line + "\n";
}

struct Edit {
  std::string name;
  std::uint64_t part;  // the header that is edited
  Json fields;         // what is set in it; null removes a field
};

const Edit kWrongNumbers[] = {
    {"part 0", 1, {{"part", 0}}},
    {"a part behind the last", 3, {{"part", 4}}},
    {"no parts at all", 1, {{"parts", 0}, {"part", 0}}},
    {"more parts than the format has", 1, {{"parts", 10'000}, {"bytes", 1}, {"bundleBytes", 10'000}}},
    {"fewer parts than the sizes make", 1, {{"parts", 2}}},
    {"more parts than the sizes make", 2, {{"parts", 4}}},
    {"an empty slice", 3, {{"bytes", 0}, {"offset", 250'000}}},
    {"an empty bundle", 1, {{"bundleBytes", 0}, {"bytes", 0}, {"parts", 1}}},
    {"a slice that is larger than its bundle", 1, {{"bytes", 250'001}}},
    {"a slice at another place", 2, {{"offset", 100'001}}},
    {"the first slice not at the start", 1, {{"offset", 100'000}}},
    {"a last slice that ends before the bundle", 3, {{"bytes", 49'999}}},
    {"a last slice that ends behind it", 3, {{"bytes", 50'001}}},
    {"a last slice where no slices of one size end", 3, {{"offset", 199'999}, {"bytes", 50'001}}},
    {"a last slice at the largest number there is", 3, {{"offset", kAny}, {"bytes", 1}}},
    {"a last slice at offset 0", 3, {{"offset", 0}, {"bytes", 250'000}}},
    {"sizes at the largest number there is", 2, {{"bundleBytes", kAny}, {"bytes", kAny}, {"offset", kAny}}},
    {"a last slice larger than the others", 2, {{"parts", 2}, {"offset", 100'000}, {"bytes", 150'000}}},
    {"a single part that is not the whole", 1, {{"parts", 1}}},
    {"another version", 1, {{"airlockPart", 2}}},
    {"a field that nobody knows", 1, {{"name", "../../etc/passwd"}}},
    {"no digest", 1, {{"sha256", nullptr}}},
    {"a digest that is cut", 1, {{"sha256", "abcd"}}},
    {"a digest with a prefix", 1, {{"bundleSha256", kBundle.prefixed()}}},
    {"a negative number", 1, {{"part", -1}}},
    {"a number as text", 1, {{"part", "1"}}},
    {"a fraction", 1, {{"part", 1.5}}},
};

}  // namespace

TEST_CASE("The header of every part is read back as it was written") {
  for (const std::uint64_t bundle_bytes : {1ULL, 2ULL, 99ULL, 100ULL, 101ULL, 999'900ULL})
    for (const std::uint64_t slice_bytes : {100ULL, 101ULL, 1'000'000ULL})
      for (std::uint64_t number = 1; number <= number_of_parts(bundle_bytes, slice_bytes); ++number) {
        const PartHeader header = make_part_header(kBundle, kSlice, bundle_bytes, slice_bytes, number);
        const std::string block = write_part_header(header);
        REQUIRE(block.size() == kPartHeaderBytes);
        REQUIRE(block.starts_with(kPartMagic));
        REQUIRE(parse_part_header(block, kAny).value() == header);
        REQUIRE(header.slice_bytes() == (header.parts == 1 ? bundle_bytes : slice_bytes));
      }
}

TEST_CASE("The slices of all parts are the bundle, once, in order") {
  std::uint64_t at = 0;
  for (std::uint64_t number = 1; number <= 3; ++number) {
    CHECK(sample(number).offset == at);
    CHECK(sample(number).parts == 3);
    at += sample(number).bytes;
  }
  CHECK(at == 250'000);
}

TEST_CASE("A part header with numbers that no cutting makes is refused") {
  for (const Edit& edit : kWrongNumbers) {
    INFO(edit.name);
    Json document = fields(edit.part);
    for (const auto& [key, value] : edit.fields.items())
      if (value.is_null()) document.erase(key);
      else document[key] = value;
    const auto header = parse_part_header(padded(canonical_json(document) + "\n"), kAny);
    REQUIRE_FALSE(header);
    CHECK(header.error().code == Code::kPart);
  }
}

TEST_CASE("A part header has one spelling") {
  const std::string good = write_part_header(sample(2)), line = good.substr(0, good.find('\n'));
  REQUIRE(parse_part_header(good, kAny));
  Json document = fields(2);
  const std::pair<std::string, std::string> cases[] = {
      {"nothing", ""},
      {"blanks", std::string(kPartHeaderBytes, ' ')},
      {"zeros", std::string(kPartHeaderBytes, '\0')},
      {"a byte less", good.substr(0, kPartHeaderBytes - 1)},
      {"a byte more", good + " "},
      {"no line feed behind the line", padded(line)},
      {"no line feed at the end", good.substr(0, kPartHeaderBytes - 1) + " "},
      {"another byte in the padding", good.substr(0, 4000) + "x" + good.substr(4001)},
      {"a zero in the padding", good.substr(0, 4000) + std::string(1, '\0') + good.substr(4001)},
      {"a carriage return", padded(line + "\r\n")},
      {"a blank in the line", padded("{\"airlockPart\":1, " + line.substr(std::string_view("{\"airlockPart\":1,").size()) + "\n")},
      {"a key twice", padded("{\"airlockPart\":1,\"airlockPart\":1," + line.substr(std::string_view("{\"airlockPart\":1,").size()) + "\n")},
      {"keys in another order", padded("{\"airlockPart\":1,\"sha256\":\"" + kSlice.hex() + "\",\"bundleSha256\":\"" + kBundle.hex() +
                                       "\",\"bundleBytes\":250000,\"bytes\":100000,\"offset\":100000,\"part\":2,\"parts\":3}\n")},
      {"a second line", padded(line + "\n" + line + "\n")},
      {"a number with an exponent", padded(line.substr(0, line.find("250000")) + "25e4" + line.substr(line.find("250000") + 6) + "\n")},
      {"something deep", padded(std::string(kPartMagic) + std::string(2000, '[') + "\n")},
  };
  for (const auto& [name, block] : cases) {
    INFO(name);
    const auto header = parse_part_header(block, kAny);
    REQUIRE_FALSE(header);
    CHECK(header.error().code == Code::kPart);
  }
}

TEST_CASE("A part of a bundle that the site would not take is refused at once, by the limit's name") {
  const std::string block = write_part_header(sample(1));
  CHECK(parse_part_header(block, 250'000));
  const auto refused = parse_part_header(block, 249'999);
  REQUIRE_FALSE(refused);
  CHECK(refused.error().code == Code::kArchiveLimit);
  CHECK(refused.error().context.find("limit bundleBytes") != std::string::npos);
}

}  // namespace airlock::manifests::test
