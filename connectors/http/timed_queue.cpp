#include "connectors/http/timed_queue.hpp"

#include <algorithm>

#include "runtime/base/check.hpp"

namespace mnema {

bool TimedQueue::offer(std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return false;
    ready_.push_back(std::move(work));
    if (ready_.size() > 1) return true;  // whoever posted the first has woken the thread
  }
  wake_();
  return true;
}

void TimedQueue::post(std::function<void()> work) { static_cast<void>(offer(std::move(work))); }

void TimedQueue::post_after(Duration delay, std::function<void()> work) {
  {
    std::lock_guard lock(mutex_);
    if (closed_) return;
    const auto placed = delayed_.emplace(clock_.monotonic_now() + delay, std::move(work));
    if (placed != delayed_.begin()) return;
  }
  wake_();
}

void TimedQueue::run_due() {
  std::vector<std::function<void()>> due;
  {
    std::lock_guard lock(mutex_);
    due.swap(ready_);
    const auto end = delayed_.upper_bound(clock_.monotonic_now());
    for (auto next = delayed_.begin(); next != end; next = delayed_.erase(next)) due.push_back(std::move(next->second));
  }
  for (auto& work : due) {
    work();
    work = nullptr;  // what it holds may be large, or post from its destructor
  }
}

std::optional<Duration> TimedQueue::patience() const {
  std::lock_guard lock(mutex_);
  if (!ready_.empty()) return Duration::zero();
  if (delayed_.empty()) return std::nullopt;
  return std::max(Duration::zero(), delayed_.begin()->first - clock_.monotonic_now());
}

bool TimedQueue::close_if_idle() {
  std::multimap<MonotonicTime, std::function<void()>> dropped;  // destroyed without the mutex: it may post
  std::lock_guard lock(mutex_);
  if (!ready_.empty()) return false;
  closed_ = true;
  dropped.swap(delayed_);
  return true;
}

void TimedQueue::check_integrity() const {
  std::lock_guard lock(mutex_);
  CHECK(!closed_ || (ready_.empty() && delayed_.empty()), "nothing is queued after it is closed");
}

}  // namespace mnema
