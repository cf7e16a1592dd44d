// base/error: one table of every refusal airlock can give.
//
// A code is a stable string that scripts match on; its exit status follows page "Exit status" of docs/operations.md.
// Callers and tests look at `code`; people read title, context and remedy. The table is base/error_codes.def,
// docs/errors.md is generated from it.
#pragma once

#include <span>
#include <string>
#include <string_view>

namespace airlock {

enum class Code {
#define AIRLOCK_CODE(name, text, exit_status, title, remedy) name,
#include "base/error_codes.def"
#undef AIRLOCK_CODE
};

struct Error {
  Code code;
  std::string context;      // what and where: "member data/osv/a.json, offset 81920"
  std::string suffix = {};  // of codes that name a thing: "advisories" makes "stale:advisories" of kStale
};

// The code as scripts see it: its stable text, and the suffix where there is one.
std::string code_text(const Error& error);

struct CodeInfo {
  Code code;
  std::string_view text;    // "dsse:threshold", stable
  int exit_status;          // what the program exits with
  std::string_view title;   // what went wrong, without a final stop
  std::string_view remedy;  // the operator's next step, one sentence
};

const CodeInfo& code_info(Code code);
std::span<const CodeInfo> all_codes();

// One line, "title: context": what a log or a verdict shows. Control characters are escaped.
std::string describe(const Error& error);

// `text` with every byte that could move a terminal's cursor or break a line written as \xNN.
std::string printable(std::string_view text);

}  // namespace airlock
