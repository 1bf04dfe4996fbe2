#include "runtime/exec/thread_pool_executor.hpp"

#include <pthread.h>

#include <algorithm>
#include <condition_variable>
#include <deque>
#include <map>
#include <mutex>
#include <thread>
#include <vector>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

// Condition variables count in nanoseconds, in which the last of our times would overflow and have passed long since.
constexpr MonotonicTime kLatest{std::chrono::hours(24 * 365 * 100)};

}  // namespace

struct ThreadPoolExecutor::State {
  void work();
  [[nodiscard]] std::function<void()> next(std::unique_lock<std::mutex>& guard);

  const SystemClock clock;
  mutable std::mutex mutex;  // guards all below
  std::condition_variable changed;
  std::deque<std::function<void()>> ready;
  std::multimap<MonotonicTime, std::function<void()>> delayed;
  bool stopping = false;
  bool dropping = false;  // stopping, and what is queued is not run any more
  int alive = 0;          // threads that have not ended
  long long posted = 0;
  long long run = 0;
  long long dropped = 0;
  long long running = 0;
  std::vector<std::thread> threads;
  int thread_count = 0;
  std::string name;
};

ThreadPoolExecutor::ThreadPoolExecutor(std::string name, int threads) : state_(std::make_shared<State>()) {
  CHECK(threads >= 1, "a pool has at least one thread");
  name.resize(std::min<std::size_t>(name.size(), 12));
  state_->thread_count = threads;
  state_->alive = threads;
  state_->name = name;
  for (int i = 0; i < threads; ++i) {
    state_->threads.emplace_back([state = state_] { state->work(); });
    const std::string thread_name = threads == 1 ? name : name + "-" + std::to_string(i % 100);
    pthread_setname_np(state_->threads.back().native_handle(), thread_name.c_str());
  }
}

ThreadPoolExecutor::~ThreadPoolExecutor() { stop(); }

void ThreadPoolExecutor::post(std::function<void()> work) {
  const std::lock_guard guard(state_->mutex);
  ++state_->posted;
  // Work of our own threads is still taken while they finish what is queued: it belongs to that.
  if (state_->dropping || (state_->stopping && state_->running == 0 && state_->ready.empty())) {
    ++state_->dropped;
    return;
  }
  state_->ready.push_back(std::move(work));
  state_->changed.notify_one();
}

void ThreadPoolExecutor::post_after(Duration delay, std::function<void()> work) {
  if (delay <= Duration{}) return post(std::move(work));
  const std::lock_guard guard(state_->mutex);
  ++state_->posted;
  if (state_->stopping) {
    ++state_->dropped;
    return;
  }
  const auto place = state_->delayed.emplace(state_->clock.monotonic_now() + delay, std::move(work));
  // Only a new earliest one shortens anybody's wait.
  if (place == state_->delayed.begin()) state_->changed.notify_one();
}

std::function<void()> ThreadPoolExecutor::State::next(std::unique_lock<std::mutex>& guard) {
  for (;;) {
    while (!delayed.empty() && delayed.begin()->first <= clock.monotonic_now()) {
      ready.push_back(std::move(delayed.extract(delayed.begin()).mapped()));
      if (ready.size() > 1) changed.notify_one();
    }
    if (!ready.empty()) {
      std::function<void()> task = std::move(ready.front());
      ready.pop_front();
      // This thread may have been the timed waiter; wake another to wait for the next deadline.
      if (!delayed.empty()) changed.notify_one();
      return task;
    }
    if (stopping && (dropping || running == 0)) return nullptr;
    if (delayed.empty() || stopping) {
      changed.wait(guard);
    } else {
      const auto due = delayed.begin()->first;  // a copy: its entry may go while this thread sleeps
      changed.wait_until(guard, due);
    }
  }
}

void ThreadPoolExecutor::State::work() {
  std::unique_lock guard(mutex);
  while (std::function<void()> task = next(guard)) {
    ++running;
    guard.unlock();
    task();
    task = nullptr;  // what it owned goes outside the lock too
    guard.lock();
    --running;
    ++run;
    if (stopping && running == 0) changed.notify_all();
  }
  --alive;
  changed.notify_all();
}

void ThreadPoolExecutor::stop() {
  std::multimap<MonotonicTime, std::function<void()>> dropped;
  {
    const std::lock_guard guard(state_->mutex);
    if (state_->threads.empty()) return;
    state_->stopping = true;
    dropped.swap(state_->delayed);
    state_->dropped += static_cast<long long>(dropped.size());
    state_->changed.notify_all();
  }
  dropped.clear();
  for (std::thread& thread : state_->threads) {
    CHECK(thread.get_id() != std::this_thread::get_id(), "a pool is not stopped by its own thread");
    thread.join();
  }
  state_->threads.clear();
}

void ThreadPoolExecutor::drop_queued() {
  std::multimap<MonotonicTime, std::function<void()>> delayed;  // these two go outside the lock
  std::deque<std::function<void()>> ready;
  const std::lock_guard guard(state_->mutex);
  state_->stopping = true;
  state_->dropping = true;
  delayed.swap(state_->delayed);
  ready.swap(state_->ready);
  state_->dropped += static_cast<long long>(delayed.size() + ready.size());
  state_->changed.notify_all();
}

int ThreadPoolExecutor::stop_by(MonotonicTime deadline) {
  drop_queued();
  int left = 0;
  {
    std::unique_lock guard(state_->mutex);
    if (state_->threads.empty()) return 0;
    state_->changed.wait_until(guard, std::min(deadline, kLatest), [&] { return state_->alive == 0; });
    left = state_->alive;
  }
  for (std::thread& thread : state_->threads) {
    CHECK(thread.get_id() != std::this_thread::get_id(), "a pool is not stopped by its own thread");
    // Those that are left behind hold the state by themselves.
    if (left == 0)
      thread.join();
    else
      thread.detach();
  }
  state_->threads.clear();
  return left;
}

const std::string& ThreadPoolExecutor::name() const { return state_->name; }

long long ThreadPoolExecutor::queued() const {
  const std::lock_guard guard(state_->mutex);
  return static_cast<long long>(state_->ready.size());
}

int ThreadPoolExecutor::threads() const { return state_->thread_count; }

void ThreadPoolExecutor::check_integrity() const {
  const std::lock_guard guard(state_->mutex);
  CHECK(state_->posted == state_->run + state_->dropped + state_->running +
                              static_cast<long long>(state_->ready.size() + state_->delayed.size()),
        "posted == run + dropped + running + queued");
}

}  // namespace mnema
