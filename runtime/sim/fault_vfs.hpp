// runtime/sim/fault_vfs.hpp
//
// A disk that tells the truth about fsync: an SQLite VFS in memory that keeps what was synced apart from what was only
// written. `crash` is a power cut: of the writes since the last sync of a file, a random part survives, sector by
// sector, some torn in the middle; files that were never synced may be gone. So a test learns what "answered" is worth.
//
// It supports WAL (shared memory and the locks SQLite asks for) and claims no property of the device except that a
// write does not touch bytes outside itself, as SQLite assumes of every disk.
//
// Threads:   any thread; one mutex. In a simulation, one thread.
// Ownership: registers itself with SQLite under `name()` for its lifetime; connections must be closed before it goes.
// Invariant: durable bytes + unsynced writes == live bytes   (check_integrity)
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "runtime/base/random.hpp"

namespace mnema {

class FaultVfs {
 public:
  enum class Operation { kRead, kWrite, kSync, kTruncate };

  /// `seed` feeds what SQLite itself draws from its VFS.
  explicit FaultVfs(std::uint64_t seed);
  ~FaultVfs();
  FaultVfs(const FaultVfs&) = delete;
  FaultVfs& operator=(const FaultVfs&) = delete;

  /// For Database::Options::vfs. Unique in the process.
  [[nodiscard]] const std::string& name() const;

  /// The power goes. Connections that are open fail every operation from now on and must be closed; what the disk holds
  /// afterwards is drawn from `random`.
  void crash(Random& random);

  /// The `after`-th next operation of this kind (0 = the very next) fails with an I/O error, and `times` - 1 more.
  void fail(Operation operation, int after, int times = 1);
  /// Forgets failures that have not happened yet.
  void heal();
  /// Writes that would make the files larger than this together fail as a full disk. Negative: no bound.
  void set_capacity_bytes(std::int64_t capacity_bytes);

  [[nodiscard]] long long syncs() const;
  [[nodiscard]] long long unsynced_writes() const;
  /// The bytes of a file as a process would read them now, "" if there is none; and planting some.
  [[nodiscard]] std::string contents(const std::string& path) const;
  void plant(const std::string& path, std::string bytes);
  void check_integrity() const;

  struct State;

 private:
  std::shared_ptr<State> state_;
};

}  // namespace mnema
