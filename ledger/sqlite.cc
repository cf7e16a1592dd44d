#include "ledger/sqlite.h"

#include <errno.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <utility>

#include "base/io.h"

namespace airlock::sql {
namespace {

// Whether the folder or file system refuses changes, which SQLite itself reports in several ways.
bool unwritable(const std::string& path) {
  const std::size_t slash = path.rfind('/');
  const std::string folder = slash == std::string::npos ? "." : path.substr(0, slash + 1);
  if (::access(folder.c_str(), W_OK) == 0) return false;
  return errno == EROFS || errno == EACCES || errno == EPERM;
}

Code code_of(sqlite3* db, int rc, const std::string& path) {
  switch (rc & 0xFF) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
    case SQLITE_PROTOCOL: return Code::kLedgerBusy;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB: return Code::kLedgerCorrupt;
    case SQLITE_FULL: return Code::kDiskFull;
    case SQLITE_READONLY: return Code::kStateReadOnly;
    case SQLITE_PERM: return Code::kPermission;
    case SQLITE_CANTOPEN:
      if (!path_exists(path)) return Code::kNotFound;
      return unwritable(path) ? Code::kStateReadOnly : Code::kIo;
    case SQLITE_IOERR:
      if (rc == SQLITE_IOERR_SHORT_READ) return Code::kLedgerCorrupt;
      if (db != nullptr && sqlite3_system_errno(db) != 0)
        return os_error("sqlite", path, sqlite3_system_errno(db)).code;
      return Code::kIo;
    default: return Code::kLedger;
  }
}

constexpr const char* kPragmas =
    "PRAGMA synchronous=FULL;"  // a commit that was answered survives a power cut
    "PRAGMA foreign_keys=ON;"
    "PRAGMA recursive_triggers=ON;"  // so that REPLACE cannot delete behind the append-only triggers
    "PRAGMA trusted_schema=OFF;"
    "PRAGMA cell_size_check=ON;"
    "PRAGMA journal_size_limit=67108864;";

Result<void> configure(Connection& db, Mode mode) {
  sqlite3_db_config(db.raw(), SQLITE_DBCONFIG_DEFENSIVE, 1, nullptr);
  sqlite3_db_config(db.raw(), SQLITE_DBCONFIG_TRUSTED_SCHEMA, 0, nullptr);
  sqlite3_extended_result_codes(db.raw(), 1);
  TRY(db.script(kPragmas));
  switch (mode) {
    case Mode::kReadWrite: return {};
    case Mode::kReadOnly: return db.script("PRAGMA query_only=ON");
    case Mode::kMemory:
      return db.script("PRAGMA synchronous=OFF; PRAGMA journal_mode=MEMORY; PRAGMA foreign_keys=OFF");
  }
  std::unreachable();
}

}  // namespace

Statement::Statement(Statement&& other) noexcept
    : stmt_(std::exchange(other.stmt_, nullptr)), owned_(other.owned_) {}

Statement::~Statement() {
  if (stmt_ == nullptr) return;
  if (owned_) {
    sqlite3_finalize(stmt_);
  } else {
    sqlite3_reset(stmt_);
    sqlite3_clear_bindings(stmt_);
  }
}

Result<bool> Statement::step() {
  const int rc = sqlite3_step(stmt_);
  if (rc == SQLITE_ROW) return true;
  if (rc == SQLITE_DONE) return false;
  sqlite3* db = sqlite3_db_handle(stmt_);
  const char* file = sqlite3_db_filename(db, "main");
  return fail(Connection::error_of(db, rc, file == nullptr ? "" : file));
}

std::int64_t Statement::integer(int column) const { return sqlite3_column_int64(stmt_, column); }
bool Statement::null(int column) const { return sqlite3_column_type(stmt_, column) == SQLITE_NULL; }
int Statement::columns() const { return sqlite3_column_count(stmt_); }
int Statement::type(int column) const { return sqlite3_column_type(stmt_, column); }

std::string_view Statement::bytes(int column) const {
  const auto* data = static_cast<const char*>(sqlite3_column_blob(stmt_, column));
  return {data, data == nullptr ? 0 : static_cast<std::size_t>(sqlite3_column_bytes(stmt_, column))};
}

Result<Digest> Statement::digest(int column) const {
  auto value = Digest::from_raw(bytes(column));
  if (!value)
    return fail(Code::kLedgerTampered,
                "a row holds " + std::to_string(bytes(column).size()) + " bytes where a digest belongs");
  return value;
}

