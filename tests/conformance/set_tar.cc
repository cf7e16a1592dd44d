// tar: three doors. The general reader lists (`expect`, `entries`); unpacking for files only gives the answer `strict` asks
// for, in a yard where nothing outside the destination may change; the door of bundles must take nothing that strict refuses.
#include "archive/archive.h"
#include "archive/decode.h"
#include "archive/foreign_tar.h"
#include "archive/zstd_stream.h"
#include "base/digest.h"
#include "oci/unpack.h"
#include "scratch.h"
#include "sets.h"

namespace airlock::conformance {
namespace {

using namespace archive;

struct Listed {
  ForeignEntry entry;
  std::string sha256;  // of the stored bytes
};

Result<std::vector<Listed>> list(std::string_view bytes) {
  ForeignTarReader reader(memory_source(bytes));
  std::vector<Listed> out;
  while (auto entry = TRY(reader.next())) {
    Sha256 hash;
    for (;;) {
      const Chunk chunk = TRY(reader.read());
      if (chunk.bytes.empty()) break;
      hash.update(chunk.bytes);
    }
    out.push_back({std::move(*entry), hash.finish().hex()});
  }
  return out;
}

std::string label_of(const ForeignEntry& entry) {
  switch (entry.type) {
    case EntryType::kFile: return "file";
    case EntryType::kHardLink: return "hardlink";
    case EntryType::kSymlink: return "symlink";
    case EntryType::kCharDevice: return "char";
    case EntryType::kBlockDevice: return "block";
    case EntryType::kFolder: return "dir";
    case EntryType::kFifo: return "fifo";
    case EntryType::kSparse: return "sparse";
    case EntryType::kOther: return std::string("b'") + entry.flag + "'";  // the index has what Python prints
  }
  std::unreachable();
}

void compare(const Json& wanted, const std::vector<Listed>& got, Report& report) {
  report.equal("number of entries", wanted.size(), got.size());
  for (std::size_t i = 0; i < std::min(wanted.size(), got.size()); ++i) {
    const auto& [entry, sha256] = got[i];
    const std::string what = "entry " + std::to_string(i) + " ";
    const std::string name = raw_bytes(wanted[i].value("name", ""));
    // Where readers differ about a name by design, ours knows both readings.
    if (entry.other_name != name) report.equal(what + "name", name, entry.name);
    report.equal(what + "type", wanted[i].value("type", ""), label_of(entry));
    if (wanted[i].contains("link")) report.equal(what + "link", raw_bytes(wanted[i]["link"].get<std::string>()), entry.link);
    // Of a sparse file some readers state the size with its holes, some what is stored: both stand in the archive.
    if (wanted[i].contains("size") && !(entry.type == EntryType::kSparse && wanted[i]["size"] == entry.stored))
      report.equal(what + "size", wanted[i]["size"].get<std::uint64_t>(), entry.size);
    if (wanted[i].contains("sha256")) report.equal(what + "sha256", wanted[i]["sha256"].get<std::string>(), sha256);
  }
}

Result<void> read_as_bundle(std::string_view bytes) {
  std::string packed;
  ZstdEncoder encoder = TRY(ZstdEncoder::open(
      [&](std::string_view part) -> Result<void> {
        packed += part;
        return {};
      },
      1));
  TRY(encoder.write(bytes));
  TRY(encoder.end_frame());
  const UniqueFd fd = TRY(memory_file(packed));
  ArchiveReader reader = TRY(ArchiveReader::open(fd.get()));
  while (TRY(reader.next())) {
  }
  return {};
}

// Whatever the answer: what is beside the destination stays as it is.
Result<void> unpack_in_yard(std::string_view bytes, oci::Rules rules, Report& report) {
  const Yard yard = TRY(Yard::make());
  const std::string before = yard.outside();
  const std::vector<oci::OpenLayer> layers = {[&]() -> Result<std::unique_ptr<ByteSource>> { return memory_source(bytes); }};
  const auto got = oci::unpack(layers, yard.inside(), rules, {.total_bytes = kGiB / 2});
  if (yard.outside() != before) report.differ("nothing outside the destination", "something is", "created, changed or followed");
  if (!got) return fail(got.error());
  return {};
}

}  // namespace

void run_tar(const Case& c, Report& report) {
  const std::string bytes = USE(c.file("archive"), report);
  const auto listed = list(bytes);
  report.judge(c.expect(), listed, "list");
  if (listed && c.has("entries") && c.json()["entries"].is_array()) compare(c.json()["entries"], *listed, report);

  const auto files = unpack_in_yard(bytes, oci::Rules::kFilesOnly, report);
  (void)unpack_in_yard(bytes, oci::Rules::kImage, report);  // as a layer of an image: only that nothing happens outside
  if (c.strict()) report.judge(*c.strict(), files, "strict");
  const auto bundle = read_as_bundle(bytes);
  if (bundle && c.strict() == Expect::kReject) report.differ("reject", "accept", "strict: the door of bundles");
}

}  // namespace airlock::conformance
