// audit/projection: folds the events of one job or run into its record, as manifests/audit_records.h lays it
// down.
//
// Folding is associative: a record may be folded from parts of the history and the parts joined, so that the
// exporter need not hold all records of a window at once. A record's own line is the form in which a part is
// put aside.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "manifests/audit_records.h"

namespace airlock::audit {

class Projection {
 public:
  explicit Projection(manifests::SubjectType type);  // kJob or kRun; kStep inside a run

  // An event of this subject, or of a step of it. `id` as parse_subject gives it.
  void add(const manifests::EventView& event, const manifests::Subject& subject);
  // Joins what comes later in the history.
  void join(Projection&& later);

  std::string line() const;  // without LF
  static Result<Projection> read(manifests::SubjectType type, const manifests::LineValue& line);
  std::size_t bytes() const { return bytes_; }  // about what it holds

 private:
  void set(std::size_t member, std::string value);
  void add_to_step(const manifests::EventView& event, const manifests::Subject& subject);
  void write(std::string& out) const;

  manifests::SubjectType type_;
  std::vector<std::string> members_;                      // JSON texts, by place in the table; empty: absent
  std::vector<std::string> attempts_;                     // of a step
  std::map<std::string, Projection, std::less<>> steps_;  // of a run
  std::size_t bytes_ = 0;
};

}  // namespace airlock::audit
