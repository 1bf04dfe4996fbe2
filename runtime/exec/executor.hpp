// runtime/exec/executor.hpp
//
// The seam of every hand-off between threads. Nothing in Mnema starts work on another thread except by `post` on one
// of these, so that the simulation can run the whole runtime on one thread, in an order chosen by a seed.
//
// Threads: `post` and `post_after` from any thread. What is posted runs on the executor's own thread(s);
//          it must not throw.
#pragma once

#include <functional>

#include "runtime/base/clock.hpp"

namespace mnema {

class Executor {
 public:
  virtual ~Executor() = default;

  /// Runs `work` soon. Order is kept per executor where it has one thread.
  virtual void post(std::function<void()> work) = 0;

  /// Runs `work` when `delay` has passed on this executor's clock.
  virtual void post_after(Duration delay, std::function<void()> work) = 0;
};

}  // namespace mnema
