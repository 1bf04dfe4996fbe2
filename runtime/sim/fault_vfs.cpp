#include "runtime/sim/fault_vfs.hpp"

#include <sqlite3.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <cstring>
#include <map>
#include <mutex>
#include <utility>
#include <vector>

#include "runtime/base/check.hpp"
#include "runtime/store/checksum_vfs.hpp"

namespace mnema {
namespace {

constexpr std::size_t kSectorBytes = 512;  // what a disk writes whole, or tears

/// One write or truncation that no sync has followed.
struct Change {
  bool truncation = false;
  std::size_t offset = 0;  // of a truncation: the new size
  std::string bytes;
};

void replay(std::string& content, const Change& change) {
  if (change.truncation) {
    content.resize(change.offset);
    return;
  }
  if (content.size() < change.offset + change.bytes.size()) content.resize(change.offset + change.bytes.size());
  content.replace(change.offset, change.bytes.size(), change.bytes);
}

struct OpenFile;

struct File {
  std::string live;              // as every process reads it
  std::string durable;           // as it was at the last sync
  std::vector<Change> unsynced;  // what leads from `durable` to `live`
  bool named_durably = false;    // its directory entry survives a crash
  bool dead = false;             // the power went: whoever still has it open gets errors

  // The locks of the file format (https://www.sqlite.org/lockingv3.html): one writer-to-be, any readers.
  int readers = 0;
  const OpenFile* reserved = nullptr;
  const OpenFile* pending = nullptr;
  const OpenFile* exclusive = nullptr;

  // The shared memory of the write-ahead log and its eight locks (https://www.sqlite.org/walformat.html).
  std::vector<std::unique_ptr<char[]>> shared_memory;
  int shared_memory_users = 0;
  std::array<int, SQLITE_SHM_NLOCK> shared_locks{};
  std::array<const OpenFile*, SQLITE_SHM_NLOCK> exclusive_locks{};

  void write(std::size_t offset, std::string_view bytes) {
    unsynced.push_back({false, offset, std::string(bytes)});
    replay(live, unsynced.back());
  }
  void sync() {
    for (const Change& change : unsynced) replay(durable, change);
    unsynced.clear();
    named_durably = true;
  }
};

struct OpenFile {
  FaultVfs::State* state = nullptr;
  std::shared_ptr<File> file;
  std::string name;
  bool delete_on_close = false;
  int lock = SQLITE_LOCK_NONE;
  bool maps_memory = false;
  unsigned shared_mask = 0;
  unsigned exclusive_mask = 0;
};

/// What SQLite allocates for us.
struct Handle {
  sqlite3_file base;
  OpenFile* open;
};

OpenFile& open_of(sqlite3_file* handle) { return *reinterpret_cast<Handle*>(handle)->open; }

struct Fault {
  int after = -1;  // negative: none
  int times = 0;
};

}  // namespace

struct FaultVfs::State {
  explicit State(std::uint64_t seed) : random(seed) {}

  [[nodiscard]] bool fails(Operation operation) {
    Fault& fault = faults[static_cast<std::size_t>(operation)];
    if (fault.after < 0) return false;
    if (fault.after-- > 0) return false;
    fault.after = --fault.times > 0 ? 0 : -1;
    return true;
  }
  [[nodiscard]] std::int64_t bytes() const {
    std::int64_t sum = 0;
    for (const auto& [path, file] : files) sum += static_cast<std::int64_t>(file->live.size());
    return sum;
  }

