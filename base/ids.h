// base/ids: one type for each kind of name, so that swapped arguments do not compile. The way in is parse().
#pragma once

#include <compare>
#include <functional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace airlock {

// A rule says which strings are names of a kind. All are safe as one path component and in a log line.
namespace id_rule {
struct Slug {  // [a-z0-9][a-z0-9._-]{0,127}: bundle ids, tenants, plugin names, DAG ids
  static bool ok(std::string_view text);
  static constexpr std::string_view form = "[a-z0-9][a-z0-9._-]{0,127}";
};
struct Step {  // like Slug, also [N] at the end for an expanded forEach step, and upper case
  static bool ok(std::string_view text);
  static constexpr std::string_view form = "[A-Za-z0-9][A-Za-z0-9._-]{0,127}, with [N] when expanded";
};
struct Uuid {  // lower-case UUID with hyphens
  static bool ok(std::string_view text);
  static constexpr std::string_view form = "a lower-case UUID";
};
}  // namespace id_rule

std::unexpected<Error> bad_id(std::string_view kind, std::string_view text, std::string_view form);

template <class Tag, class Rule>
class Id {
 public:
  static Result<Id> parse(std::string_view text) {
    if (!Rule::ok(text)) return bad_id(Tag::kind, text, Rule::form);
    return Id(std::string(text));
  }
  const std::string& str() const { return text_; }
  friend auto operator<=>(const Id&, const Id&) = default;

 private:
  explicit Id(std::string text) : text_(std::move(text)) {}
  std::string text_;
};

namespace id_tag {
struct Tenant { static constexpr std::string_view kind = "tenant"; };
struct Bundle { static constexpr std::string_view kind = "bundle id"; };
struct Dag { static constexpr std::string_view kind = "DAG id"; };
struct Plugin { static constexpr std::string_view kind = "plugin name"; };
struct Step { static constexpr std::string_view kind = "step id"; };
struct Run { static constexpr std::string_view kind = "run id"; };
struct Job { static constexpr std::string_view kind = "job id"; };
}  // namespace id_tag

using TenantId = Id<id_tag::Tenant, id_rule::Slug>;
using BundleId = Id<id_tag::Bundle, id_rule::Slug>;
using DagId = Id<id_tag::Dag, id_rule::Slug>;
using PluginName = Id<id_tag::Plugin, id_rule::Slug>;
using StepId = Id<id_tag::Step, id_rule::Step>;
using RunId = Id<id_tag::Run, id_rule::Uuid>;
using JobId = Id<id_tag::Job, id_rule::Uuid>;

}  // namespace airlock

template <class Tag, class Rule>
struct std::hash<airlock::Id<Tag, Rule>> {
  std::size_t operator()(const airlock::Id<Tag, Rule>& id) const { return std::hash<std::string>{}(id.str()); }
};
