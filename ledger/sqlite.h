// ledger/sqlite: SQLite behind Result, for ledger/ and jobs/ only. Statements are prepared once a connection.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "base/digest.h"
#include "base/ids.h"
#include "base/json.h"
#include "base/result.h"
#include "base/time.h"

struct sqlite3;
struct sqlite3_stmt;

namespace airlock::sql {

// One execution of a statement. Values are read between step() and the next step(); views end there too.
class Statement {
 public:
  Statement(Statement&& other) noexcept;
  Statement& operator=(Statement&&) = delete;
  ~Statement();

  Result<bool> step();                       // true: a row is there

  std::int64_t integer(int column) const;
  std::uint64_t count(int column) const { return static_cast<std::uint64_t>(integer(column)); }
  std::string_view bytes(int column) const;  // text or blob, byte exact
  std::string text(int column) const { return std::string(bytes(column)); }
  bool null(int column) const;
  int columns() const;
  int type(int column) const;                // SQLITE_INTEGER ... as sqlite3.h has them

  // What the ledger wrote must read back: kLedgerTampered, naming the value, when somebody put something else there.
  Result<Digest> digest(int column) const;
  Result<std::optional<Digest>> maybe_digest(int column) const;
  Result<Json> json(int column) const;
  Result<std::optional<Json>> maybe_json(int column) const;
  Instant instant(int column) const { return Instant::from_millis(integer(column)); }
  std::optional<Instant> maybe_instant(int column) const;
  std::optional<std::string> maybe_text(int column) const;
  template <class T>
  Result<T> id(int column) const {
    auto parsed = T::parse(bytes(column));
    if (!parsed) return fail(Code::kLedgerTampered, "a row holds a " + parsed.error().context);
    return parsed;
  }
  template <class T>
  Result<std::optional<T>> maybe_id(int column) const {
    if (null(column)) return std::optional<T>();
    return std::optional<T>(TRY(id<T>(column)));
  }

 private:
  friend class Connection;
  Statement(sqlite3_stmt* stmt, bool owned) : stmt_(stmt), owned_(owned) {}
  sqlite3_stmt* stmt_;
  bool owned_;                               // finalize at the end instead of keeping it for the next use
};

enum class Mode { kReadWrite, kReadOnly, kMemory };

class Connection {
 public:
  // kMemory: a private database that spills to a temporary file; `path` is then only its name in errors.
  static Result<std::unique_ptr<Connection>> open(const std::string& path, Mode mode, const std::string& vfs,
                                                  Millis busy_timeout);
  Connection(const Connection&) = delete;
  Connection& operator=(const Connection&) = delete;
  ~Connection();

  // Arguments bind to ?1, ?2 ... : integers, text, Digest (blob), Blob, Instant (millis), ids, Json (canonical), optional.
  template <class... Args>
  Result<Statement> query(std::string_view sql, const Args&... args) {
    Statement statement = TRY(prepare(sql));
    [[maybe_unused]] int at = 0;
    (bind(statement, ++at, args), ...);
    return statement;
  }
  // For statements without rows; gives how many rows changed.
  template <class... Args>
  Result<std::int64_t> run(std::string_view sql, const Args&... args) {
    Statement statement = TRY(query(sql, args...));
    TRY(statement.step());
    return changes();
  }
  Result<void> script(const std::string& sql);   // several statements, no arguments

  const std::string& path() const { return path_; }
  bool writable() const;
  bool in_transaction() const;
  sqlite3* raw() const { return db_; }
  // The error of a failed call on `db`, by SQLite's code and the state of the file system.
  static Error error_of(sqlite3* db, int rc, const std::string& path);

  struct Blob { std::string_view bytes; };

 private:
  Connection(sqlite3* db, std::string path) : db_(db), path_(std::move(path)) {}
  Result<Statement> prepare(std::string_view sql);
  std::int64_t changes() const;

  static void bind(Statement& s, int at, std::int64_t value);
  static void bind(Statement& s, int at, std::uint64_t value) { bind(s, at, static_cast<std::int64_t>(value)); }
  static void bind(Statement& s, int at, std::uint32_t value) { bind(s, at, static_cast<std::int64_t>(value)); }
  static void bind(Statement& s, int at, int value) { bind(s, at, static_cast<std::int64_t>(value)); }
  static void bind(Statement& s, int at, bool value) { bind(s, at, static_cast<std::int64_t>(value)); }
  static void bind(Statement& s, int at, std::string_view text);
  static void bind(Statement& s, int at, const std::string& text) { bind(s, at, std::string_view(text)); }
  static void bind(Statement& s, int at, const char* text) { bind(s, at, std::string_view(text)); }
  static void bind(Statement& s, int at, const Blob& blob);
  static void bind(Statement& s, int at, const Digest& digest) { bind(s, at, Blob{digest.raw()}); }
  static void bind(Statement& s, int at, Instant t) { bind(s, at, t.millis()); }
  static void bind(Statement& s, int at, const Json& json) { bind(s, at, canonical_json(json)); }
  static void bind_null(Statement& s, int at);
  template <class Tag, class Rule>
  static void bind(Statement& s, int at, const Id<Tag, Rule>& id) { bind(s, at, std::string_view(id.str())); }
  template <class T>
  static void bind(Statement& s, int at, const std::optional<T>& value) {
    if (value) bind(s, at, *value);
    else bind_null(s, at);
  }

  sqlite3* db_;
  std::string path_;
  std::unordered_map<std::string, sqlite3_stmt*> prepared_;
};

}  // namespace airlock::sql
