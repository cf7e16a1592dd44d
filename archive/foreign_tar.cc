#include "archive/foreign_tar.h"

#include <algorithm>
#include <array>
#include <map>

#include "archive/pax_records.h"
#include "archive/tar_format.h"

namespace airlock::archive {
namespace {

struct Field {
  std::size_t at, size;
};
constexpr Field kName{0, 100}, kMode{100, 8}, kSize{124, 12}, kTime{136, 12}, kSum{148, 8}, kLink{157, 100}, kMagic{257, 6},
    kMagicAndVersion{257, 8}, kPrefix{345, 155}, kStarPrefix{345, 131}, kStarTrailer{508, 4}, kRealSize{483, 12};
constexpr std::size_t kTypeAt = 156, kMoreSparseAt = 482, kMoreSparseInBlockAt = 504;
constexpr std::string_view kGnuMagic{"ustar  \0", 8}, kPosixMagic{"ustar\0", 6}, kStarMark{"tar\0", 4};

std::string_view get(std::string_view block, Field f) { return block.substr(f.at, f.size); }
std::string text(std::string_view field) { return std::string(field.substr(0, std::min(field.find('\0'), field.size()))); }

std::unexpected<Error> bad(std::string why) { return fail(Code::kArchiveHeader, std::move(why)); }

// Octal digits between blanks and NULs, or big-endian base 256 behind a set top bit (GNU, star). An empty field is 0.
Result<std::int64_t> number(std::string_view field, std::string_view what) {
  const auto wrong = [&] { return bad(std::string(what) + " is not a number"); };
  const auto first = static_cast<unsigned char>(field[0]);
  if (first == 0x80 || first == 0xFF) {
    // Eight bytes count; the ones before them must only extend the sign.
    std::uint64_t value = 0;
    for (std::size_t i = 1; i < field.size(); ++i) {
      const auto byte = static_cast<unsigned char>(field[i]);
      if (i + 8 < field.size() && byte != (first == 0xFF ? 0xFF : 0)) return wrong();
      value = value << 8 | byte;
    }
    if (field.size() < 9 && first == 0xFF) value |= ~std::uint64_t{0} << (8 * (field.size() - 1));
    const auto as_signed = static_cast<std::int64_t>(value);
    if ((as_signed < 0) != (first == 0xFF)) return wrong();
    return as_signed;
  }
  std::size_t begin = 0, end = field.size();
  while (begin < end && field[begin] == ' ') ++begin;
  end = std::min(end, field.find('\0', begin));
  while (end > begin && field[end - 1] == ' ') --end;
  std::int64_t value = 0;
  for (const char c : field.substr(begin, end - begin)) {
    if (c < '0' || c > '7') return wrong();
    value = value << 3 | (c - '0');  // at most 12 digits
  }
  return value;
}

// Some old writers summed signed bytes.
Result<void> check_sum(std::string_view block) {
  std::int64_t plain = 0, with_sign = 0;
  for (std::size_t i = 0; i < block.size(); ++i) {
    const char c = i >= kSum.at && i < kSum.at + kSum.size ? ' ' : block[i];
    plain += static_cast<unsigned char>(c);
    with_sign += static_cast<signed char>(c);
  }
  const std::int64_t stated = TRY(number(get(block, kSum), "checksum"));
  if (stated != plain && stated != with_sign) return bad("checksum does not match");
  return {};
}

// Digits behind the end of a number: some readers stop there, others go on.
bool doubtful(std::string_view field) {
  const auto first = static_cast<unsigned char>(field[0]);
  if (first == 0x80 || first == 0xFF) return false;
  const auto end = field.find('\0');
  return end != std::string_view::npos && field.find_first_of("01234567", end) != std::string_view::npos;
}

EntryType type_of(char flag, std::string_view name) {
  switch (flag) {
    case '\0': return name.ends_with('/') ? EntryType::kFolder : EntryType::kFile;  // before POSIX
    case '0': case '7': return EntryType::kFile;
    case '1': return EntryType::kHardLink;
    case '2': return EntryType::kSymlink;
    case '3': return EntryType::kCharDevice;
    case '4': return EntryType::kBlockDevice;
    case '5': return EntryType::kFolder;
    case '6': return EntryType::kFifo;
    case 'S': return EntryType::kSparse;
    default: return EntryType::kOther;
  }
}

bool carries_data(EntryType type) {
  return type == EntryType::kFile || type == EntryType::kSparse || type == EntryType::kOther;
}

void trim_slashes(std::string& name) {
  while (name.size() > 1 && name.ends_with('/')) name.pop_back();
}

}  // namespace

struct ForeignTarReader::Impl {
  std::unique_ptr<ByteSource> source;
  Limits limits;
  Chunk chunk;
  std::uint64_t offset = 0, data_left = 0, entries = 0;
  std::size_t pad_left = 0;
  PaxMap global;
  bool ended = false;

