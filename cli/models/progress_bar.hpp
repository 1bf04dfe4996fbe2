// cli/models/progress_bar.hpp
//
// One line on stderr that tells how far a long transfer is. Redraws at most ten times a second on a terminal; on a
// pipe it prints a line per tenth.
//
// Threads: confined to one.
#pragma once

#include <cstdint>
#include <string>

#include "runtime/base/clock.hpp"

namespace mnema {

class ProgressBar {
 public:
  /// `total_bytes` 0 = unknown.
  ProgressBar(std::string label, std::int64_t total_bytes, const Clock& clock);
  ~ProgressBar();
  ProgressBar(const ProgressBar&) = delete;
  ProgressBar& operator=(const ProgressBar&) = delete;

  void update(std::int64_t done_bytes);

 private:
  void draw(std::int64_t done_bytes);
  const std::string label_;
  const std::int64_t total_bytes_;
  const Clock& clock_;
  const MonotonicTime started_;
  MonotonicTime drawn_{};
  const bool terminal_;
  int tenth_ = -1;
  std::int64_t first_bytes_ = -1;  // what was there before (a resumed transfer), left out of the rate
  std::int64_t done_bytes_ = 0;
};

}  // namespace mnema
