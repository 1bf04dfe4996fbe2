// inference/kernels/hardware_limits.hpp
//
// What this machine could do at best, measured: how many 8-bit multiply-adds its cores manage when nothing has to be
// loaded, and how fast they read memory when nothing has to be computed. A benchmark's result is told as a fraction of
// these, so that anyone sees how far it is from the end of the road.
//
// Threads: each function blocks its caller, who is worker 0 of `pool`, for about half a second.
#pragma once

#include "inference/kernels/thread_pool.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {

/// 10⁹ 8-bit operations (a multiply-add is two) per second of all workers together, by the best instruction set that
/// this CPU has. 0 where it has none of ours.
[[nodiscard]] double measure_integer_peak_gops(ThreadPool& pool, const Clock& clock);

/// 10⁹ bytes per second that all workers together read from memory, each its own part of 256 MiB.
[[nodiscard]] double measure_read_bandwidth_gb_per_s(ThreadPool& pool, const Clock& clock);

/// Multiply-adds on registers alone, `rounds` times; returns how many operations that were. In hardware_limits_*.cpp.
struct IntegerPeakKernel {
  unsigned long long (*run)(unsigned long long rounds, int* sink);
};
extern const IntegerPeakKernel kIntegerPeakAvx2;
extern const IntegerPeakKernel kIntegerPeakAvx512;

}  // namespace mnema
