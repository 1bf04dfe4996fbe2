#include "runtime/store/checksum_vfs.hpp"

#include <array>
#include <cstring>
#include <map>
#include <memory>
#include <mutex>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kHeaderBytes = 100;
constexpr sqlite3_int64 kLockByte = 0x40000000;  // the page that holds it is never written

struct CheckedVfs {
  sqlite3_vfs vfs{};
  sqlite3_vfs* base = nullptr;
  std::string name;
};

/// What SQLite allocates for us; the file of the base follows it.
struct CheckedFile {
  sqlite3_file file;
  int page_bytes;  // 0: not known yet
  bool is_checked;
};
static_assert(sizeof(CheckedFile) % 8 == 0, "the file that follows is aligned");

CheckedFile& checked(sqlite3_file* file) { return *reinterpret_cast<CheckedFile*>(file); }
sqlite3_file* base_of(sqlite3_file* file) { return reinterpret_cast<sqlite3_file*>(&checked(file) + 1); }

std::uint32_t big_endian(const unsigned char* bytes) {
  return std::uint32_t{bytes[0]} << 24 | std::uint32_t{bytes[1]} << 16 | std::uint32_t{bytes[2]} << 8 | bytes[3];
}

/// What a header says of the pages that follow it.
void learn(CheckedFile& file, const unsigned char* header) {
  constexpr char kMagic[] = "SQLite format 3";
  if (std::memcmp(header, kMagic, sizeof kMagic) != 0) return;
  const int bytes = header[16] << 8 | header[17];
  file.page_bytes = bytes == 1 ? 65'536 : bytes;
  file.is_checked = header[20] == kChecksumBytes || big_endian(header + 68) == kCheckedApplicationId;
}

/// Finds out about a file that this connection has not read from yet.
void look(sqlite3_file* file) {
  if (checked(file).page_bytes != 0) return;
  std::array<unsigned char, kHeaderBytes> header{};
  sqlite3_file* base = base_of(file);
  if (base->pMethods->xRead(base, header.data(), kHeaderBytes, 0) == SQLITE_OK) learn(checked(file), header.data());
}

bool is_page(const CheckedFile& file, int bytes, sqlite3_int64 offset) {
  return file.is_checked && bytes == file.page_bytes && offset % bytes == 0;
}

/// Two sums of which the second counts places, as in SQLite's own log, over the page without its last eight bytes.
std::array<std::uint32_t, 2> checksum_of(const unsigned char* page, int bytes, sqlite3_int64 offset) {
  std::uint32_t first = static_cast<std::uint32_t>(offset / bytes + 1);
  std::uint32_t second = 0x9e3779b9;
  for (int at = 0; at + kChecksumBytes < bytes; at += 8) {
    std::uint32_t words[2];
    std::memcpy(words, page + at, sizeof words);
    first += words[0] + second;
    second += words[1] + first;
  }
  return {first, second};
}

int check_page(const unsigned char* page, int bytes, sqlite3_int64 offset) {
  const auto sum = checksum_of(page, bytes, offset);
  return std::memcmp(page + bytes - kChecksumBytes, sum.data(), kChecksumBytes) == 0 ? SQLITE_OK : SQLITE_IOERR_DATA;
}

int io_close(sqlite3_file* file) {
  sqlite3_file* base = base_of(file);
  return base->pMethods != nullptr ? base->pMethods->xClose(base) : SQLITE_OK;
}

int io_read(sqlite3_file* file, void* into, int bytes, sqlite3_int64 offset) {
  sqlite3_file* base = base_of(file);
  const int code = base->pMethods->xRead(base, into, bytes, offset);
  if (code == SQLITE_IOERR_SHORT_READ && is_page(checked(file), bytes, offset)) {
    // SQLite takes what is missing of a page for zeros. Only a page that is yet to come is missing as a whole.
    sqlite3_int64 size = 0;
    if (base->pMethods->xFileSize(base, &size) == SQLITE_OK && offset < size) return SQLITE_IOERR_DATA;
  }
  if (code != SQLITE_OK) return code;
  const auto* read = static_cast<const unsigned char*>(into);
  if (offset == 0 && bytes >= kHeaderBytes) learn(checked(file), read);
  return is_page(checked(file), bytes, offset) ? check_page(read, bytes, offset) : SQLITE_OK;
}

