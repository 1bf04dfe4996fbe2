// runtime/store/folder_lock.hpp
//
// One process per data file. The lock is the kernel's (flock): it goes with the process, also with kill -9.
//
// Threads:   confined to its owner.
// Ownership: holds the lock as long as it lives.
#pragma once

#include <memory>
#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

class FolderLock {
 public:
  /// Locks `path` (made if missing). Errors: `kFailedPrecondition` (another process has it; says which), `kStorage`.
  [[nodiscard]] static Result<std::unique_ptr<FolderLock>> take(const std::string& path);
  ~FolderLock();
  FolderLock(const FolderLock&) = delete;
  FolderLock& operator=(const FolderLock&) = delete;

 private:
  explicit FolderLock(int descriptor) : descriptor_(descriptor) {}
  int descriptor_;
};

}  // namespace mnema