  std::string name;
  sqlite3_vfs vfs{};
  mutable std::mutex mutex;  // guards all below
  SeededRandom random;
  std::map<std::string, std::shared_ptr<File>> files;
  std::map<std::string, std::string> removed;  // deleted without a sync of the folder: may come back in a crash
  std::array<Fault, 4> faults{};
  std::int64_t capacity_bytes = -1;
  long long sync_count = 0;
};

namespace {

int io_close(sqlite3_file* handle);
int io_read(sqlite3_file* handle, void* into, int bytes, sqlite3_int64 offset);
int io_write(sqlite3_file* handle, const void* from, int bytes, sqlite3_int64 offset);
int io_truncate(sqlite3_file* handle, sqlite3_int64 size);
int io_sync(sqlite3_file* handle, int flags);
int io_file_size(sqlite3_file* handle, sqlite3_int64* size);
int io_lock(sqlite3_file* handle, int level);
int io_unlock(sqlite3_file* handle, int level);
int io_check_reserved(sqlite3_file* handle, int* reserved);
int io_file_control(sqlite3_file* handle, int operation, void* argument);
int io_sector_size(sqlite3_file* handle);
int io_characteristics(sqlite3_file* handle);
int shm_map(sqlite3_file* handle, int region, int bytes, int extend, void volatile** memory);
int shm_lock(sqlite3_file* handle, int first, int count, int flags);
void shm_barrier(sqlite3_file* handle);
int shm_unmap(sqlite3_file* handle, int remove);

constexpr sqlite3_io_methods kMethods = {
    2,  // with shared memory, without memory-mapped reads
    io_close, io_read,   io_write,          io_truncate,     io_sync,        io_file_size,
    io_lock,  io_unlock, io_check_reserved, io_file_control, io_sector_size, io_characteristics,
    shm_map,  shm_lock,  shm_barrier,       shm_unmap,       nullptr,        nullptr,
};

FaultVfs::State& state_of(sqlite3_vfs* vfs) { return *static_cast<FaultVfs::State*>(vfs->pAppData); }

int vfs_open(sqlite3_vfs* vfs, const char* name, sqlite3_file* handle, int flags, int* flags_out) {
  FaultVfs::State& state = state_of(vfs);
  const std::lock_guard guard(state.mutex);
  handle->pMethods = nullptr;
  std::shared_ptr<File> file;
  if (name == nullptr) {
    file = std::make_shared<File>();  // a temporary file: nobody else sees it
  } else {
    const auto found = state.files.find(name);
    if (found != state.files.end()) {
      file = found->second;
    } else {
      if ((flags & SQLITE_OPEN_CREATE) == 0) return SQLITE_CANTOPEN;
      file = std::make_shared<File>();
      state.files[name] = file;
    }
  }
  auto* open = new OpenFile();
  open->state = &state;
  open->file = std::move(file);
  open->name = name == nullptr ? "" : name;
  open->delete_on_close = (flags & SQLITE_OPEN_DELETEONCLOSE) != 0;
  reinterpret_cast<Handle*>(handle)->open = open;
  handle->pMethods = &kMethods;
  if (flags_out != nullptr) *flags_out = flags;
  return SQLITE_OK;
}

int vfs_delete(sqlite3_vfs* vfs, const char* name, int sync_folder) {
  FaultVfs::State& state = state_of(vfs);
  const std::lock_guard guard(state.mutex);
  const auto found = state.files.find(name);
  if (found == state.files.end()) return SQLITE_IOERR_DELETE_NOENT;
  if (sync_folder != 0) {
    state.removed.erase(name);
  } else if (found->second->named_durably) {
    state.removed[name] = found->second->durable;
  }
  state.files.erase(found);
  return SQLITE_OK;
}

int vfs_access(sqlite3_vfs* vfs, const char* name, int, int* result) {
  FaultVfs::State& state = state_of(vfs);
  const std::lock_guard guard(state.mutex);
  *result = state.files.contains(name) ? 1 : 0;
  return SQLITE_OK;
}

int vfs_full_path(sqlite3_vfs*, const char* name, int bytes_max, char* out) {
  sqlite3_snprintf(bytes_max, out, "%s", name);
  return SQLITE_OK;
}

int vfs_randomness(sqlite3_vfs* vfs, int bytes, char* out) {
  FaultVfs::State& state = state_of(vfs);
  const std::lock_guard guard(state.mutex);
  state.random.fill({reinterpret_cast<std::uint8_t*>(out), static_cast<std::size_t>(bytes)});
  return bytes;
}

// A simulated process never waits for itself.
int vfs_sleep(sqlite3_vfs*, int micros) { return micros; }

int vfs_current_time(sqlite3_vfs*, sqlite3_int64* julian_ms) {
  *julian_ms = 212'582'635'200'000;  // 2024-06-21, always
  return SQLITE_OK;
}

int vfs_last_error(sqlite3_vfs*, int, char*) { return 0; }

int io_close(sqlite3_file* handle) {
  OpenFile* open = &open_of(handle);
  io_unlock(handle, SQLITE_LOCK_NONE);
  {
    const std::lock_guard guard(open->state->mutex);
    if (open->delete_on_close && !open->file->dead) open->state->files.erase(open->name);
  }
  delete open;
  handle->pMethods = nullptr;
  return SQLITE_OK;
}

int io_read(sqlite3_file* handle, void* into, int bytes, sqlite3_int64 offset) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.file->dead || open.state->fails(FaultVfs::Operation::kRead)) return SQLITE_IOERR_READ;
  const std::string& live = open.file->live;
  const auto begin = std::min(static_cast<std::size_t>(offset), live.size());
  const auto there = std::min(static_cast<std::size_t>(bytes), live.size() - begin);
  std::memcpy(into, live.data() + begin, there);
  if (there == static_cast<std::size_t>(bytes)) return SQLITE_OK;
  std::memset(static_cast<char*>(into) + there, 0, static_cast<std::size_t>(bytes) - there);
  return SQLITE_IOERR_SHORT_READ;
}

