#include "connectors/rate_limit.hpp"

#include <algorithm>
#include <cmath>

namespace mnema {

std::optional<Duration> TokenBucket::take(MonotonicTime now, Duration delay, Duration patience) {
  // Not before those who have reserved.
  MonotonicTime from = std::max(updated_, now + delay);
  double elapsed = std::chrono::duration<double>(from - updated_).count();
  double tokens = std::min(burst_, tokens_ + elapsed * per_second_);
  double missing = std::max(0.0, 1 - tokens);
  Duration wait = from - now + Duration{static_cast<long long>(std::ceil(missing / per_second_ * 1e6))};
  if (wait > patience) return std::nullopt;
  tokens_ = tokens - 1;
  updated_ = from;
  return wait;
}

Duration SlidingLog::wait(Time now) const {
  // The permit `calls_max_` places back must have left the window. Clocks that step back make us wait, never rush.
  Time earliest = now;
  if (!permits_.empty()) earliest = std::max(earliest, std::min(permits_.back(), now + window_));
  auto limit = static_cast<std::size_t>(calls_max_);
  if (permits_.size() >= limit) earliest = std::max(earliest, permits_[permits_.size() - limit] + window_);
  return earliest - now;
}

void SlidingLog::take(Time at) {
  permits_.push_back(at);
  while (permits_.size() > static_cast<std::size_t>(calls_max_)) permits_.pop_front();
}

}  // namespace mnema
