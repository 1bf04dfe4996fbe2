#include "inference/kernels/hardware_limits.hpp"

#include <algorithm>
#include <atomic>
#include <cstdint>
#include <span>

#include "inference/kernels/matmul.hpp"
#include "inference/kernels/weight_arena.hpp"

namespace mnema {
namespace {

constexpr int kRounds = 5;  // the best of which counts: a limit is what was reached undisturbed

double seconds_between(MonotonicTime begin, MonotonicTime end) {
  return std::chrono::duration<double>(end - begin).count();
}

}  // namespace

double measure_integer_peak_gops(ThreadPool& pool, const Clock& clock) {
  const InstructionSet isa = best_instruction_set();
  if (isa == InstructionSet::kScalar) return 0;
  const IntegerPeakKernel& kernel = isa == InstructionSet::kAvx512 ? kIntegerPeakAvx512 : kIntegerPeakAvx2;
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<unsigned long long> operations{0};
    std::atomic<int> sink{0};
    const MonotonicTime begin = clock.monotonic_now();
    pool.run([&](int) {
      int value = 0;
      operations += kernel.run(10'000'000, &value);
      sink += value;
    });
    const double seconds = seconds_between(begin, clock.monotonic_now());
    best = std::max(best, static_cast<double>(operations.load()) / seconds / 1e9);
  }
  return best;
}

double measure_read_bandwidth_gb_per_s(ThreadPool& pool, const Clock& clock) {
  constexpr std::size_t kWords = (std::size_t{256} << 20) / sizeof(std::uint64_t);
  // As weights lie: on huge pages.
  WeightArena arena;
  const std::shared_ptr<std::byte> owned = arena.allocate(kWords * sizeof(std::uint64_t));
  const std::span memory(reinterpret_cast<std::uint64_t*>(owned.get()), kWords);
  std::fill(memory.begin(), memory.end(), 1);
  double best = 0;
  for (int round = 0; round < kRounds; ++round) {
    std::atomic<std::uint64_t> sink{0};
    const MonotonicTime begin = clock.monotonic_now();
    pool.run([&](int worker) {
      const Share share = share_of(kWords, 8, worker, pool.threads());
      std::uint64_t sums[8] = {};
      for (std::size_t i = share.begin; i < share.end; i += 8) {
        for (std::size_t lane = 0; lane < 8; ++lane) sums[lane] += memory[i + lane];
      }
      for (const std::uint64_t sum : sums) sink += sum;
    });
    const double seconds = seconds_between(begin, clock.monotonic_now());
    if (sink.load() == kWords)
      best = std::max(best, static_cast<double>(kWords) * sizeof(std::uint64_t) / seconds / 1e9);
  }
  return best;
}

}  // namespace mnema