  // What the extension headers before an entry said. The first of each kind counts.
  struct Extensions {
    std::optional<std::string> name, link;
    PaxMap pax;
    bool any = false;
  };

  std::string here() const { return "offset " + std::to_string(offset); }

  Result<std::string_view> take_some(std::uint64_t most) {
    if (chunk.bytes.empty()) chunk = TRY(source->next());
    const std::string_view bytes = chunk.bytes.substr(0, static_cast<std::size_t>(std::min<std::uint64_t>(most, chunk.bytes.size())));
    chunk.bytes.remove_prefix(bytes.size());
    offset += bytes.size();
    return bytes;
  }

  // Exactly `size` bytes, or fewer where the stream ends.
  Result<std::string> take(std::size_t size) {
    std::string out;
    while (out.size() < size) {
      const std::string_view bytes = TRY(take_some(size - out.size()));
      if (bytes.empty()) break;
      out += bytes;
    }
    return out;
  }

  Result<void> skip(std::uint64_t size) {
    while (size > 0) {
      const std::string_view bytes = TRY(take_some(size));
      if (bytes.empty()) return fail(Code::kArchiveTruncated, "the archive ends inside an entry, " + here());
      size -= bytes.size();
    }
    return {};
  }

  // A header block, checked; nullopt at the end of the archive.
  Result<std::optional<std::string>> block() {
    std::string bytes = TRY(take(kBlock));
    if (bytes.empty() && entries > 0) return std::nullopt;
    if (bytes.size() < kBlock) return fail(Code::kArchiveTruncated, "the archive ends inside a header, " + here());
    if (bytes.find_first_not_of('\0') == std::string::npos) return std::nullopt;
    if (const auto sum = check_sum(bytes); !sum) return fail(sum.error().code, here() + ": " + sum.error().context);
    return bytes;
  }

  // The body of an extension header.
  Result<std::string> body(std::string_view header) {
    const std::int64_t size = TRY(number(get(header, kSize), "size"));
    if (size < 0) return bad(here() + ": an extension header of negative size");
    if (static_cast<std::uint64_t>(size) > limits.pax_header_bytes)
      return fail(Code::kArchiveLimit, here() + ": an extension header of " + std::to_string(size) + " bytes");
    std::string bytes = TRY(take(static_cast<std::size_t>(size)));
    if (bytes.size() < static_cast<std::size_t>(size)) return fail(Code::kArchiveTruncated, "the archive ends inside a header, " + here());
    TRY(skip(padding(bytes.size())));
    return bytes;
  }

  Result<bool> extension(std::string_view header, Extensions& ext) {
    const char flag = header[kTypeAt];
    if (flag != 'L' && flag != 'K' && flag != 'x' && flag != 'X' && flag != 'g') return false;
    const std::string bytes = TRY(body(header));
    if (flag == 'L' || flag == 'K') {
      std::optional<std::string>& slot = flag == 'L' ? ext.name : ext.link;
      if (!slot) slot = text(bytes);
    } else {
      auto records = parse_pax(bytes);
      if (!records) return fail(records.error().code, here() + ": " + records.error().context);
      PaxMap& into = flag == 'g' ? global : ext.pax;
      // A later global header overrides an earlier one; before one entry the first header counts.
      for (auto& [key, value] : *records)
        if (flag == 'g' || !into.contains(key)) into[key] = std::move(value);
    }
    ext.any = ext.any || flag != 'g';
    return true;
  }

  Result<std::optional<ForeignEntry>> next() {
    if (ended) return std::nullopt;
    TRY(skip(std::exchange(data_left, 0)));
    TRY(skip(std::exchange(pad_left, 0)));
    Extensions ext;
    for (;;) {
      const auto header = TRY(block());
      if (!header) {
        if (ext.any) return bad(here() + ": an extension header without its entry");
        ended = true;
        return std::nullopt;
      }
      // Extension headers count, too: an endless row of them is an archive of nothing.
      if (++entries > limits.members) return fail(Code::kArchiveLimit, "more than " + std::to_string(limits.members) + " headers");
      if (TRY(extension(*header, ext))) continue;
      auto entry = make_entry(*header, ext);
      if (!entry) return fail(entry.error().code, here() + ": " + entry.error().context);
      if (entry->flag == 'S') TRY(skip_sparse_blocks(*header));
      entry->data_offset = offset;
      data_left = entry->stored;
      pad_left = padding(entry->stored);
      return std::move(*entry);
    }
  }

