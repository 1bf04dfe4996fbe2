// agents/host/stop_signals.hpp
//
// SIGINT and SIGTERM, from the constructor to the destructor, on a thread of their own, so that neither a model that
// loads nor a loop that hangs is in their way. The first one is a request; the second one ends the process at once, as
// if it had been killed, with exit code 128 + signal. (What is durable survives a kill; see
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

/// Ends the process without running destructors, which threads that hang could be inside. Flushes the log.
[[noreturn]] void end_process(int exit_code);

}  // namespace mnema
