// agents/host/stop_signals.hpp
//
// SIGINT and SIGTERM, from the constructor to the destructor, on a thread of their own, so that they are handled while
// a model loads or the loop hangs. The first one requests an orderly stop (`on_first`); the second one ends the process
// at once, without any destructor, with exit code 128 + signal. (What is durable survives that; see
// runtime/store/database.hpp.)
//
// Threads:   `on_first` runs on the thread of this object. One object per process at a time.
// Ownership: owns its thread.
#pragma once

#include <functional>
#include <memory>

namespace mnema {

class StopSignals {
 public:
  explicit StopSignals(std::function<void(int signal)> on_first);
  ~StopSignals();
  StopSignals(const StopSignals&) = delete;
  StopSignals& operator=(const StopSignals&) = delete;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

/// Ends the process without running destructors, because hung threads may still use those objects. Flushes the log.
[[noreturn]] void end_process(int exit_code);

}  // namespace mnema
