#include "ledger/connect.h"

#include <sqlite3.h>
#include <sys/stat.h>

#include "base/io.h"
#include "ledger/schema.h"

namespace airlock::ledger {
namespace {

// Bytes 18 and 19 of a database file say by which journal it is written and read: 2 is WAL (SQLite file
// format 1.3).
void set_wal(std::string& file) { file[18] = file[19] = 2; }

bool nothing_in_wal(const std::string& path) {
  struct stat st {};
  return ::stat((path + "-wal").c_str(), &st) != 0 || st.st_size == 0;
}

Result<void> touch_schema(sql::Connection& db) {
  sql::Statement row = TRY(db.query("SELECT count(*) FROM sqlite_schema"));
  TRY(row.step());
  return {};
}

Result<std::unique_ptr<sql::Connection>> open_and_read(const std::string& path, const Options& options) {
  auto db = TRY(sql::Connection::open(path, sql::Mode::kReadOnly, options.vfs, options.busy_timeout));
  TRY(touch_schema(*db));
  return db;
}

std::string as_immutable_uri(const std::string& path) {
  std::string uri = "file:";
  for (const char c : path) {
    if (c == '%' || c == '?' || c == '#') {
      constexpr std::string_view kHex = "0123456789abcdef";
      const auto byte = static_cast<unsigned char>(c);
      uri += {'%', kHex[byte >> 4], kHex[byte & 15]};
    } else {
      uri += c;
    }
  }
  return uri + "?immutable=1";
}

}  // namespace

Result<void> create_file(const std::string& path) {
  const auto scratch = TRY(open_scratch());
  sqlite3_int64 size = 0;
  unsigned char* bytes = sqlite3_serialize(scratch->raw(), "main", &size, 0);
  if (bytes == nullptr) return fail(Code::kLedger, "no memory to make " + path);
  std::string file(reinterpret_cast<const char*>(bytes), static_cast<std::size_t>(size));
  sqlite3_free(bytes);
  set_wal(file);
  // COMMIT POINT: a crash leaves before: no ledger; after: an empty one with its whole schema; test:
  // schema_test.cc
  const auto made = create_file_durably(path, file, 0600);
  if (!made && made.error().code != Code::kAlreadyExists) return made;
  return {};
}

Result<std::unique_ptr<sql::Connection>> open_reader(const std::string& path, const Options& options) {
  auto db = open_and_read(path, options);
  // Where nothing can be written, SQLite cannot make its shared memory file. Then nobody else writes there
  // either, and with an empty write-ahead log the file alone is the whole ledger.
  if (!db && (db.error().code == Code::kStateReadOnly || db.error().code == Code::kIo) &&
      nothing_in_wal(path))
    return open_and_read(as_immutable_uri(path), options);
  return db;
}

Result<std::unique_ptr<sql::Connection>> open_writer(const std::string& path, const Options& options) {
  auto db = TRY(sql::Connection::open(path, sql::Mode::kReadWrite, options.vfs, options.busy_timeout));
  TRY(touch_schema(*db));
  if (!db->writable()) return fail(Code::kStateReadOnly, path);
  return db;
}

Result<std::unique_ptr<sql::Connection>> open_scratch() {
  auto db = TRY(sql::Connection::open("scratch ledger", sql::Mode::kMemory, "", Millis(0)));
  TRY(migrate(*db));
  return db;
}

}  // namespace airlock::ledger
