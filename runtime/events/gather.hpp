// runtime/events/gather.hpp
//
// How the waiting rows of a lane become one dispatch. A lane that gathers waits for the end of its window, then:
//
//   kNewest   dispatches its newest row; the earlier ones are superseded (coalesce; with `sliding`: debounce)
//   kAll      dispatches its first rows together, at most `rows_max` (batch)
//
// The window is reckoned from what the rows know of themselves (when they began to wait), so it needs no timer of its
// own and survives a restart with them. A row that was dispatched before is dispatched alone again: what its turn has
// done belongs to it.
//
// Threads: plain value.
#pragma once

#include <cstddef>

#include "runtime/base/clock.hpp"

namespace mnema {

struct Gather {
  enum class Kind { kNone, kNewest, kAll };
  Kind kind = Kind::kNone;
  Duration window{};  // since the first row began to wait; with `sliding` since the last one did
  bool sliding = false;
  Duration wait_max{};          // of the first row, with `sliding`
  std::size_t rows_max = 0;     // so many rows end the window at once; 0 = no number does
  std::size_t rows_kept_max{};  // kNewest: of more rows than these only the first and the newest are kept waiting
};

}  // namespace mnema