  // Old GNU: while the map of a sparse file goes on, another block of it follows the header.
  Result<void> skip_sparse_blocks(std::string_view header) {
    bool more = header[kMoreSparseAt] != '\0';
    for (std::uint64_t blocks = 0; more; ++blocks) {
      if (blocks * kBlock > limits.pax_header_bytes) return fail(Code::kArchiveLimit, here() + ": a sparse map over the limit");
      const std::string bytes = TRY(take(kBlock));
      if (bytes.size() < kBlock) return fail(Code::kArchiveTruncated, "the archive ends inside a sparse map, " + here());
      more = bytes[kMoreSparseInBlockAt] != '\0';
    }
    return {};
  }

  void set_name(ForeignEntry& entry, std::string_view header, const Extensions& ext) const {
    entry.name = text(get(header, kName));
    const std::string prefix = text(get(header, kPrefix));
    const bool gnu = get(header, kMagicAndVersion) == kGnuMagic;
    const bool posix = get(header, kMagic) == kPosixMagic;
    if (posix && get(header, kStarTrailer) == kStarMark) {
      // star keeps times behind a shorter prefix.
      if (const std::string star = text(get(header, kStarPrefix)); !star.empty()) entry.name = star + "/" + entry.name;
    } else if (posix && !prefix.empty()) {
      entry.name = prefix + "/" + entry.name;
    } else if (gnu && !prefix.empty() && entry.flag != 'S') {
      entry.other_name = prefix + "/" + entry.name;  // GNU keeps times there; readers that do not look see a folder
    }
    if (ext.name) entry.name = *ext.name;
  }

  Result<ForeignEntry> make_entry(std::string_view header, const Extensions& ext) {
    ForeignEntry entry;
    entry.flag = header[kTypeAt];
    set_name(entry, header, ext);
    entry.link = ext.link ? *ext.link : text(get(header, kLink));
    const std::int64_t size = TRY(number(get(header, kSize), "size"));
    const std::int64_t mode = TRY(number(get(header, kMode), "mode"));
    for (const auto& [field, what] : {std::pair{kMode, "mode"}, {kSize, "size"}, {kTime, "time"}})
      if (doubtful(get(header, field))) entry.doubt = std::string("its ") + what + " goes on after its end";
    if (!number(get(header, kTime), "time")) entry.doubt = "its time is not a number";
    if (size < 0 || mode < 0) return bad("a negative size or mode");
    entry.size = entry.stored = static_cast<std::uint64_t>(size);
    entry.mode = static_cast<std::uint32_t>(mode & 0xFFFF);
    entry.type = type_of(entry.flag, entry.name);
    if (entry.flag == 'S') {
      const std::int64_t real = TRY(number(get(header, kRealSize), "real size"));
      if (real < 0) return bad("a negative size");
      entry.size = static_cast<std::uint64_t>(real);
    }
    TRY(apply_pax(entry, global, ext.pax));
    if (!carries_data(entry.type)) entry.size = entry.stored = 0;
    if (entry.type == EntryType::kFolder) {
      trim_slashes(entry.name);
      if (entry.other_name) trim_slashes(*entry.other_name);
    }
    if (entry.stored > UINT64_MAX / 2) return bad("a size that no archive has");
    return entry;
  }
};

ForeignTarReader::ForeignTarReader(std::unique_ptr<ByteSource> source, const Limits& limits) : impl_(std::make_unique<Impl>()) {
  impl_->source = std::move(source);
  impl_->limits = limits;
}
ForeignTarReader::~ForeignTarReader() = default;
ForeignTarReader::ForeignTarReader(ForeignTarReader&&) noexcept = default;

Result<std::optional<ForeignEntry>> ForeignTarReader::next() { return impl_->next(); }

Result<Chunk> ForeignTarReader::read() {
  if (impl_->data_left == 0) return Chunk{};
  Chunk chunk;
  chunk.bytes = TRY(impl_->take_some(impl_->data_left));
  chunk.owner = impl_->chunk.owner;
  if (chunk.bytes.empty()) return fail(Code::kArchiveTruncated, "the archive ends inside an entry, " + impl_->here());
  impl_->data_left -= chunk.bytes.size();
  return chunk;
}

}  // namespace airlock::archive