int io_write(sqlite3_file* file, const void* from, int bytes, sqlite3_int64 offset) {
  sqlite3_file* base = base_of(file);
  const auto* written = static_cast<const unsigned char*>(from);
  if (offset == 0 && bytes >= kHeaderBytes) {
    learn(checked(file), written);
  } else {
    look(file);
  }
  if (!is_page(checked(file), bytes, offset)) return base->pMethods->xWrite(base, from, bytes, offset);
  thread_local std::vector<unsigned char> page;
  page.assign(written, written + bytes);
  const auto sum = checksum_of(written, bytes, offset);
  std::memcpy(page.data() + bytes - kChecksumBytes, sum.data(), kChecksumBytes);
  return base->pMethods->xWrite(base, page.data(), bytes, offset);
}

int io_truncate(sqlite3_file* file, sqlite3_int64 size) {
  return base_of(file)->pMethods->xTruncate(base_of(file), size);
}
int io_sync(sqlite3_file* file, int flags) { return base_of(file)->pMethods->xSync(base_of(file), flags); }
int io_file_size(sqlite3_file* file, sqlite3_int64* size) {
  return base_of(file)->pMethods->xFileSize(base_of(file), size);
}
int io_lock(sqlite3_file* file, int level) { return base_of(file)->pMethods->xLock(base_of(file), level); }
int io_unlock(sqlite3_file* file, int level) { return base_of(file)->pMethods->xUnlock(base_of(file), level); }
int io_check_reserved(sqlite3_file* file, int* reserved) {
  return base_of(file)->pMethods->xCheckReservedLock(base_of(file), reserved);
}
int io_file_control(sqlite3_file* file, int operation, void* argument) {
  return base_of(file)->pMethods->xFileControl(base_of(file), operation, argument);
}
int io_sector_size(sqlite3_file* file) { return base_of(file)->pMethods->xSectorSize(base_of(file)); }
int io_characteristics(sqlite3_file* file) { return base_of(file)->pMethods->xDeviceCharacteristics(base_of(file)); }
int shm_map(sqlite3_file* file, int region, int bytes, int extend, void volatile** memory) {
  return base_of(file)->pMethods->xShmMap(base_of(file), region, bytes, extend, memory);
}
int shm_lock(sqlite3_file* file, int first, int count, int flags) {
  return base_of(file)->pMethods->xShmLock(base_of(file), first, count, flags);
}
void shm_barrier(sqlite3_file* file) { base_of(file)->pMethods->xShmBarrier(base_of(file)); }
int shm_unmap(sqlite3_file* file, int remove) { return base_of(file)->pMethods->xShmUnmap(base_of(file), remove); }

constexpr sqlite3_io_methods kMethods = {
    2,  // with shared memory; without memory-mapped reads, which would pass us by
    io_close, io_read,   io_write,          io_truncate,     io_sync,        io_file_size,
    io_lock,  io_unlock, io_check_reserved, io_file_control, io_sector_size, io_characteristics,
    shm_map,  shm_lock,  shm_barrier,       shm_unmap,       nullptr,        nullptr,
};

