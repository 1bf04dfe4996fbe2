#include "inference/kernels/thread_pool.hpp"

#include <pthread.h>
#include <sched.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kSpinMicroseconds = 50;

void relax() {
#if defined(__x86_64__)
  __builtin_ia32_pause();
#endif
}

/// Waits until `word` differs from `old`: spins for a while, because the next section mostly comes at once, then
/// sleeps.
std::uint32_t wait_change(const std::atomic<std::uint32_t>& word, std::uint32_t old) {
  const auto begin = std::chrono::steady_clock::now();
  for (;;) {
    for (int i = 0; i < 64; ++i) {
      const std::uint32_t now = word.load(std::memory_order_acquire);
      if (now != old) return now;
      relax();
    }
    if (std::chrono::steady_clock::now() - begin > std::chrono::microseconds(kSpinMicroseconds)) break;
  }
  for (;;) {
    const std::uint32_t now = word.load(std::memory_order_acquire);
    if (now != old) return now;
    word.wait(old, std::memory_order_acquire);
  }
}

}  // namespace

// Each word that is spun on has a cache line of its own.
struct ThreadPool::State {
  int threads = 1;
  std::vector<std::thread> workers;
  void (*call)(void*, int) = nullptr;  // written before `section` changes
  void* argument = nullptr;
  std::atomic<bool> stopping{false};
  alignas(64) std::atomic<std::uint32_t> section{0};  // counts sections; workers wait for it to change
  alignas(64) std::atomic<std::uint32_t> running{0};  // workers still inside the section
  alignas(64) std::atomic<std::uint32_t> barrier_phase{0};
  alignas(64) std::atomic<std::uint32_t> barrier_count{0};

  void work(int worker) {
    std::uint32_t seen = 0;
    for (;;) {
      seen = wait_change(section, seen);
      if (stopping.load(std::memory_order_acquire)) return;
      call(argument, worker);
      if (running.fetch_sub(1, std::memory_order_acq_rel) == 1) running.notify_one();
    }
  }
};

ThreadPool::ThreadPool(int threads, bool pin) : state_(std::make_unique<State>()) {
  CHECK(threads >= 1, "a pool has at least the calling thread");
  state_->threads = threads;
  for (int worker = 1; worker < threads; ++worker) {
    state_->workers.emplace_back([this, worker] { state_->work(worker); });
    if (pin) {
      cpu_set_t cores;
      CPU_ZERO(&cores);
      CPU_SET(worker, &cores);
      pthread_setaffinity_np(state_->workers.back().native_handle(), sizeof cores, &cores);
    }
  }
}

ThreadPool::~ThreadPool() {
  state_->stopping.store(true, std::memory_order_release);
  state_->section.fetch_add(1, std::memory_order_acq_rel);
  state_->section.notify_all();
  for (std::thread& worker : state_->workers) worker.join();
}

int ThreadPool::threads() const { return state_->threads; }

void ThreadPool::run_erased(void (*call)(void*, int), void* section) {
  State& state = *state_;
  if (state.threads == 1) {
    call(section, 0);
    return;
  }
  state.call = call;
  state.argument = section;
  state.running.store(static_cast<std::uint32_t>(state.threads - 1), std::memory_order_relaxed);
  state.section.fetch_add(1, std::memory_order_release);
  state.section.notify_all();
  call(section, 0);
  std::uint32_t left = state.running.load(std::memory_order_acquire);
  while (left != 0) left = wait_change(state.running, left);
}

void ThreadPool::barrier(int /*worker*/) {
  State& state = *state_;
  if (state.threads == 1) return;
  const std::uint32_t phase = state.barrier_phase.load(std::memory_order_acquire);
  if (state.barrier_count.fetch_add(1, std::memory_order_acq_rel) + 1 == static_cast<std::uint32_t>(state.threads)) {
    state.barrier_count.store(0, std::memory_order_relaxed);
    state.barrier_phase.fetch_add(1, std::memory_order_release);
    state.barrier_phase.notify_all();
  } else {
    wait_change(state.barrier_phase, phase);
  }
}

Share share_of(std::size_t n, std::size_t grain, int worker, int threads) {
  const std::size_t units = (n + grain - 1) / grain;
  const auto count = static_cast<std::size_t>(threads);
  const std::size_t begin = units * static_cast<std::size_t>(worker) / count;
  const std::size_t end = units * (static_cast<std::size_t>(worker) + 1) / count;
  return {std::min(n, begin * grain), std::min(n, end * grain)};
}

}  // namespace mnema
