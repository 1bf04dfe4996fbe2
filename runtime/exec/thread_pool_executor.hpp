// runtime/exec/thread_pool_executor.hpp
//
// A fixed number of threads over one queue: the store thread (1), the turn pool, the query pool, the pool of blocking
// client calls. With one thread, work runs in the order it was posted; with more, wrap it in a Strand where order
// counts.
//
// Threads:   `post`, `post_after` from any thread, also from its own work.
// Ownership: what is posted is owned by the queue until it has run or the executor is gone.
// Invariant: posted == run + dropped + running + queued   (check_integrity)
#pragma once

#include <memory>
#include <string>

#include "runtime/exec/executor.hpp"

namespace mnema {

class ThreadPoolExecutor final : public Executor {
 public:
  /// `name` (at most 12 characters are kept) is what debuggers and `top -H` show. Precondition: threads >= 1.
  ThreadPoolExecutor(std::string name, int threads);
  ~ThreadPoolExecutor() override;
  ThreadPoolExecutor(const ThreadPoolExecutor&) = delete;
  ThreadPoolExecutor& operator=(const ThreadPoolExecutor&) = delete;

  void post(std::function<void()> work) override;
  void post_after(Duration delay, std::function<void()> work) override;

  /// Runs what is already queued, drops delayed work that is not due, and joins the threads. What is posted afterwards
  /// is dropped. Idempotent; not from its own threads.
  void stop();

  /// The end that does not wait for ever, in two halves, so that several pools may end side by side. First: drops all
  /// that is queued; idle threads end. Then: waits for the work in hand until `deadline` (does the first half too).
  /// Threads whose work has not returned by then are left behind, and what that work borrows must then outlive the
  /// process. Returns how many were. Idempotent; not from its own threads.
  void drop_queued();
  [[nodiscard]] int stop_by(MonotonicTime deadline);

  [[nodiscard]] const std::string& name() const;
  [[nodiscard]] long long queued() const;
  [[nodiscard]] int threads() const;
  void check_integrity() const;

 private:
  struct State;
  std::shared_ptr<State> state_;
};

}  // namespace mnema
