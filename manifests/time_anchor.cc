#include "manifests/time_anchor.h"

#include <utility>

#include "base/json.h"

namespace airlock::manifests {

std::string_view to_string(AnchorSource source) {
  switch (source) {
    case AnchorSource::kRfc3161: return "rfc3161";
    case AnchorSource::kRoughtime: return "roughtime";
  }
  std::unreachable();
}

std::string_view to_string(AnchorFormat format) {
  switch (format) {
    case AnchorFormat::kResponse: return "rfc3161-response";
    case AnchorFormat::kToken: return "rfc3161-token";
    case AnchorFormat::kReport: return "roughtime-report";
  }
  std::unreachable();
}

AnchorSource source_of(AnchorFormat format) {
  return format == AnchorFormat::kReport ? AnchorSource::kRoughtime : AnchorSource::kRfc3161;
}

Result<TimeAnchor> parse_time_anchor(std::string_view text, const Limits& limits) {
  if (text.size() > limits.metadata_bytes) return fail(Code::kTooLarge, std::string(kTimeAnchorPath));
  const Json document = TRY(parse_json(text, kTimeAnchorPath, limits.json_depth));
  ObjectReader reader = TRY(ObjectReader::of(document, std::string(kTimeAnchorPath)));
  const std::string source = TRY(reader.string("source")), format = TRY(reader.string("format"));
  for (const AnchorFormat known : {AnchorFormat::kResponse, AnchorFormat::kToken, AnchorFormat::kReport}) {
    if (format != to_string(known)) continue;
    if (source != to_string(source_of(known)))
      return fail(Code::kTimeAnchor, reader.path_of("source") + ": \"" + source + "\" with format " + format);
    const Instant time = TRY(reader.instant("anchorTime"));
    const Digest token = TRY(reader.digest("tokenDigest")), signature = TRY(reader.digest("signatureFingerprint"));
    TRY(reader.finish());
    return TimeAnchor{time, known, token, signature};
  }
  return fail(Code::kTimeAnchor, reader.path_of("format") + ": \"" + format + "\" is not known");
}

std::string write_time_anchor(const TimeAnchor& anchor) {
  return canonical_json(Json{{"anchorTime", anchor.time.text()},
                             {"source", to_string(source_of(anchor.format))},
                             {"format", to_string(anchor.format)},
                             {"tokenDigest", anchor.token_digest.prefixed()},
                             {"signatureFingerprint", anchor.signature_fingerprint.prefixed()}}) +
         "\n";
}

}  // namespace airlock::manifests
