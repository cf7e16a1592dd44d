// base/result: Result<T>, the only way a function of airlock reports failure.
//
// Libraries return errors; only the programs in cli/ print them (docs/architecture.md, "Errors").
#pragma once

#include <expected>
#include <utility>

#include "base/error.h"

namespace airlock {

// std::expected of g++ 12 is not [[nodiscard]]; this wrapper is, so a forgotten check does not compile.
template <class T>
class [[nodiscard]] Result : public std::expected<T, Error> {
 public:
  using std::expected<T, Error>::expected;
};

// fail(Code::kX, "what and where") is what a function returns when it refuses.
inline std::unexpected<Error> fail(Code code, std::string context) {
  return std::unexpected<Error>(Error{code, std::move(context)});
}
inline std::unexpected<Error> fail(Error error) { return std::unexpected<Error>(std::move(error)); }

namespace detail {
template <class T>
T take_value(Result<T>& r) {
  return std::move(*r);
}
inline void take_value(Result<void>&) {}
}  // namespace detail

}  // namespace airlock

// TRY(expr): the value of expr, or return its error to the caller. Works for void and move-only values, and nests.
// Not inside braces behind another element: GCC would leak that element (tests/house/initializers.py).
#define TRY(expr) AIRLOCK_TRY_AS(AIRLOCK_JOIN(try_result_, __COUNTER__), expr)
#define AIRLOCK_TRY_AS(name, expr)                                     \
  __extension__({                                                      \
    auto name = (expr);                                                \
    if (!name) return ::airlock::fail(std::move(name.error()));        \
    ::airlock::detail::take_value(name);                               \
  })
#define AIRLOCK_JOIN(a, b) AIRLOCK_JOIN_EXPANDED(a, b)
#define AIRLOCK_JOIN_EXPANDED(a, b) a##b
