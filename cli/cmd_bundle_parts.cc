#include "cli/cmd_bundle_parts.h"

#include <algorithm>
#include <memory>

#include "bundle/split.h"
#include "cli/site.h"

namespace airlock::cli {
namespace {

using bundle::PartBox;
using bundle::PartFile;
using bundle::PartSet;

// "1-3, 7": numbers in order.
std::string ranges(const std::vector<std::uint64_t>& numbers) {
  std::string text;
  for (std::size_t i = 0; i < numbers.size();) {
    std::size_t last = i;
    while (last + 1 < numbers.size() && numbers[last + 1] == numbers[last] + 1) ++last;
    text += (text.empty() ? "" : ", ") + std::to_string(numbers[i]) + (last == i ? "" : "-" + std::to_string(numbers[last]));
    i = last + 1;
  }
  return text.empty() ? "none" : text;
}

std::string count_parts(std::uint64_t count) { return std::to_string(count) + (count == 1 ? " part" : " parts"); }

std::vector<std::uint64_t> held_numbers(const PartSet& set) {
  std::vector<std::uint64_t> numbers;
  for (const auto& [number, header] : set.held) numbers.push_back(number);
  return numbers;
}

Json set_json(const PartSet& set) {
  return {{"bundleSha256", set.bundle.hex()}, {"parts", set.parts()},          {"held", held_numbers(set)}, {"missing", set.missing()},
          {"heldBytes", set.held_bytes()},    {"bundleBytes", set.held.empty() ? 0 : set.held.begin()->second.bundle_bytes}};
}

Result<void> report_waiting(const Shell& shell, const PartSet& set) {
  Json json = set_json(set);
  json["state"] = "waiting";
  return shell.emit(json, "bundle " + set.label() + " in " + count_parts(set.parts()) + "\n  held     " + ranges(held_numbers(set)) +
                              "\n  missing  " + ranges(set.missing()) + "\n");
}

struct GivenParts {
  std::vector<PartFile> good;
  std::vector<Error> damaged;  // kPart
};

// Looks at all arguments before any of them is copied.
Result<GivenParts> open_parts(const std::vector<std::string>& files, const Limits& limits) {
  GivenParts given;
  for (const std::string& file : files) {
    if (!bundle::is_part(file)) return fail(Code::kUsage, "give one bundle, or parts of one: " + file + " is no part");
    auto part = PartFile::open(file, limits);
    if (!part && part.error().code != Code::kPart) return fail(part.error());
    if (!part) given.damaged.push_back(part.error());
    else if (!given.good.empty() && given.good.front().header().bundle != part->header().bundle)
      return fail(Code::kUsage, "parts of two bundles: " + given.good.front().path() + " and " + file);
    else given.good.push_back(std::move(*part));
  }
  return given;
}

// The first part that is damaged is what the command fails with; the others are taken all the same.
Result<void> add_parts(Shell& shell, PartBox& box, PartSet& set, GivenParts& given) {
  const auto line = status_line(shell);
  for (const PartFile& part : given.good) {
    const auto added = box.add(set, part, byte_progress(shell, "copying " + part.name(), line));
    if (!added && added.error().code != Code::kPart) return added;
    if (!added) given.damaged.push_back(added.error());
  }
  return {};
}

Error all_of(const std::vector<Error>& damaged) {
  Error error = damaged.front();
  for (std::size_t i = 1; i < damaged.size(); ++i) error.context += "; " + damaged[i].context;
  return error;
}

Result<int> split(Shell& shell, const std::string& file, const std::string& size, const std::string& folder) {
  const auto part_bytes = parse_size(size);
  if (!part_bytes) return fail(Code::kUsage, "--size " + part_bytes.error().context);
  const auto slash = file.rfind('/');
  const std::string beside = slash == std::string::npos ? "." : file.substr(0, slash + 1);
  const auto line = status_line(shell);
  const auto parts = TRY(bundle::split_bundle({file, folder.empty() ? beside : folder, *part_bytes, byte_progress(shell, "splitting", line)}));
  line->clear();
  const manifests::PartHeader& first = parts.front().header;
  Json rows = Json::array();
  Table table({"PART", "BYTES", "SHA256 OF THE FILE", "FILE"});
  for (const bundle::SplitPart& part : parts) {
    const std::uint64_t bytes = manifests::kPartHeaderBytes + part.header.bytes;
    rows.push_back({{"part", part.header.part}, {"file", part.path}, {"fileBytes", bytes}, {"fileSha256", part.file_sha256.hex()},
                    {"offset", part.header.offset}, {"bytes", part.header.bytes}, {"sha256", part.header.slice.hex()}});
    table.add({std::to_string(part.header.part), std::to_string(bytes), part.file_sha256.hex(), part.path});
  }
  TRY(shell.emit({{"bundleSha256", first.bundle.hex()}, {"bundleBytes", first.bundle_bytes}, {"parts", rows}},
                 file + ": " + human_bytes(first.bundle_bytes) + " in " + count_parts(parts.size()) + "\n  bundle  " + first.bundle.prefixed() + "\n" + table.text()));
  return 0;
}

Result<int> list(const Shell& shell) {
  std::vector<Json> items;
  Table table({"SET", "PARTS", "HELD", "MISSING", "SIZE"});
  for (const PartSet& set : TRY(PartBox::list(TRY(shell.home()).incoming()))) {
    items.push_back(set_json(set));
    table.add({set.label(), std::to_string(set.parts()), ranges(held_numbers(set)), ranges(set.missing()),
               human_bytes(set.held_bytes()) + " of " + human_bytes(set.held.begin()->second.bundle_bytes)});
  }
  TRY(shell.emit_list(items, table, "no parts are waiting for others"));
  return 0;
}

Result<int> discard(const Shell& shell, const std::string& prefix) {
  const HomePaths home = TRY(shell.prepared_home());
  PartBox box = TRY(PartBox::open(home.incoming(), Wait::kNo));
  std::vector<PartSet> sets = TRY(PartBox::list(home.incoming()));
  std::erase_if(sets, [&](const PartSet& set) { return !set.bundle.hex().starts_with(prefix); });
  if (prefix.empty() || sets.empty()) return fail(Code::kNotFound, "a set of parts whose digest begins with \"" + prefix + "\"");
  if (sets.size() > 1) return fail(Code::kUsage, std::to_string(sets.size()) + " sets begin with " + prefix + ": give more digits");
  TRY(box.remove(sets.front()));
  TRY(shell.emit({{"discarded", set_json(sets.front())}},
                 "discarded " + count_parts(sets.front().held.size()) + " of bundle " + sets.front().label() + "\n"));
  return 0;
}

}  // namespace

Result<ImportSource> ImportSource::take(Shell& shell, const std::string& box_folder, const std::vector<std::string>& files, const Limits& limits,
                                        Wait wait) {
  if (files.size() == 1 && !bundle::is_part(files.front())) return ImportSource(files.front());
  GivenParts given = TRY(open_parts(files, limits));
  if (given.good.empty()) return fail(all_of(given.damaged));
  PartBox box = TRY(PartBox::open(box_folder, wait));
  PartSet set = TRY(box.find(given.good.front().header().bundle));
  TRY(add_parts(shell, box, set, given));
  if (!set.complete()) {
    if (!set.held.empty()) TRY(report_waiting(shell, set));
    if (!given.damaged.empty()) return fail(all_of(given.damaged));
    return fail(Code::kPartsMissing, (set.missing().size() == 1 ? "part " : "parts ") + ranges(set.missing()) + " of " + std::to_string(set.parts()) + " of bundle " + set.label());
  }
  // Another copy of each of these is held: nothing is missing without them.
  for (const Error& damaged : given.damaged) shell.say("not needed: " + damaged.context);
  const auto line = status_line(shell);
  ImportSource source(TRY(box.prove(set, byte_progress(shell, "checking the parts", line))));
  source.joined_.emplace(std::move(box), std::move(set));
  return source;
}

void ImportSource::settle(const Shell& shell, const bundle::ImportOutcome& outcome) {
  if (!joined_ || (!outcome.verdict.activated && !outcome.quarantined)) return;
  const auto removed = joined_->box.remove(joined_->set);
  if (!removed)  // ignoring: the import itself has ended; they can be removed at any time
    shell.say("the parts are still held (" + describe(removed.error()) + "): `airlock bundle parts discard " + joined_->set.label() + "`");
  joined_.reset();
}

void register_bundle_split(CLI::App& group, Shell& shell) {
  auto file = std::make_shared<std::string>(), size = std::make_shared<std::string>(), folder = std::make_shared<std::string>();
  CLI::App* command = add_command(group, shell, "split", "cut a bundle into parts for smaller media (connected side)",
                                  [&shell, file, size, folder] { return split(shell, *file, *size, *folder); });
  command->add_option("file", *file, "the bundle; it stays as it is")->required();
  command->add_option("--size", *size, "what one medium holds, such as 4GiB or 700MiB: no part file is larger")->required();
  command->add_option("-o,--output", *folder, "folder for FILE.partNN-of-MM (default: beside FILE)");
}

void register_bundle_parts(CLI::App& group, Shell& shell) {
  CLI::App* parts = group.add_subcommand("parts", "parts of bundles that wait for the rest");
  parts->require_subcommand(1);
  add_command(*parts, shell, "list", "list what is held and what is missing", [&shell] { return list(shell); });
  auto prefix = std::make_shared<std::string>();
  CLI::App* command = add_command(*parts, shell, "discard", "forget the parts of one bundle", [&shell, prefix] { return discard(shell, *prefix); });
  command->add_option("set", *prefix, "how the bundle's SHA-256 begins, as the list shows it")->required();
}

}  // namespace airlock::cli
