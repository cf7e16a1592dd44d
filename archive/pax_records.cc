#include "archive/pax_records.h"

#include <charconv>
#include <optional>

#include "archive/foreign_tar.h"

namespace airlock::archive {
namespace {

std::unexpected<Error> bad(std::string why) { return fail(Code::kArchiveHeader, "pax header: " + std::move(why)); }

Result<std::uint64_t> whole_number(std::string_view key, std::string_view value) {
  std::uint64_t number = 0;
  const auto [end, failed] = std::from_chars(value.data(), value.data() + value.size(), number);
  if (failed != std::errc{} || end != value.data() + value.size()) return bad(std::string(key) + " is not a whole number");
  return number;
}

bool is_attribute(std::string_view key) {
  for (const std::string_view prefix : {"SCHILY.xattr.", "LIBARCHIVE.xattr.", "SCHILY.acl.", "RHT.security.", "GNU.acl."})
    if (key.starts_with(prefix)) return true;
  return false;
}

// The records that count: those of the entry before those of the archive.
class Lookup {
 public:
  Lookup(const PaxMap& global, const PaxMap& local) : global_(global), local_(local) {}
  const std::string* find(const std::string& key) const {
    for (const PaxMap* map : {&local_, &global_})
      if (const auto it = map->find(key); it != map->end()) return it->second.empty() ? nullptr : &it->second;
    return nullptr;
  }
  bool taken_back(const std::string& key) const {
    return find(key) == nullptr && (local_.contains(key) || global_.contains(key));
  }

 private:
  const PaxMap& global_;
  const PaxMap& local_;
};

Result<void> apply_sparse(ForeignEntry& entry, const Lookup& records) {
  const auto any = [&](const char* key) { return records.find(key) != nullptr; };
  if (!any("GNU.sparse.map") && !any("GNU.sparse.size") && !any("GNU.sparse.realsize") && !any("GNU.sparse.major")) return {};
  entry.type = EntryType::kSparse;
  if (const std::string* name = records.find("GNU.sparse.name")) entry.name = *name;
  for (const char* key : {"GNU.sparse.size", "GNU.sparse.realsize"})
    if (const std::string* size = records.find(key)) entry.size = TRY(whole_number(key, *size));
  return {};
}

}  // namespace

Result<PaxMap> parse_pax(std::string_view body) {
  PaxMap records;
  // GNU tar pads the body with NULs in places; nothing but NULs may follow the last record.
  while (!body.empty() && body.front() != '\0') {
    std::size_t length = 0;
    const auto [end, failed] = std::from_chars(body.data(), body.data() + body.size(), length);
    const auto digits = static_cast<std::size_t>(end - body.data());
    if (failed != std::errc{} || digits == 0 || digits >= body.size() || body[digits] != ' ') return bad("a malformed length");
    if (length <= digits + 2 || length > body.size() || body[length - 1] != '\n') return bad("a length that is wrong");
    const std::string_view record = body.substr(digits + 1, length - digits - 2);
    const std::size_t equals = record.find('=');
    if (equals == std::string_view::npos || equals == 0) return bad("a record without a key");
    records[std::string(record.substr(0, equals))] = std::string(record.substr(equals + 1));
    body.remove_prefix(length);
  }
  if (body.find_first_not_of('\0') != std::string_view::npos) return bad("bytes after the last record");
  return records;
}

Result<void> apply_pax(ForeignEntry& entry, const PaxMap& global, const PaxMap& local) {
  const Lookup records(global, local);
  if (const std::string* path = records.find("path")) {
    entry.name = *path;
    entry.other_name.reset();
  } else if (records.taken_back("path")) {
    entry.other_name = "";
  }
  if (const std::string* link = records.find("linkpath")) entry.link = *link;
  if (const std::string* size = records.find("size")) entry.size = entry.stored = TRY(whole_number("size", *size));
  for (const PaxMap* map : {&local, &global})
    for (const auto& [key, value] : *map)
      if (is_attribute(key) && entry.attributes.empty()) entry.attributes = key;
  if (entry.flag == 'A') entry.attributes = "an ACL entry";  // Solaris
  return apply_sparse(entry, records);
}

}  // namespace airlock::archive
