#include <sys/stat.h>

#include "audit/audit.h"
#include "audit/files.h"
#include "audit/pack.h"
#include "audit/verify/source.h"
#include "base/io.h"
#include "base/limits.h"
#include "manifests/audit.h"
#include "verify/dsse.h"

namespace airlock::audit {
namespace {

Result<std::string> read_signatures(const std::string& path) {
  const auto source = TRY(open_source(path));
  const auto first = TRY(source->next());
  if (!first || first->path != manifests::audit_path::kSignatures)
    return fail(Code::kAuditManifest,
                path + " is not an audit bundle: " + std::string(manifests::audit_path::kSignatures) +
                    " does not come first");
  return source->read_all(Limits{}.manifest_bytes);
}

Result<void> replace_in_archive(const std::string& path, std::string_view envelope) {
  const Staging staging = TRY(Staging::make(path));
  const std::string made = staging.path() + "/bundle.tar.zst";
  TRY(replace_first_member(path, envelope, made));
  // COMMIT POINT: before it the bundle with the old signatures, after it with the new one; no reader sees a
  // mixture; test: adding a signature changes nothing but the signatures
  if (::rename(made.c_str(), path.c_str()) != 0) return os_fail("rename", path);
  const auto slash = path.rfind('/');
  return sync_dir(slash == std::string::npos ? "." : (slash == 0 ? "/" : path.substr(0, slash)));
}

}  // namespace

Result<std::size_t> add_signature(const std::string& path, const Signer& signer) {
  verify::Envelope envelope =
      TRY(verify::parse_envelope(TRY(read_signatures(path)), manifests::audit_path::kSignatures));
  TRY(manifests::parse_audit_statement(
      envelope.payload));  // never sign what is not an audit bundle's statement
  const std::string before = verify::write_envelope(envelope);
  TRY(verify::add_signature(envelope, signer));
  const std::string after = verify::write_envelope(envelope);
  if (after == before) return envelope.signatures.size();
  struct stat st {};
  if (::stat(path.c_str(), &st) != 0) return os_fail("stat", path);
  if (S_ISDIR(st.st_mode))
    TRY(write_file_durably(path + "/" + std::string(manifests::audit_path::kSignatures), after));
  else TRY(replace_in_archive(path, after));
  return envelope.signatures.size();
}

}  // namespace airlock::audit
