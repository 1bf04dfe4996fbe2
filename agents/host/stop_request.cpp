#include "agents/host/stop_request.hpp"

#include "agents/host/stop_signals.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

void StopRequest::request(int signal) {
  const std::scoped_lock lock(mutex_);
  if (signal != 0 && opening_) {
    log_info("host", "stopped while it opened", {{"signal", signal}});
    end_process(0);
  }
  if (requested_) return;
  requested_ = true;
  signal_ = signal;
  changed_.notify_all();
}

void StopRequest::begin_opening() {
  const std::scoped_lock lock(mutex_);
  opening_ = true;
}

bool StopRequest::end_opening() {
  const std::scoped_lock lock(mutex_);
  opening_ = false;
  return !requested_;
}

int StopRequest::wait() {
  std::unique_lock lock(mutex_);
  changed_.wait(lock, [this] { return requested_; });
  return signal_;
}

}  // namespace mnema