int io_write(sqlite3_file* handle, const void* from, int bytes, sqlite3_int64 offset) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.file->dead || open.state->fails(FaultVfs::Operation::kWrite)) return SQLITE_IOERR_WRITE;
  const std::int64_t growth =
      std::max<std::int64_t>(0, offset + bytes - static_cast<std::int64_t>(open.file->live.size()));
  if (open.state->capacity_bytes >= 0 && growth > 0 && open.state->bytes() + growth > open.state->capacity_bytes) {
    return SQLITE_FULL;
  }
  open.file->write(static_cast<std::size_t>(offset), {static_cast<const char*>(from), static_cast<std::size_t>(bytes)});
  return SQLITE_OK;
}

int io_truncate(sqlite3_file* handle, sqlite3_int64 size) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.file->dead || open.state->fails(FaultVfs::Operation::kTruncate)) return SQLITE_IOERR_TRUNCATE;
  open.file->unsynced.push_back({true, static_cast<std::size_t>(size), {}});
  replay(open.file->live, open.file->unsynced.back());
  return SQLITE_OK;
}

int io_sync(sqlite3_file* handle, int) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.file->dead || open.state->fails(FaultVfs::Operation::kSync)) return SQLITE_IOERR_FSYNC;
  open.file->sync();
  ++open.state->sync_count;
  return SQLITE_OK;
}

int io_file_size(sqlite3_file* handle, sqlite3_int64* size) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.file->dead) return SQLITE_IOERR_FSTAT;
  *size = static_cast<sqlite3_int64>(open.file->live.size());
  return SQLITE_OK;
}

int io_lock(sqlite3_file* handle, int level) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  File& file = *open.file;
  if (file.dead) return SQLITE_IOERR_LOCK;
  if (open.lock >= level) return SQLITE_OK;
  const auto held_by_other = [&](const OpenFile* holder) { return holder != nullptr && holder != &open; };
  if (level == SQLITE_LOCK_SHARED) {
    if (held_by_other(file.pending) || held_by_other(file.exclusive)) return SQLITE_BUSY;
    ++file.readers;
  } else if (level == SQLITE_LOCK_RESERVED) {
    if (held_by_other(file.reserved)) return SQLITE_BUSY;
    file.reserved = &open;
  } else {
    if (held_by_other(file.pending) || held_by_other(file.reserved)) return SQLITE_BUSY;
    file.pending = &open;
    if (open.lock < SQLITE_LOCK_PENDING) open.lock = SQLITE_LOCK_PENDING;
    if (file.readers > 1) return SQLITE_BUSY;
    file.exclusive = &open;
  }
  open.lock = level;
  return SQLITE_OK;
}

int io_unlock(sqlite3_file* handle, int level) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (open.lock <= level) return SQLITE_OK;
  File& file = *open.file;
  for (const OpenFile** holder : {&file.reserved, &file.pending, &file.exclusive}) {
    if (*holder == &open) *holder = nullptr;
  }
  if (level == SQLITE_LOCK_NONE) --file.readers;
  open.lock = level;
  return SQLITE_OK;
}

