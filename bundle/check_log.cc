#include "bundle/check_log.h"

namespace airlock::bundle {
namespace {

// Which check an error belongs to, when it is not the one in progress: the archive is read while others go on.
std::string_view check_of(Code code, std::string_view in_progress) {
  const std::string_view text = code_info(code).text;
  if (text.starts_with("archive:")) return kCheckArchive;
  if (text.starts_with("member-")) return kCheckMembers;
  if (text.starts_with("tuf:")) return kCheckTuf;
  return in_progress;
}

}  // namespace

void CheckLog::refused(std::string_view name, const Error& error) {
  add({std::string(check_of(error.code, name)), false, describe(error)});
}

void CheckLog::add(Check check) {
  verdict_.checks.push_back(std::move(check));
  if (observer_) observer_(verdict_.checks.back());
}

void CheckLog::set_bundle(const BundleId& bundle, const std::string& version, std::uint64_t generation, const Digest& manifest_sha256) {
  verdict_.bundle_id = bundle.str();
  verdict_.version = version;
  verdict_.generation = generation;
  verdict_.manifest_sha256 = manifest_sha256;
}

Verdict CheckLog::activated() const {
  Verdict verdict = verdict_;
  verdict.activated = true;
  return verdict;
}

}  // namespace airlock::bundle
