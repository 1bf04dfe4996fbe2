// inference/kernels/thread_pool.hpp
//
// The one pool of compute threads. A step runs as a sequence of parallel sections with a cheap barrier between them;
// workers spin at most 50 µs for the next section, then sleep, so an idle engine uses no CPU.
//
// Threads:   `run` from one thread at a time (the engine's); it is worker 0 itself.
// Ownership: shared by all models of a process.
#pragma once

#include <cstddef>
#include <memory>
#include <type_traits>

namespace mnema {

class ThreadPool {
 public:
  /// `threads` ≥ 1, the caller included. `pin`: bind worker i to core i (only sensible when cores outnumber workers).
  ThreadPool(int threads, bool pin);
  ~ThreadPool();
  ThreadPool(const ThreadPool&) = delete;
  ThreadPool& operator=(const ThreadPool&) = delete;

  [[nodiscard]] int threads() const;

  /// Calls `section(worker)` on every worker 0..threads-1 and returns when all have returned. No allocation.
  template <class Section>
  void run(Section&& section) {
    using Plain = std::remove_reference_t<Section>;
    run_erased([](void* s, int worker) { (*static_cast<Plain*>(s))(worker); },
               const_cast<void*>(static_cast<const void*>(&section)));
  }

  /// Inside a section: waits until every worker has called it. All workers must call it the same number of times.
  void barrier(int worker);

 private:
  void run_erased(void (*call)(void*, int), void* section);
  struct State;
  std::unique_ptr<State> state_;
};

/// Worker's share of [0, n) in whole multiples of `grain`: begin..end. Fixed, so that who computes what never varies.
struct Share {
  std::size_t begin;
  std::size_t end;
};
[[nodiscard]] Share share_of(std::size_t n, std::size_t grain, int worker, int threads);

}  // namespace mnema
