// merkle: RFC 6962 / 9162 inclusion and consistency proofs, inline in each case.
#include "base/encoding.h"
#include "sets.h"
#include "verify/merkle_proof.h"

namespace airlock::conformance {
namespace {

// A hash of another length than 32 bytes is a refusal of the vector, not a defect of it.
Result<Digest> digest_of(const Json& vector, const char* field) {
  const Json value = vector.value(field, Json());
  if (!value.is_string()) return fail(Code::kField, std::string(field) + " is missing");
  return Digest::from_raw(TRY(from_base64(value.get<std::string>())));
}

// The heads of two trees of one size are compared and never hashed, so a vector may have any bytes there. Bytes of another
// length are then stood for by their hash, which is equal exactly when they are.
Result<Digest> head_of(const Json& vector, const char* field) {
  const bool compared_only = vector.value("size1", Json()) == vector.value("size2", Json());
  if (!compared_only) return digest_of(vector, field);
  const std::string bytes = TRY(from_base64(vector.value(field, "")));
  return bytes.size() == Digest::kSize ? Digest::from_raw(bytes) : Digest::of(bytes);
}

Result<verify::Proof> proof_of(const Json& vector) {
  verify::Proof proof;
  const Json hashes = vector.value("proof", Json());
  if (hashes.is_null()) return proof;
  for (const Json& hash : hashes) proof.push_back(TRY(Digest::from_raw(TRY(from_base64(hash.get<std::string>())))));
  return proof;
}

Result<std::uint64_t> number_of(const Json& vector, const char* field) {
  const Json value = vector.value(field, Json());
  if (!value.is_number_unsigned()) return fail(Code::kField, std::string(field) + " is not a whole number, zero or more");
  return value.get<std::uint64_t>();
}

Result<void> check(const std::string& kind, const Json& v) {
  if (kind == "consistency")
    return verify::check_consistency(TRY(number_of(v, "size1")), TRY(head_of(v, "root1")), TRY(number_of(v, "size2")),
                                     TRY(head_of(v, "root2")), TRY(proof_of(v)));
  const bool real = kind == "inclusion-real";
  Digest leaf = Digest::of_empty();
  if (real) leaf = merkle_leaf(TRY(from_base64(v.value("body", ""))));
  else leaf = TRY(digest_of(v, "leafHash"));
  return verify::check_inclusion(TRY(number_of(v, real ? "logIndex" : "leafIdx")), TRY(number_of(v, "treeSize")), leaf,
                                 TRY(proof_of(v)), TRY(digest_of(v, "root")));
}

}  // namespace

void run_merkle(const Case& c, Report& report) {
  const std::string kind = c.kind();
  if (kind != "inclusion" && kind != "consistency" && kind != "inclusion-real")
    return report.differ("a known kind", kind, "nothing to run it with");
  report.judge(c.expect(), check(kind, c.json().value("vector", Json::object())));
}

}  // namespace airlock::conformance
