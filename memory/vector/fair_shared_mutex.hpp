// memory/vector/fair_shared_mutex.hpp
//
// A shared mutex under which a writer gets its turn although readers keep coming. glibc's lets readers pass a waiting
// writer, so that steady searches would keep inserts out for ever.
//
// Threads: any. Not recursive: a reader that takes it again while a writer waits would wait for itself.
#pragma once

#include <mutex>
#include <shared_mutex>

namespace mnema {

class FairSharedMutex {
 public:
  // Names of the standard, so that std::unique_lock and std::shared_lock work.
  void lock() {
    const std::lock_guard turn(gate_);
    mutex_.lock();
  }
  void unlock() { mutex_.unlock(); }
  void lock_shared() {
    const std::lock_guard turn(gate_);
    mutex_.lock_shared();
  }
  void unlock_shared() { mutex_.unlock_shared(); }

 private:
  std::mutex gate_;  // held while waiting for mutex_, so that later readers queue behind a waiting writer
  std::shared_mutex mutex_;
};

}  // namespace mnema
