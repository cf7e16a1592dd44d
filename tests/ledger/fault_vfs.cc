#include "tests/ledger/fault_vfs.h"

#include <fcntl.h>
#include <sqlite3.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <cstring>
#include <map>
#include <vector>

namespace airlock::testing {
namespace {

struct Write {
  sqlite3_int64 offset = 0;
  std::string before, after;  // before may be shorter: the write made the file longer
};

struct Journal {  // of one file, since its last sync
  sqlite3_int64 synced_size = 0;
  std::vector<Write> writes;
};

struct State {
  Fault fault = Fault::kNone;
  int at = 0, seen = 0;
  bool happened = false;
  std::map<std::string, Journal> files;
};

State& state() {
  static State the_state;
  return the_state;
}

struct File {
  sqlite3_file base;
  sqlite3_file* real;
  const char* path;  // owned by SQLite for as long as the file is open; null for temporary files
};

File* self(sqlite3_file* file) { return reinterpret_cast<File*>(file); }
sqlite3_file* real(sqlite3_file* file) { return self(file)->real; }
sqlite3_vfs* real_vfs(sqlite3_vfs* vfs) { return static_cast<sqlite3_vfs*>(vfs->pAppData); }

enum class Change { kWrite, kOther };

// Whether this change is to fail. A full disk refuses writes only.
bool strike(Change change) {
  State& s = state();
  const int now = s.seen++;
  bool struck = false;
  switch (s.fault) {
    case Fault::kNone: break;
    case Fault::kErrorOnce: struck = now == s.at; break;
    case Fault::kDiskFull: struck = now >= s.at && change == Change::kWrite; break;
    case Fault::kPowerCut: struck = now >= s.at; break;
  }
  s.happened = s.happened || struck;
  return struck;
}

int do_close(sqlite3_file* f) {
  const int rc = real(f)->pMethods->xClose(real(f));
  sqlite3_free(real(f));
  return rc;
}
int do_read(sqlite3_file* f, void* to, int n, sqlite3_int64 at) {
  return real(f)->pMethods->xRead(real(f), to, n, at);
}

int do_write(sqlite3_file* f, const void* from, int n, sqlite3_int64 at) {
  if (strike(Change::kWrite)) return state().fault == Fault::kDiskFull ? SQLITE_FULL : SQLITE_IOERR_WRITE;
  if (self(f)->path != nullptr) {
    sqlite3_int64 size = 0;
    real(f)->pMethods->xFileSize(real(f), &size);
    const sqlite3_int64 overlap = std::min<sqlite3_int64>(n, std::max<sqlite3_int64>(0, size - at));
    Write write{at, std::string(static_cast<std::size_t>(overlap), '\0'),
                std::string(static_cast<const char*>(from), static_cast<std::size_t>(n))};
    if (overlap > 0) real(f)->pMethods->xRead(real(f), write.before.data(), static_cast<int>(overlap), at);
    state().files[self(f)->path].writes.push_back(std::move(write));
  }
  return real(f)->pMethods->xWrite(real(f), from, n, at);
}

int do_truncate(sqlite3_file* f, sqlite3_int64 size) {
  if (strike(Change::kOther)) return SQLITE_IOERR_TRUNCATE;
  if (self(f)->path != nullptr) {  // taken as durable at once, with what it cut off
    Journal& journal = state().files[self(f)->path];
    journal.synced_size = std::min(journal.synced_size, size);
    std::erase_if(journal.writes, [&](const Write& write) { return write.offset >= size; });
  }
  return real(f)->pMethods->xTruncate(real(f), size);
}

int do_sync(sqlite3_file* f, int) {
  if (strike(Change::kOther)) return SQLITE_IOERR_FSYNC;
  if (self(f)->path != nullptr) {
    Journal& journal = state().files[self(f)->path];
    journal.writes.clear();
    real(f)->pMethods->xFileSize(real(f), &journal.synced_size);
  }
  return SQLITE_OK;
}

int do_size(sqlite3_file* f, sqlite3_int64* size) { return real(f)->pMethods->xFileSize(real(f), size); }
int do_lock(sqlite3_file* f, int kind) { return real(f)->pMethods->xLock(real(f), kind); }
int do_unlock(sqlite3_file* f, int kind) { return real(f)->pMethods->xUnlock(real(f), kind); }
int do_reserved(sqlite3_file* f, int* out) { return real(f)->pMethods->xCheckReservedLock(real(f), out); }
int do_control(sqlite3_file* f, int op, void* arg) {
  return real(f)->pMethods->xFileControl(real(f), op, arg);
}
int do_sector(sqlite3_file* f) { return real(f)->pMethods->xSectorSize(real(f)); }
int do_device(sqlite3_file* f) { return real(f)->pMethods->xDeviceCharacteristics(real(f)); }
int do_map(sqlite3_file* f, int page, int size, int extend, void volatile** out) {
  return real(f)->pMethods->xShmMap(real(f), page, size, extend, out);
}
int do_shm_lock(sqlite3_file* f, int from, int n, int flags) {
  return real(f)->pMethods->xShmLock(real(f), from, n, flags);
}
void do_barrier(sqlite3_file* f) { real(f)->pMethods->xShmBarrier(real(f)); }
int do_unmap(sqlite3_file* f, int flag) { return real(f)->pMethods->xShmUnmap(real(f), flag); }

const sqlite3_io_methods kMethods = {2,          do_close,  do_read,   do_write,  do_truncate,
                                     do_sync,    do_size,   do_lock,   do_unlock, do_reserved,
                                     do_control, do_sector, do_device, do_map,    do_shm_lock,
                                     do_barrier, do_unmap,  nullptr,   nullptr};

int do_open(sqlite3_vfs* vfs, const char* path, sqlite3_file* f, int flags, int* out_flags) {
  File* file = self(f);
  std::memset(file, 0, sizeof *file);
  file->real = static_cast<sqlite3_file*>(sqlite3_malloc(real_vfs(vfs)->szOsFile));
  std::memset(file->real, 0, static_cast<std::size_t>(real_vfs(vfs)->szOsFile));
  file->path = path;
  const int rc = real_vfs(vfs)->xOpen(real_vfs(vfs), path, file->real, flags, out_flags);
  if (rc != SQLITE_OK) {
    sqlite3_free(file->real);
    return rc;
  }
  file->base.pMethods = &kMethods;
  if (path != nullptr && !state().files.contains(path))
    real(f)->pMethods->xFileSize(real(f), &state().files[path].synced_size);
  return SQLITE_OK;
}

int do_delete(sqlite3_vfs* vfs, const char* path, int sync_dir) {
  if (strike(Change::kOther)) return SQLITE_IOERR_DELETE;
  state().files.erase(path);
  return real_vfs(vfs)->xDelete(real_vfs(vfs), path, sync_dir);
}

void put_back(int fd, const Write& write) {
  if (::pwrite(fd, write.before.data(), write.before.size(), write.offset) < 0) std::abort();
}

}  // namespace

const char* FaultVfs::name() {
  static sqlite3_vfs vfs = [] {
    sqlite3_vfs* base = sqlite3_vfs_find(nullptr);
    sqlite3_vfs made = *base;
    made.pNext = nullptr;
    made.zName = "airlock-fault";
    made.szOsFile = sizeof(File);
    made.pAppData = base;
    made.xOpen = do_open;
    made.xDelete = do_delete;
    return made;
  }();
  static const int registered = sqlite3_vfs_register(&vfs, 0);
  return registered == SQLITE_OK ? vfs.zName : nullptr;
}

void FaultVfs::arm(Fault fault, int change) {
  State& s = state();
  s.fault = fault;
  s.at = change;
  s.seen = 0;
  s.happened = false;
  if (fault == Fault::kNone) s.files.clear();
}

bool FaultVfs::reached() { return state().happened; }
int FaultVfs::changes() { return state().seen; }

void FaultVfs::power_cut(std::size_t keep) {
  for (auto& [path, journal] : state().files) {
    const int fd = ::open(path.c_str(), O_RDWR | O_CLOEXEC);
    if (fd < 0) continue;
    auto& writes = journal.writes;
    sqlite3_int64 size = journal.synced_size;
    for (std::size_t i = 0; i < writes.size() && i < keep; ++i)
      size = std::max<sqlite3_int64>(size,
                                     writes[i].offset + static_cast<sqlite3_int64>(writes[i].after.size()));
    for (std::size_t i = writes.size(); i-- > keep;) put_back(fd, writes[i]);
    if (keep > 0 && keep < writes.size()) {  // a torn write: its first half arrived
      const Write& torn = writes[keep];
      const std::size_t half = torn.after.size() / 2;
      if (::pwrite(fd, torn.after.data(), half, torn.offset) < 0) std::abort();
      size = std::max<sqlite3_int64>(size, torn.offset + static_cast<sqlite3_int64>(half));
    }
    if (::ftruncate(fd, size) != 0) std::abort();
    ::close(fd);
    ::unlink((path + "-shm").c_str());  // shared memory does not survive
  }
  state().files.clear();
}

}  // namespace airlock::testing