sqlite3_vfs* base_of(sqlite3_vfs* vfs) { return static_cast<CheckedVfs*>(vfs->pAppData)->base; }

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* file, int flags, int* flags_out) {
  sqlite3_vfs* base = base_of(vfs);
  if ((flags & SQLITE_OPEN_MAIN_DB) == 0) return base->xOpen(base, name, file, flags, flags_out);
  checked(file).page_bytes = 0;
  checked(file).is_checked = false;
  file->pMethods = nullptr;
  const int code = base->xOpen(base, name, base_of(file), flags, flags_out);
  if (code == SQLITE_OK) file->pMethods = &kMethods;
  return code;
}
int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync) { return base_of(vfs)->xDelete(base_of(vfs), name, sync); }
int vfs_access(sqlite3_vfs* vfs, const char* name, int flags, int* result) {
  return base_of(vfs)->xAccess(base_of(vfs), name, flags, result);
}
int vfs_full_path(sqlite3_vfs* vfs, const char* name, int bytes_max, char* out) {
  return base_of(vfs)->xFullPathname(base_of(vfs), name, bytes_max, out);
}
int vfs_randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  return base_of(vfs)->xRandomness(base_of(vfs), bytes, out);
}
int vfs_sleep(sqlite3_vfs* vfs, int micros) { return base_of(vfs)->xSleep(base_of(vfs), micros); }
int vfs_current_time(sqlite3_vfs* vfs, sqlite3_int64* julian_ms) {
  return base_of(vfs)->xCurrentTimeInt64(base_of(vfs), julian_ms);
}
int vfs_last_error(sqlite3_vfs* vfs, int bytes, char* text) {
  return base_of(vfs)->xGetLastError(base_of(vfs), bytes, text);
}

struct Registry {
  std::mutex mutex;  // guards the map
  std::map<std::string, std::unique_ptr<CheckedVfs>> by_base;
};

Registry& registry() {
  static auto* const made = new Registry;  // as long as SQLite
  return *made;
}

}  // namespace

const char* checksum_vfs_over(const std::string& base) {
  const std::lock_guard guard(registry().mutex);
  std::unique_ptr<CheckedVfs>& slot = registry().by_base[base];
  if (slot) return slot->name.c_str();
  slot = std::make_unique<CheckedVfs>();
  slot->base = sqlite3_vfs_find(base.empty() ? nullptr : base.c_str());
  CHECK(slot->base != nullptr, "a VFS is registered before it is used");
  slot->name = "mnema-checksum-" + std::string(slot->base->zName);
  sqlite3_vfs& vfs = slot->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = static_cast<int>(sizeof(CheckedFile)) + slot->base->szOsFile;
  vfs.mxPathname = slot->base->mxPathname;
  vfs.zName = slot->name.c_str();
  vfs.pAppData = slot.get();
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTimeInt64 = vfs_current_time;
  vfs.xGetLastError = vfs_last_error;
  CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "SQLite takes another VFS");
  return slot->name.c_str();
}

void forget_checksum_vfs(const std::string& base) {
  const std::lock_guard guard(registry().mutex);
  const auto found = registry().by_base.find(base);
  if (found == registry().by_base.end()) return;
  sqlite3_vfs_unregister(&found->second->vfs);
  registry().by_base.erase(found);
}

Status verify_pages(sqlite3* database, const std::string& path) {
  sqlite3_file* file = nullptr;
  sqlite3_file_control(database, "main", SQLITE_FCNTL_FILE_POINTER, &file);
  if (file == nullptr || file->pMethods != &kMethods) return {};
  look(file);
  if (!checked(file).is_checked) return {};
  const int page_bytes = checked(file).page_bytes;
  sqlite3_int64 size = 0;
  if (io_file_size(file, &size) != SQLITE_OK) return fail_retryable(ErrorCode::kStorage, "cannot read '" + path + "'");
  std::vector<unsigned char> page(static_cast<std::size_t>(page_bytes));
  for (sqlite3_int64 offset = 0; offset < size; offset += page_bytes) {
    if (offset <= kLockByte && kLockByte < offset + page_bytes) continue;
    const int code = io_read(file, page.data(), page_bytes, offset);
    if (code == SQLITE_OK) continue;
    if (code != SQLITE_IOERR_DATA)
      return fail_retryable(ErrorCode::kStorage, "cannot read '" + path + "'", "check the disk");
    return fail(ErrorCode::kCorrupt,
                "'" + path + "' is damaged: the checksum of page " + std::to_string(offset / page_bytes + 1) +
                    " is not that of its bytes",
                "check the disk, and restore the file from a backup");
  }
  return {};
}

}  // namespace mnema
