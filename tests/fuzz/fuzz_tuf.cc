// TUF metadata of any role: what parses has a canonical form that does not depend on how the file was laid out, and a
// whole update over files that are all this one ends.
#include <map>

#include "base/olpc_json.h"
#include "fuzz.h"
#include "verify/tuf/paths.h"
#include "verify/tuf/updater.h"

using namespace airlock;
using namespace airlock::verify::tuf;

namespace {

// What parses, written anew, is the same document.
template <class Parse>
void check_document(std::string_view bytes, const Parse& parse) {
  const auto document = parse(bytes);
  if (!document) return;
  fuzz::require(document->version > 0 && !document->canonical.empty());
  const Json json = parse_json(bytes, "again").value();
  const auto again = parse(canonical_json(json));
  fuzz::require(again && again->canonical == document->canonical && again->signatures == document->signatures);
}

// Every name gets the same bytes: a repository that answers nonsense to everything.
class OneAnswer : public Source, public Keeper {
 public:
  explicit OneAnswer(std::string_view bytes) : bytes_(bytes) {}
  Result<std::optional<std::string>> metadata(const std::string& name, std::uint64_t) override {
    fuzz::require(name.find('/') == std::string::npos);
    return std::optional(bytes_);
  }
  Result<std::optional<std::string>> target(const std::string&, std::uint64_t) override { return std::optional(bytes_); }
  Result<std::optional<std::string>> load(std::string_view) override { return std::optional(bytes_); }
  Result<void> keep(std::string_view, std::string_view) override { return {}; }

 private:
  std::string bytes_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes = fuzz::text(data, size);
  check_document(bytes, [](std::string_view b) { return parse_root(b); });
  check_document(bytes, [](std::string_view b) { return parse_timestamp(b); });
  check_document(bytes, [](std::string_view b) { return parse_snapshot(b); });
  check_document(bytes, [](std::string_view b) { return parse_targets(b, "role"); });
  if (const auto targets = parse_targets(bytes, "role"); targets && targets->body.delegations) {
    for (const DelegatedRole& role : targets->body.delegations->roles) {
      fuzz::require(file_name(role.name).find('/') == std::string::npos);
      (void)is_delegated(role, "a/b/c.txt");
    }
    if (targets->body.delegations->succinct) (void)succinct_role_of(*targets->body.delegations->succinct, "a/b");
  }
  OneAnswer answer(bytes);
  auto updater = Updater::start(answer, answer, Instant::from_millis(0), {.root_updates = 8});
  if (updater && updater->refresh()) (void)updater->find("a/b");
  return 0;
}
