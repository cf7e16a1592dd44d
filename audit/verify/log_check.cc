#include "audit/verify/log_check.h"

#include "verify/merkle_proof.h"
#include "verify/note.h"

namespace airlock::audit {

using manifests::AuditTree;
namespace audit_path = manifests::audit_path;

void LogCheck::compact_range(std::string_view bytes) {
  const std::string file(audit_path::kCompactRange);
  auto document = manifests::parse_compact_range(bytes);
  if (!document) return findings_.add(CheckId::kMerkleRoot, file, 0, document.error().context);
  if (document->size != manifest_.from_seq)
    return findings_.add(CheckId::kMerkleRoot, file, 0,
                         "is the edge at " + std::to_string(document->size) + ", but the window begins at " +
                             std::to_string(manifest_.from_seq));
  auto range = CompactRange::restore(document->size, std::move(document->nodes));
  if (!range) return findings_.add(CheckId::kMerkleRoot, file, 0, range.error().context);
  tree_ = std::move(*range);
  have_edge_ = true;
  if (manifest_.previous) watch(manifest_.previous->size);
  if (earlier_) watch(earlier_->size);
  note_head();
}

void LogCheck::consistency(std::string_view bytes) {
  auto document = manifests::parse_consistency(bytes);
  const std::string file(audit_path::kConsistency);
  if (!document) return findings_.add(CheckId::kConsistency, file, 0, document.error().context);
  const auto same = [](const std::optional<AuditTree>& a, const std::optional<AuditTree>& b) {
    return a.has_value() == b.has_value() && (!a || (a->size == b->size && a->root == b->root));
  };
  if (document->tree_size != manifest_.to_seq || !same(document->previous, manifest_.previous))
    return findings_.add(CheckId::kConsistency, file, 0,
                         "is a proof for other tree heads than the manifest's");
  proof_ = std::move(*document);
}

std::optional<AuditTree> LogCheck::verified_note(CheckId check, const std::string& file,
                                                 std::string_view bytes,
                                                 const std::vector<verify::PublicKey>& keys) {
  // Only the site's own key speaks for its log: a co-signer of the export must not be able to.
  const std::string name = "airlock/" + manifest_.instance;
  std::vector<verify::PublicKey> site;
  for (const verify::PublicKey& key : keys)
    if (key.key_id().starts_with(manifest_.instance)) site.push_back(key);
  if (site.empty()) {
    findings_.add(check, file, 0, "none of the given keys is the key of the site " + manifest_.instance);
    return std::nullopt;
  }
  const auto note = verify::verify_checkpoint(bytes, name, site);
  if (!note) {
    findings_.add(check, file, 0, describe(note.error()));
    return std::nullopt;
  }
  const verify::Checkpoint& head = note->get();
  const std::string origin = name + "/" + manifest_.tenant.str();
  if (head.origin != origin) {
    findings_.add(check, file, 0, "is of the log " + head.origin + ", not of " + origin);
    return std::nullopt;
  }
  return AuditTree{head.size, head.root};
}

void LogCheck::checkpoint(std::string_view bytes, const std::vector<verify::PublicKey>& keys) {
  const std::string file(audit_path::kCheckpoint);
  const auto head = verified_note(CheckId::kCheckpoint, file, bytes, keys);
  if (!head) return;
  if (head->size != manifest_.to_seq || head->root != manifest_.root)
    return findings_.add(CheckId::kCheckpoint, file, 0,
                         "is the head of " + std::to_string(head->size) +
                             " events and not the one that the manifest names, of " +
                             std::to_string(manifest_.to_seq));
  findings_.seen(CheckId::kCheckpoint, "head of " + std::to_string(head->size) +
                                           " events, signed by the site " + manifest_.instance);
}

void LogCheck::earlier(std::string_view bytes, const std::vector<verify::PublicKey>& keys) {
  earlier_ = verified_note(CheckId::kConsistency, "--previous", bytes, keys);
}

void LogCheck::note_head() {
  if (heads_.empty()) return;
  if (const auto it = heads_.find(tree_.size()); it != heads_.end()) it->second = tree_.root();
}

void LogCheck::add(const Digest& leaf) {
  if (!have_edge_ || lines_suffice()) return;
  tree_.append(leaf);
  note_head();
}

void LogCheck::check_extends(const AuditTree& old, bool given, std::vector<std::string>& seen) {
  const std::string which = given ? "the log given with --previous" : "the previous export";
  const std::string where(given ? std::string_view("--previous") : audit_path::kConsistency);
  const std::string sizes = which + " (" + std::to_string(old.size) + " events)";
  if (old.size > manifest_.to_seq)
    return findings_.add(CheckId::kConsistency, where, 0,
                         sizes + " is longer than this one, which has " + std::to_string(manifest_.to_seq));
  const auto head = heads_.find(old.size);
  if (head != heads_.end() && head->second && *head->second != old.root)
    return findings_.add(CheckId::kConsistency, where, 0,
                         "the first " + std::to_string(old.size) + " events are not those of " + which);
  const bool proven = proof_ && proof_->previous && proof_->previous->size == old.size;
  if (proven) {
    if (const auto ok =
            verify::check_consistency(old.size, old.root, manifest_.to_seq, manifest_.root, proof_->proof);
        !ok)
      return findings_.add(CheckId::kConsistency, where, 0, ok.error().context);
  } else if (head == heads_.end() || !head->second) {
    return findings_.add(CheckId::kConsistency, where, 0,
                         sizes + " ends before this window and the bundle holds no proof for it; " +
                             "have it exported with --previous");
  }
  seen.push_back("extends " + sizes);
}

void LogCheck::finish(const CompactRange& lines) {
  const std::string file(audit_path::kHistory);
  if (have_edge_ && lines_suffice()) tree_ = lines;
  if (have_edge_) {
    if (tree_.size() != manifest_.to_seq)
      findings_.add(CheckId::kMerkleRoot, file, 0,
                    "has events up to " + std::to_string(tree_.size()) + ", but the window ends at " +
                        std::to_string(manifest_.to_seq));
    else if (tree_.root() != manifest_.root)
      findings_.add(CheckId::kMerkleRoot, file, 0,
                    "hashes to " + tree_.root().hex() + ", but the tree head is " + manifest_.root.hex());
  }
  findings_.seen(
      CheckId::kMerkleRoot,
      "recomputed " + manifest_.root.hex().substr(0, 16) + "... from " +
          std::to_string(manifest_.to_seq - manifest_.from_seq) + " events" +
          (manifest_.from_seq > 0 ? " and the edge of " + std::to_string(manifest_.from_seq) : ""));
  std::vector<std::string> seen;
  if (manifest_.previous) check_extends(*manifest_.previous, false, seen);
  if (earlier_) check_extends(*earlier_, true, seen);
  std::string text = seen.empty() ? "no earlier export to compare with" : seen[0];
  for (std::size_t i = 1; i < seen.size(); ++i) text += "; " + seen[i];
  findings_.seen(CheckId::kConsistency, text);
}

}  // namespace airlock::audit
