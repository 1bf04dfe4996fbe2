// agents/turn/calling_functions.hpp
//
// The functions of steps that were seen to call a connector in this process, so that the journal calls their effects
// `started` when a call leaves and not before their body runs (agents/tool.hpp).
//
// Threads: every method from any thread (one mutex).
#pragma once

#include <mutex>
#include <unordered_set>

namespace mnema {

class CallingFunctions {
 public:
  void add(const void* function) {
    const std::scoped_lock lock(mutex_);
    functions_.insert(function);
  }
  [[nodiscard]] bool contains(const void* function) const {
    const std::scoped_lock lock(mutex_);
    return functions_.contains(function);
  }

 private:
  mutable std::mutex mutex_;
  std::unordered_set<const void*> functions_;  // guarded by mutex_; as many as the program has steps
};

}  // namespace mnema
