#include "archive/tar_format.h"

#include <algorithm>
#include <array>
#include <cstdio>
#include <cstring>

#include "base/error.h"

namespace airlock::archive {
namespace {

// POSIX ustar header block, IEEE Std 1003.1 "pax", ustar interchange format. Offsets and lengths in bytes.
struct Field {
  std::size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kUid{108, 8}, kGid{116, 8}, kSize{124, 12}, kTime{136, 12},
    kSum{148, 8}, kType{156, 1}, kLink{157, 100}, kMagic{257, 8}, kUser{265, 32}, kGroup{297, 32}, kMajor{329, 8},
    kMinor{337, 8}, kPrefix{345, 155}, kRest{500, 12};
constexpr std::string_view kUstar{"ustar\00000", 8};
constexpr std::string_view kPaxName = "././@PaxHeader";

std::string_view get(std::string_view block, Field f) { return block.substr(f.at, f.size); }

void put(std::string& block, Field f, std::string_view value) { block.replace(f.at, value.size(), value); }

std::string octal(std::uint64_t value, std::size_t digits) {
  std::string text(digits, '0');
  for (std::size_t i = digits; i > 0 && value != 0; value >>= 3) text[--i] = static_cast<char>('0' + (value & 7));
  return text;
}

std::uint64_t checksum(std::string_view block) {
  std::uint64_t sum = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const bool in_field = i >= kSum.at && i < kSum.at + kSum.size;
    sum += in_field ? ' ' : static_cast<unsigned char>(block[i]);
  }
  return sum;
}

bool all_zero(std::string_view bytes) {
  return bytes.find_first_not_of('\0') == std::string_view::npos;
}

std::string encode_block(std::string_view name, std::uint64_t size, bool executable, char type) {
  std::string block(kBlock, '\0');
  put(block, kName, name);
  put(block, kMode, executable ? "0000755" : "0000644");
  put(block, kUid, "0000000");
  put(block, kGid, "0000000");
  put(block, kSize, octal(size, 11));
  put(block, kTime, "00000000000");
  put(block, kType, std::string_view(&type, 1));
  put(block, kMagic, kUstar);
  put(block, kMajor, "0000000");
  put(block, kMinor, "0000000");
  put(block, kSum, octal(checksum(block), 6) + '\0' + ' ');
  return block;
}

// "LEN key=value\n", where LEN counts itself.
std::string pax_record(std::string_view key, std::string_view value) {
  const std::size_t rest = key.size() + value.size() + 3;
  std::size_t length = rest + 1;
  while (std::to_string(length).size() + rest != length) ++length;
  return std::to_string(length) + ' ' + std::string(key) + '=' + std::string(value) + '\n';
}

bool needs_pax_path(std::string_view path) {
  return path.size() > kName.size || std::ranges::any_of(path, [](char c) { return static_cast<unsigned char>(c) >= 0x80; });
}

// What a reader without pax sees: near enough to recognise, never a folder.
std::string short_name(std::string_view path) {
  std::string name(path.substr(0, kName.size));
  for (char& c : name)
    if (static_cast<unsigned char>(c) >= 0x80) c = '_';
  if (name.back() == '/') name.back() = '_';
  return name;
}

Result<std::uint64_t> parse_octal(std::string_view field, std::string_view what) {
  // Digits, then one NUL (or NUL and a space in the checksum). Base-256 and blank-padded numbers are other dialects.
  const auto bad = [&] { return fail(Code::kArchiveHeader, std::string(what) + " is not a plain octal number"); };
  const std::size_t end = std::min(field.find('\0'), field.size());
  if (end == 0 || end == field.size()) return bad();
  std::uint64_t value = 0;
  for (const char c : field.substr(0, end)) {
    if (c < '0' || c > '7') return bad();
    value = value << 3 | static_cast<std::uint64_t>(c - '0');  // at most 11 digits: 33 bits
  }
  return value;
}

Result<std::string> parse_text(std::string_view field, std::string_view what) {
  const std::size_t end = std::min(field.find('\0'), field.size());
  if (!all_zero(field.substr(end))) return fail(Code::kArchiveHeader, std::string(what) + " has bytes after its end");
  return std::string(field.substr(0, end));
}

std::string_view type_name(char type) {
  switch (type) {
    case '1': return "a hard link";
    case '2': return "a symbolic link";
    case '3': return "a character device";
    case '4': return "a block device";
    case '5': return "a folder";
    case '6': return "a FIFO";
    case '7': return "a contiguous file";
    case 'g': return "a global pax header";
    case 'L': case 'K': return "a GNU long name";
    case 'S': return "a sparse file";
    case '\0': return "a pre-POSIX file";
    default: return "an entry of unknown type";
  }
}

// Owner, names, time and device numbers: a bundle carries none.
Result<void> check_bare(std::string_view block) {
  const auto refuse = [](std::string_view what) { return fail(Code::kArchiveMode, std::string(what)); };
  for (const auto& [field, what] : {std::pair{kUid, "owner"}, {kGid, "group"}, {kTime, "time"}})
    if (TRY(parse_octal(get(block, field), what)) != 0) return refuse(std::string("an entry with ") + what);
  if (!all_zero(get(block, kUser)) || !all_zero(get(block, kGroup))) return refuse("an entry with an owner's name");
  for (const Field field : {kMajor, kMinor})
    if (TRY(parse_octal(get(block, field), "device number")) != 0) return refuse("an entry with a device number");
  return {};
}

}  // namespace

std::string encode_headers(const TarMember& member) {
  const bool pax_path = needs_pax_path(member.path), pax_size = member.size > kMaxUstarSize;
  const std::string name = pax_path ? short_name(member.path) : member.path;
  std::string out;
  if (pax_path || pax_size) {
    std::string body;
    if (pax_path) body += pax_record("path", member.path);
    if (pax_size) body += pax_record("size", std::to_string(member.size));
    out = encode_block(kPaxName, body.size(), false, 'x') + body;
    out.append(padding(body.size()), '\0');
  }
  return out + encode_block(name, pax_size ? 0 : member.size, member.executable, '0');
}

Result<Header> decode_header(std::string_view block) {
  if (all_zero(block)) return Header{};
  const std::uint64_t sum = TRY(parse_octal(get(block, kSum), "checksum"));
  if (sum != checksum(block)) return fail(Code::kArchiveHeader, "checksum does not match");
  const char type = block[kType.at];
  const std::string name = TRY(parse_text(get(block, kName), "name"));
  // Types before magic: a GNU or pre-POSIX entry of a dangerous kind should be named as what it is.
  if (type != '0' && type != 'x')
    return fail(Code::kArchiveType, std::string(type_name(type)) + " named \"" + name + "\"");
  if (get(block, kMagic) != kUstar) return fail(Code::kArchiveHeader, "not a POSIX ustar header");
  if (!all_zero(get(block, kLink))) return fail(Code::kArchiveType, "\"" + name + "\" has a link target");
  TRY(check_bare(block));
  const std::uint64_t mode = TRY(parse_octal(get(block, kMode), "mode"));
  if (mode != 0644 && mode != 0755)
    return fail(Code::kArchiveMode, "\"" + name + "\" has mode " + octal(mode, 7) + ", not 0644 or 0755");
  if (!all_zero(get(block, kPrefix)) || !all_zero(get(block, kRest)))
    return fail(Code::kArchiveHeader, "\"" + name + "\" has a prefix field");
  Header header;
  header.kind = type == 'x' ? HeaderKind::kPax : HeaderKind::kFile;
  header.name = name;
  header.size = TRY(parse_octal(get(block, kSize), "size"));
  header.executable = mode == 0755;
  return header;
}

Result<PaxRecords> decode_pax(std::string_view body) {
  PaxRecords records;
  const auto refuse = [](std::string_view why) { return fail(Code::kArchiveHeader, "pax header: " + std::string(why)); };
  while (!body.empty()) {
    std::size_t length = 0, digits = 0;
    while (digits < body.size() && digits < 6 && body[digits] >= '0' && body[digits] <= '9')
      length = length * 10 + static_cast<std::size_t>(body[digits++] - '0');
    if (digits == 0 || body[0] == '0' || digits >= body.size() || body[digits] != ' ') return refuse("a malformed length");
    if (length <= digits + 2 || length > body.size() || body[length - 1] != '\n') return refuse("a length that is wrong");
    const std::string_view record = body.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos) return refuse("a record without '='");
    const std::string_view key = record.substr(0, equals), value = record.substr(equals + 1);
    if (value.empty()) return refuse("an empty value");
    if (key == "path") {
      if (records.path || records.size) return refuse("a record twice or out of order");
      records.path = std::string(value);
    } else if (key == "size") {
      if (records.size) return refuse("a record twice");
      std::uint64_t size = 0;
      for (const char c : value) {
        if (c < '0' || c > '9' || size > (UINT64_MAX - 9) / 10) return refuse("a size that is not a number");
        size = size * 10 + static_cast<std::uint64_t>(c - '0');
      }
      records.size = size;
    } else {
      return fail(Code::kArchiveType, "pax record \"" + std::string(key.substr(0, 60)) + "\": only path and size are accepted");
    }
    body.remove_prefix(length);
  }
  if (!records.path && !records.size) return refuse("no record");
  return records;
}

Result<TarMember> combine(const Header& header, const std::optional<PaxRecords>& pax) {
  TarMember member{header.name, header.size, header.executable};
  if (pax && pax->path) member.path = *pax->path;
  if (pax && pax->size) {
    // Two readers that take different sizes see different archives (CVE-2025-62518): the ustar field must stay zero.
    if (header.size != 0)
      return fail(Code::kArchiveHeader, "\"" + member.path + "\": pax and ustar both state a size");
    member.size = *pax->size;
  }
  return member;
}

Result<void> check_canonical(const TarMember& member, std::string_view seen) {
  if (encode_headers(member) == seen) return {};
  return fail(Code::kArchiveHeader, "\"" + member.path + "\": not in the form that `airlock bundle build` writes");
}

}  // namespace airlock::archive
