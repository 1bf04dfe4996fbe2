// agents/host/stop_request.hpp
//
// The request that a host stops: by its program, or by a signal, while it opens or while it serves. The first one
// counts. By a signal while the host opens, the process ends at once: nothing had begun.
//
// Threads:   any.
// Ownership: shared with who may ask.
#pragma once

#include <condition_variable>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <utility>

#include "runtime/base/result.hpp"

namespace mnema {

class StopRequest {
 public:
  /// `signal`: 0 = by the program.
  void request(int signal);
  void begin_opening();
  /// False: it is to stop.
  [[nodiscard]] bool end_opening();
  /// Waits for the request; returns its signal.
  [[nodiscard]] int wait();

  /// Starts what answers by a function, perhaps after the wait for it has ended, and waits for the answer. Errors:
  /// those of the answer, `kCancelled` (it is to stop).
  template <class T>
  [[nodiscard]] static Result<T> await(const std::shared_ptr<StopRequest>& self,
                                       const std::function<void(std::function<void(Result<T>)>)>& start) {
    const auto answer = std::make_shared<std::optional<Result<T>>>();
    start([self, answer](Result<T> result) {
      const std::scoped_lock lock(self->mutex_);
      *answer = std::move(result);
      self->changed_.notify_all();
    });
    std::unique_lock lock(self->mutex_);
    self->changed_.wait(lock, [&] { return answer->has_value() || self->requested_; });
    if (answer->has_value()) return std::move(**answer);
    return fail(ErrorCode::kCancelled, "stopped while it opened");
  }

 private:
  std::mutex mutex_;  // guards all below
  std::condition_variable changed_;
  bool requested_ = false;
  int signal_ = 0;
  bool opening_ = false;
};

}  // namespace mnema
