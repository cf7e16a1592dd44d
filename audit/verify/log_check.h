// audit/verify/log_check: recomputes the tenant's log from the lines of history.jsonl, from its left edge on,
// and holds the result against the checkpoint and earlier tree heads.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "audit/verify/findings.h"
#include "base/merkle.h"
#include "manifests/audit.h"
#include "verify/keys.h"

namespace airlock::audit {

class LogCheck {
 public:
  LogCheck(const manifests::AuditManifest& manifest, Findings& findings)
      : manifest_(manifest), findings_(findings) {}

  // The three files of proofs/, which stand before history.jsonl. `earlier`: from --previous, already
  // verified.
  void compact_range(std::string_view bytes);
  void consistency(std::string_view bytes);
  void checkpoint(std::string_view bytes, const std::vector<verify::PublicKey>& keys);
  // The note that --previous named: verified like this bundle's own.
  void earlier(std::string_view bytes, const std::vector<verify::PublicKey>& keys);

  void add(const Digest& leaf);            // the next event of the window
  void finish(const CompactRange& lines);  // after the last; the tree over the window's lines alone

 private:
  std::optional<manifests::AuditTree> verified_note(CheckId check, const std::string& file,
                                                    std::string_view bytes,
                                                    const std::vector<verify::PublicKey>& keys);
  // Nothing is known yet about the head at `size`; if the window passes it, it will be recomputed.
  void watch(std::uint64_t size) { heads_.emplace(size, std::nullopt); }
  void note_head();
  // The window's own tree is the log's when it begins with the log: no need to hash it twice.
  bool lines_suffice() const { return manifest_.from_seq == 0 && heads_.empty(); }
  void check_extends(const manifests::AuditTree& old, bool given, std::vector<std::string>& seen);

  const manifests::AuditManifest& manifest_;
  Findings& findings_;
  CompactRange tree_;
  bool have_edge_ = false;
  std::map<std::uint64_t, std::optional<Digest>> heads_;
  std::optional<manifests::ConsistencyDocument> proof_;
  std::optional<manifests::AuditTree> earlier_;
};

}  // namespace airlock::audit
