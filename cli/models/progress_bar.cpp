#include "cli/models/progress_bar.hpp"

#include <unistd.h>

#include <algorithm>
#include <cstdio>

namespace mnema {

ProgressBar::ProgressBar(std::string label, std::int64_t total_bytes, const Clock& clock)
    : label_(std::move(label)),
      total_bytes_(total_bytes),
      clock_(clock),
      started_(clock.monotonic_now()),
      terminal_(isatty(STDERR_FILENO) == 1) {}

ProgressBar::~ProgressBar() {
  if (done_bytes_ == 0 || (!terminal_ && total_bytes_ > 0)) return;  // a pipe has its last tenth already
  draw(done_bytes_);
  if (terminal_) std::fputc('\n', stderr);
}

void ProgressBar::update(std::int64_t done_bytes) {
  if (first_bytes_ < 0) first_bytes_ = done_bytes;
  done_bytes_ = done_bytes;
  const MonotonicTime now = clock_.monotonic_now();
  if (terminal_) {
    if (now - drawn_ < std::chrono::milliseconds(100)) return;
    drawn_ = now;
    draw(done_bytes);
  } else if (total_bytes_ > 0) {
    const int tenth = static_cast<int>(done_bytes * 10 / total_bytes_);
    if (tenth == tenth_) return;
    tenth_ = tenth;
    draw(done_bytes);
  }
}

void ProgressBar::draw(std::int64_t done_bytes) {
  const double megabytes = static_cast<double>(done_bytes) / 1e6;
  const double seconds = std::max(0.001, std::chrono::duration<double>(clock_.monotonic_now() - started_).count());
  const double rate = static_cast<double>(done_bytes - std::max<std::int64_t>(0, first_bytes_)) / 1e6 / seconds;
  if (total_bytes_ > 0) {
    constexpr int kWidth = 30;
    const double fraction = std::min(1.0, static_cast<double>(done_bytes) / static_cast<double>(total_bytes_));
    const int filled = static_cast<int>(fraction * kWidth);
    std::fprintf(stderr, "%s%-40s [%.*s%.*s] %3.0f %%  %7.1f / %.1f MB  %6.1f MB/s%s", terminal_ ? "\r" : "",
                 label_.c_str(), filled, "##############################", kWidth - filled,
                 "..............................", fraction * 100, megabytes, static_cast<double>(total_bytes_) / 1e6,
                 rate, terminal_ ? "" : "\n");
  } else {
    std::fprintf(stderr, "%s%-40s %7.1f MB  %6.1f MB/s%s", terminal_ ? "\r" : "", label_.c_str(), megabytes, rate,
                 terminal_ ? "" : "\n");
  }
  std::fflush(stderr);
}

}  // namespace mnema