Result<std::optional<Digest>> Statement::maybe_digest(int column) const {
  if (null(column)) return std::optional<Digest>();
  return std::optional<Digest>(TRY(digest(column)));
}

Result<Json> Statement::json(int column) const {
  auto value = parse_json(bytes(column), "a stored value");
  if (!value) return fail(Code::kLedgerTampered, value.error().context);
  return value;
}

Result<std::optional<Json>> Statement::maybe_json(int column) const {
  if (null(column)) return std::optional<Json>();
  return std::optional<Json>(TRY(json(column)));
}

std::optional<Instant> Statement::maybe_instant(int column) const {
  return null(column) ? std::nullopt : std::optional(instant(column));
}

std::optional<std::string> Statement::maybe_text(int column) const {
  return null(column) ? std::nullopt : std::optional(text(column));
}

Result<std::unique_ptr<Connection>> Connection::open(const std::string& path, Mode mode,
                                                     const std::string& vfs, Millis busy_timeout) {
  const int flags = mode == Mode::kReadOnly ? SQLITE_OPEN_READONLY
                    : mode == Mode::kMemory ? SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE
                                            : SQLITE_OPEN_READWRITE;
  const std::string name =
      mode == Mode::kMemory ? "" : path;  // "" is SQLite's name for a private temporary database
  sqlite3* db = nullptr;
  const int rc = sqlite3_open_v2(name.c_str(), &db,
                                 flags | SQLITE_OPEN_URI | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE,
                                 vfs.empty() ? nullptr : vfs.c_str());
  std::unique_ptr<Connection> connection(new Connection(db, path));
  if (rc != SQLITE_OK) return fail(error_of(db, rc, path));
  sqlite3_busy_timeout(db, static_cast<int>(std::min<std::int64_t>(busy_timeout.count(), INT_MAX)));
  TRY(configure(*connection, mode));
  return connection;
}

Connection::~Connection() {
  for (const auto& [sql, statement] : prepared_) sqlite3_finalize(statement);
  sqlite3_close_v2(db_);
}

Error Connection::error_of(sqlite3* db, int rc, const std::string& path) {
  const char* message = db == nullptr ? sqlite3_errstr(rc) : sqlite3_errmsg(db);
  return Error{code_of(db, rc, path), path + ": " + message};
}

Result<Statement> Connection::prepare(std::string_view sql) {
  const std::string key(sql);
  const auto found = prepared_.find(key);
  const bool in_use = found != prepared_.end() && sqlite3_stmt_busy(found->second) != 0;
  if (found != prepared_.end() && !in_use) return Statement(found->second, false);
  sqlite3_stmt* statement = nullptr;
  const int rc = sqlite3_prepare_v3(db_, sql.data(), static_cast<int>(sql.size()),
                                    in_use ? 0 : SQLITE_PREPARE_PERSISTENT, &statement, nullptr);
  if (rc != SQLITE_OK) return fail(error_of(db_, rc, path_));
  if (!in_use) prepared_.emplace(key, statement);
  return Statement(statement, in_use);
}

Result<void> Connection::script(const std::string& sql) {
  const int rc = sqlite3_exec(db_, sql.c_str(), nullptr, nullptr, nullptr);
  if (rc != SQLITE_OK) return fail(error_of(db_, rc, path_));
  return {};
}

bool Connection::writable() const { return sqlite3_db_readonly(db_, "main") == 0; }
bool Connection::in_transaction() const { return sqlite3_get_autocommit(db_) == 0; }
std::int64_t Connection::changes() const { return sqlite3_changes64(db_); }

void Connection::bind(Statement& s, int at, std::int64_t value) { sqlite3_bind_int64(s.stmt_, at, value); }
void Connection::bind(Statement& s, int at, std::string_view text) {
  sqlite3_bind_text64(s.stmt_, at, text.data() == nullptr ? "" : text.data(), text.size(), SQLITE_TRANSIENT,
                      SQLITE_UTF8);
}
void Connection::bind(Statement& s, int at, const Blob& blob) {
  sqlite3_bind_blob64(s.stmt_, at, blob.bytes.data() == nullptr ? "" : blob.bytes.data(), blob.bytes.size(),
                      SQLITE_TRANSIENT);
}
void Connection::bind_null(Statement& s, int at) { sqlite3_bind_null(s.stmt_, at); }

}  // namespace airlock::sql
