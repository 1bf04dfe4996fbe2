#include "runtime/base/backoff.hpp"

#include <algorithm>

namespace mnema {

Duration jittered_backoff(Duration base, Duration cap, int attempt, Random& random) {
  Duration ceiling = std::min(base, cap);
  for (int i = 1; i < attempt && ceiling < cap; ++i) ceiling = ceiling > cap / 2 ? cap : ceiling * 2;
  return Duration(static_cast<std::int64_t>(random.below(static_cast<std::uint64_t>(ceiling.count()) + 1)));
}

Duration at_least_as_asked(Duration wait, std::int64_t retry_after_ms, std::int64_t retry_after_max_ms) {
  return std::max<Duration>(wait, std::chrono::milliseconds(std::min(retry_after_ms, retry_after_max_ms)));
}

}  // namespace mnema
