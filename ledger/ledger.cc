#include "ledger/ledger.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/io.h"
#include "base/lock_file.h"
#include "ledger/connect.h"
#include "ledger/schema.h"
#include "ledger/tx.h"

namespace airlock::ledger {

struct Ledger::Impl {
  std::string path;
  Options options;
  std::string instance;
  // No writer when opened read-only. The reader goes first, so that the writer, closing last, can fold the
  // log back.
  std::unique_ptr<sql::Connection> writer, reader;
};

namespace {

// The empty file that a backup writes, locked; what a killed backup left there is taken over.
Result<UniqueFd> take_partial(const std::string& path) {
  for (;;) {
    UniqueFd file = TRY(lock_file(path, Wait::kNo));
    struct stat mine {}, named {};
    if (::fstat(file.get(), &mine) != 0) return os_fail("fstat", path);
    if (::lstat(path.c_str(), &named) != 0 || named.st_ino != mine.st_ino) continue;  // its writer ended meanwhile
    if (mine.st_nlink > 1) {  // killed after its commit point: a finished copy has this name, too
      if (::unlink(path.c_str()) != 0) return os_fail("unlink", path);
      continue;
    }
    if (::ftruncate(file.get(), 0) != 0 || ::fchmod(file.get(), 0600) != 0) return os_fail("truncate", path);
    return file;
  }
}

Result<std::string> stored_instance(sql::Connection& db) {
  sql::Statement row = TRY(db.query("SELECT value FROM meta WHERE key = 'instance'"));
  return TRY(row.step()) ? row.text(0) : std::string();
}

// The name a site gave itself first stays, also when its key is replaced: the origin of a log must not
// change.
Result<std::string> settle_instance(sql::Connection& db, const Signer& signer) {
  TRY(db.run("INSERT INTO meta VALUES ('instance', ?1) ON CONFLICT DO NOTHING",
             signer.key_id().substr(0, 16)));
  return stored_instance(db);
}

Result<void> copy_into(sqlite3* from, const std::string& to) {
  sqlite3* db = nullptr;
  const int opened = sqlite3_open_v2(
      to.c_str(), &db, SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_EXRESCODE, nullptr);
  int rc = opened;
  if (opened == SQLITE_OK) {
    sqlite3_backup* backup = sqlite3_backup_init(db, "main", from, "main");
    // All pages in one step: a read transaction as long as the copy, which no writer waits for.
    rc = backup == nullptr ? sqlite3_extended_errcode(db) : sqlite3_backup_step(backup, -1);
    if (backup != nullptr) sqlite3_backup_finish(backup);
  }
  const Error error = sql::Connection::error_of(db, rc, to);
  sqlite3_close_v2(db);
  if (rc != SQLITE_DONE) return fail(error);
  return {};
}

}  // namespace

Ledger::Ledger(std::unique_ptr<Impl> impl) : Reader(impl->reader.get()), impl_(std::move(impl)) {}
Ledger::Ledger(Ledger&&) noexcept = default;
Ledger::~Ledger() = default;

Result<Ledger> Ledger::open(const std::string& path, const Options& options) {
  if (!path_exists(path)) {
    if (!options.create || options.read_only) return fail(Code::kNotFound, path);
    TRY(create_file(path));
  }
  struct stat st {};
  if (::stat(path.c_str(), &st) == 0 && st.st_size == 0)
    return fail(Code::kLedgerCorrupt, path + " is empty: it was cut");
  auto impl = std::make_unique<Impl>();
  impl->path = path;
  impl->options = options;
  if (!options.read_only) {
    impl->writer = TRY(open_writer(path, options));
    TRY(migrate(*impl->writer));
    if (options.signer != nullptr) impl->instance = TRY(stored_instance(*impl->writer));
    if (options.signer != nullptr && impl->instance.empty())
      impl->instance = TRY(settle_instance(*impl->writer, *options.signer));
  }
  impl->reader = TRY(open_reader(path, options));
  TRY(require_current(*impl->reader));
  if (impl->instance.empty()) impl->instance = TRY(stored_instance(*impl->reader));
  return Ledger(std::move(impl));
}

Result<Tx> Ledger::begin(Instant now) {
  if (!impl_->writer) return fail(Code::kStateReadOnly, impl_->path + " was opened for reading only");
  if (impl_->writer->in_transaction())
    return fail(Code::kLedger, "a transaction is open on this ledger already");
  TRY(impl_->writer->script("BEGIN IMMEDIATE"));
  auto state = std::make_unique<Tx::State>();
  state->options = &impl_->options;
  state->instance = &impl_->instance;
  return Tx(impl_->writer.get(), std::move(state), now);
}

Result<Snapshot> Ledger::snapshot() const {
  auto own = TRY(open_reader(impl_->path, impl_->options));
  TRY(own->script("BEGIN"));
  TRY(require_current(*own));  // the first read fixes the instant
  return Snapshot(std::move(own));
}

Snapshot::Snapshot(std::unique_ptr<sql::Connection> own) : Reader(own.get()), own_(std::move(own)) {}
Snapshot::Snapshot(Snapshot&& other) noexcept = default;
Snapshot::~Snapshot() = default;

const std::string& Ledger::instance() const { return impl_->instance; }

Result<void> Ledger::quick_check() const {
  sql::Statement rows = TRY(db_->query("PRAGMA quick_check(1)"));
  if (!TRY(rows.step())) return fail(Code::kLedgerCorrupt, impl_->path + ": the check gave no answer");
  if (rows.bytes(0) == "ok") return {};
  return fail(Code::kLedgerCorrupt, impl_->path + ": " + rows.text(0));
}

Result<void> Ledger::backup(const std::string& to) const {
  if (path_exists(to)) return fail(Code::kAlreadyExists, to);
  const std::string partial = to + ".partial";
  const UniqueFd file = TRY(take_partial(partial));
  const auto done = [&]() -> Result<void> {
    const auto source = TRY(open_reader(impl_->path, impl_->options));
    TRY(copy_into(source->raw(), partial));
    if (::fsync(file.get()) != 0) return os_fail("fsync", partial);
    // COMMIT POINT: a crash leaves before: a .partial file, taken over by the next; after: the copy; test: backup_test.cc
    if (::link(partial.c_str(), to.c_str()) != 0) return os_fail("link", to);
    return {};
  }();
  ::unlink(partial.c_str());
  TRY(done);
  const std::size_t slash = to.rfind('/');
  return sync_dir(slash == std::string::npos ? "." : to.substr(0, slash + 1));
}

Result<std::string> document(const Reader& reader, const Digest& digest) {
  sql::Statement row = TRY(reader.db().query("SELECT bytes FROM documents WHERE digest = ?1", digest));
  if (!TRY(row.step())) return fail(Code::kNotFound, "document " + digest.hex());
  std::string bytes = row.text(0);
  if (Digest::of(bytes) != digest)
    return fail(Code::kLedgerTampered, "document " + digest.hex() + " was changed");
  return bytes;
}

}  // namespace airlock::ledger