int io_check_reserved(sqlite3_file* handle, int* reserved) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  *reserved = open.file->reserved != nullptr ? 1 : 0;
  return SQLITE_OK;
}

int io_file_control(sqlite3_file*, int, void*) { return SQLITE_NOTFOUND; }
int io_sector_size(sqlite3_file*) { return 4096; }
int io_characteristics(sqlite3_file*) { return SQLITE_IOCAP_POWERSAFE_OVERWRITE; }

int shm_map(sqlite3_file* handle, int region, int bytes, int extend, void volatile** memory) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  *memory = nullptr;
  if (open.file->dead) return SQLITE_IOERR_SHMMAP;
  if (!std::exchange(open.maps_memory, true)) ++open.file->shared_memory_users;
  auto& regions = open.file->shared_memory;
  while (extend != 0 && static_cast<int>(regions.size()) <= region) {
    regions.push_back(std::make_unique<char[]>(static_cast<std::size_t>(bytes)));
  }
  if (static_cast<int>(regions.size()) > region) *memory = regions[static_cast<std::size_t>(region)].get();
  return SQLITE_OK;
}

int shm_lock(sqlite3_file* handle, int first, int count, int flags) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  File& file = *open.file;
  if (file.dead) return SQLITE_IOERR_SHMLOCK;
  for (int i = first; i < first + count && (flags & SQLITE_SHM_LOCK) != 0; ++i) {
    const unsigned bit = 1U << i;
    const auto slot = static_cast<std::size_t>(i);
    const int shared_by_others = file.shared_locks[slot] - ((open.shared_mask & bit) != 0 ? 1 : 0);
    const bool exclusive_by_other = file.exclusive_locks[slot] != nullptr && file.exclusive_locks[slot] != &open;
    if (exclusive_by_other || ((flags & SQLITE_SHM_EXCLUSIVE) != 0 && shared_by_others > 0)) return SQLITE_BUSY;
  }
  for (int i = first; i < first + count; ++i) {
    const unsigned bit = 1U << i;
    const auto slot = static_cast<std::size_t>(i);
    if ((flags & SQLITE_SHM_LOCK) != 0) {
      if ((flags & SQLITE_SHM_EXCLUSIVE) != 0) {
        file.exclusive_locks[slot] = &open;
        open.exclusive_mask |= bit;
      } else if ((open.shared_mask & bit) == 0) {
        ++file.shared_locks[slot];
        open.shared_mask |= bit;
      }
    } else {
      if ((open.shared_mask & bit) != 0) --file.shared_locks[slot];
      if ((open.exclusive_mask & bit) != 0) file.exclusive_locks[slot] = nullptr;
      open.shared_mask &= ~bit;
      open.exclusive_mask &= ~bit;
    }
  }
  return SQLITE_OK;
}

void shm_barrier(sqlite3_file* handle) {
  const std::lock_guard guard(open_of(handle).state->mutex);  // a full barrier
}

int shm_unmap(sqlite3_file* handle, int) {
  OpenFile& open = open_of(handle);
  const std::lock_guard guard(open.state->mutex);
  if (std::exchange(open.maps_memory, false) && --open.file->shared_memory_users == 0) {
    open.file->shared_memory.clear();
  }
  return SQLITE_OK;
}

/// What of a file a power cut leaves. The disk wrote what it pleased of the unsynced changes, in any order.
std::string after_power_cut(const File& file, Random& random) {
  enum Luck { kNothing, kEverything, kBeginning, kSomeSectors };
  const auto luck = static_cast<Luck>(random.below(4));
  std::string content = file.durable;
  if (luck == kNothing) return content;
  const std::size_t kept = luck == kBeginning ? random.below(file.unsynced.size() + 1) : file.unsynced.size();
  for (std::size_t i = 0; i < kept; ++i) {
    const Change& change = file.unsynced[i];
    if (luck != kSomeSectors) {
      replay(content, change);
      continue;
    }
    if (change.truncation) {
      if (random.below(2) == 0) replay(content, change);
      continue;
    }
    for (std::size_t begin = 0; begin < change.bytes.size();) {
      const std::size_t to_boundary = kSectorBytes - (change.offset + begin) % kSectorBytes;
      std::size_t bytes = std::min(to_boundary, change.bytes.size() - begin);
      const std::size_t next = begin + bytes;
      if (random.below(8) == 0) bytes = random.below(bytes + 1);  // torn in the middle
      if (random.below(2) == 0) replay(content, {false, change.offset + begin, change.bytes.substr(begin, bytes)});
      begin = next;
    }
  }
  return content;
}

}  // namespace

