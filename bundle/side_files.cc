#include "bundle/side_files.h"

namespace airlock::bundle {

Result<void> SideReader::count(const archive::Member& member) {
  const std::string quoted = "\"" + member.path + "\"";
  if (member.size > limits_.metadata_bytes)
    return fail(Code::kArchiveLimit, quoted + ": metadata of " + std::to_string(member.size) + " bytes, limit metadataBytes " +
                                         std::to_string(limits_.metadata_bytes));
  bytes_ += member.size;
  if (files_.size() >= kMaxSideFiles || bytes_ > limits_.manifest_bytes)
    return fail(Code::kArchiveLimit, quoted + ": metadata below trust/ and time/ is over " + std::to_string(kMaxSideFiles) +
                                         " files, or over limit manifestBytes " + std::to_string(limits_.manifest_bytes));
  return {};
}

Result<void> SideReader::take(const archive::Member& member) {
  if (member.executable) return fail(Code::kMemberMode, "\"" + member.path + "\" is executable");
  TRY(count(member));
  add(member.path, TRY(reader_.read_all(limits_.metadata_bytes)));
  return {};
}

Result<SideFiles> read_side_files(archive::ArchiveReader& reader, const Limits& limits) {
  SideReader side(reader, limits);
  std::string last;
  while (const auto member = TRY(reader.next())) {
    if (!may_be_unlisted(member->path)) break;
    if (!last.empty() && !in_order(last, member->path)) return fail(Code::kArchiveOrder, "\"" + member->path + "\" after \"" + last + "\"");
    last = member->path;
    TRY(side.take(*member));
  }
  return side.files();
}

}  // namespace airlock::bundle
