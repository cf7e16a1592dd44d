// archive/tar_format: the one form of tar header that airlock writes and accepts. Pure.
//
// A member is [pax header block, pax body] + ustar header block + data, each padded with zeros to 512 bytes. The pax
// header is there exactly when the path is not ASCII or over 100 bytes (record `path`), or the size does not fit into
// eleven octal digits (record `size`; the ustar field is then zero). Its records are in that order.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "base/limits.h"
#include "base/result.h"

namespace airlock::archive {

inline constexpr std::size_t kBlock = 512;
inline constexpr std::uint64_t kMaxUstarSize = 077777777777;  // eleven octal digits: 8 GiB - 1

struct TarMember {
  std::string path;
  std::uint64_t size = 0;
  bool executable = false;
  friend bool operator==(const TarMember&, const TarMember&) = default;
};

// Everything before the data: one block, or pax header, body and then the block.
std::string encode_headers(const TarMember& member);

inline std::size_t padding(std::uint64_t size) { return static_cast<std::size_t>((kBlock - size % kBlock) % kBlock); }

struct PaxRecords {
  std::optional<std::string> path;
  std::optional<std::uint64_t> size;
};

enum class HeaderKind { kFile, kPax, kEnd };  // kEnd: a block of zeros
struct Header {
  HeaderKind kind = HeaderKind::kEnd;
  std::string name;          // of a file without a pax path
  std::uint64_t size = 0;    // of the data, or of the pax body
  bool executable = false;
};

// Reads one block. kArchiveHeader (checksum, numbers, magic), kArchiveType, kArchiveMode. Whether the block is in the
// one form is for check_canonical to say, once the whole member is known.
Result<Header> decode_header(std::string_view block);
// kArchiveHeader, and kArchiveType for keys that are not path or size: links, attributes, sparse maps.
Result<PaxRecords> decode_pax(std::string_view body);
// The member that header and records make together; kArchiveHeader when they disagree.
Result<TarMember> combine(const Header& header, const std::optional<PaxRecords>& pax);
// kArchiveHeader unless `seen`, all header bytes of the member, is what encode_headers gives.
Result<void> check_canonical(const TarMember& member, std::string_view seen);

}  // namespace airlock::archive