FaultVfs::FaultVfs(std::uint64_t seed) : state_(std::make_shared<State>(seed)) {
  static std::atomic<int> count = 0;
  state_->name = "mnema-fault-" + std::to_string(++count);
  sqlite3_vfs& vfs = state_->vfs;
  vfs.iVersion = 2;
  vfs.szOsFile = sizeof(Handle);
  vfs.mxPathname = 512;
  vfs.zName = state_->name.c_str();
  vfs.pAppData = state_.get();
  vfs.xOpen = vfs_open;
  vfs.xDelete = vfs_delete;
  vfs.xAccess = vfs_access;
  vfs.xFullPathname = vfs_full_path;
  vfs.xRandomness = vfs_randomness;
  vfs.xSleep = vfs_sleep;
  vfs.xCurrentTimeInt64 = vfs_current_time;
  vfs.xGetLastError = vfs_last_error;
  CHECK(sqlite3_vfs_register(&vfs, 0) == SQLITE_OK, "SQLite takes another VFS");
}

FaultVfs::~FaultVfs() {
  forget_checksum_vfs(state_->name);
  sqlite3_vfs_unregister(&state_->vfs);
}

const std::string& FaultVfs::name() const { return state_->name; }

void FaultVfs::crash(Random& random) {
  const std::lock_guard guard(state_->mutex);
  std::map<std::string, std::shared_ptr<File>> survivors;
  const auto keep = [&](const std::string& path, std::string content) {
    auto file = std::make_shared<File>();
    file->live = content;
    file->durable = std::move(content);
    file->named_durably = true;
    survivors[path] = std::move(file);
  };
  for (const auto& [path, file] : state_->files) {
    file->dead = true;
    if (file->named_durably || random.below(2) == 0) keep(path, after_power_cut(*file, random));
  }
  for (auto& [path, content] : state_->removed) {
    if (!survivors.contains(path) && random.below(2) == 0) keep(path, std::move(content));
  }
  state_->files = std::move(survivors);
  state_->removed.clear();
}

void FaultVfs::fail(Operation operation, int after, int times) {
  const std::lock_guard guard(state_->mutex);
  state_->faults[static_cast<std::size_t>(operation)] = {after, times};
}

void FaultVfs::heal() {
  const std::lock_guard guard(state_->mutex);
  state_->faults = {};
}

void FaultVfs::set_capacity_bytes(std::int64_t capacity_bytes) {
  const std::lock_guard guard(state_->mutex);
  state_->capacity_bytes = capacity_bytes;
}

long long FaultVfs::syncs() const {
  const std::lock_guard guard(state_->mutex);
  return state_->sync_count;
}

long long FaultVfs::unsynced_writes() const {
  const std::lock_guard guard(state_->mutex);
  long long sum = 0;
  for (const auto& [path, file] : state_->files) sum += static_cast<long long>(file->unsynced.size());
  return sum;
}

std::string FaultVfs::contents(const std::string& path) const {
  const std::lock_guard guard(state_->mutex);
  const auto found = state_->files.find(path);
  return found == state_->files.end() ? std::string() : found->second->live;
}

void FaultVfs::plant(const std::string& path, std::string bytes) {
  const std::lock_guard guard(state_->mutex);
  auto file = std::make_shared<File>();
  file->live = bytes;
  file->durable = std::move(bytes);
  file->named_durably = true;
  state_->files[path] = std::move(file);
}

void FaultVfs::check_integrity() const {
  const std::lock_guard guard(state_->mutex);
  for (const auto& [path, file] : state_->files) {
    std::string replayed = file->durable;
    for (const Change& change : file->unsynced) replay(replayed, change);
    CHECK(replayed == file->live, "durable bytes and the unsynced writes give the live bytes");
  }
}

}  // namespace mnema
