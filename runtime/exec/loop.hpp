// runtime/exec/loop.hpp
//
// The I/O thread: an Asio io_context as an `Executor`. Sockets, signals and timers live here, and the objects that are
// confined to "the loop thread". It never blocks, never computes and never runs user code; work that might goes to a
// ThreadPoolExecutor.
//
// Threads:   `post`, `post_after`, `stop` from any thread. Work runs on the one thread that is inside `run` (or the one
//            that `start` made).
// Ownership: owns the io_context, or borrows one that the program already runs.
#pragma once

#include <memory>

#include "runtime/exec/executor.hpp"

namespace boost::asio {
class io_context;
}

namespace mnema {

class Loop final : public Executor {
 public:
  Loop();
  /// Over an io_context of the program's own, which one thread of the program runs: `run`, `start` and `stop` are then
  /// not for us to call (CHECKed).
  explicit Loop(boost::asio::io_context& borrowed);
  /// Stops and joins.
  ~Loop() override;
  Loop(const Loop&) = delete;
  Loop& operator=(const Loop&) = delete;

  void post(std::function<void()> work) override;
  void post_after(Duration delay, std::function<void()> work) override;

  /// Runs work on the calling thread until `stop`.
  void run();
  /// Runs work on a thread of the loop's own until `stop`.
  void start();
  /// Ends `run` after the work in hand; what is queued is dropped with the loop. Idempotent.
  void stop();
  /// Waits for the thread of `start` to end. Not from the loop thread.
  void join();
  /// The same until `deadline`. False: the work in hand has not returned. The loop must not be destroyed then.
  [[nodiscard]] bool join_by(MonotonicTime deadline);

  [[nodiscard]] bool on_loop_thread() const;
  /// For the files that hold sockets (connectors/http). They include Asio themselves.
  [[nodiscard]] boost::asio::io_context& io_context();

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace mnema
