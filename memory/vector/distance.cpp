#include "memory/vector/distance.hpp"

namespace mnema {

extern const DistanceKernels kDistanceAvx2;
extern const DistanceKernels kDistanceAvx512;

namespace {

float dot_f32_scalar(const float* a, const float* b, std::size_t count) {
  // Four sums, so that the compiler may keep them in one register without reordering what we wrote.
  float sums[4] = {};
  std::size_t i = 0;
  for (; i + 4 <= count; i += 4) {
    for (int lane = 0; lane < 4; ++lane) sums[lane] += a[i + lane] * b[i + lane];
  }
  for (; i < count; ++i) sums[0] += a[i] * b[i];
  return (sums[0] + sums[1]) + (sums[2] + sums[3]);
}

std::int32_t dot_i8_scalar(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  std::int32_t sum = 0;
  for (std::size_t i = 0; i < count; ++i) sum += static_cast<std::int32_t>(a[i]) * b[i];
  return sum;
}

void dot_i8_with_four_scalar(const std::int8_t* a, const std::int8_t* const* four, std::size_t count,
                             std::int32_t* out) {
  for (int k = 0; k < 4; ++k) out[k] = dot_i8_scalar(a, four[k], count);
}

std::int32_t dot_bit_planes_scalar(const std::uint64_t* planes, const std::uint64_t* bits, std::size_t words) {
  std::int32_t sum = 0;
  for (std::size_t plane = 0; plane < kBitPlanes; ++plane) {
    std::int32_t count = 0;
    for (std::size_t i = 0; i < words; ++i) count += __builtin_popcountll(planes[plane * words + i] & bits[i]);
    sum += count << plane;
  }
  return sum;
}

constexpr DistanceKernels kDistanceScalar = {"scalar", dot_f32_scalar, dot_i8_scalar, dot_i8_with_four_scalar,
                                             dot_bit_planes_scalar};

bool has_avx2() {
  return __builtin_cpu_supports("avx2") && __builtin_cpu_supports("fma") && __builtin_cpu_supports("popcnt");
}
bool has_avx512() {
  return has_avx2() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw") &&
         __builtin_cpu_supports("avx512vl") && __builtin_cpu_supports("avx512vnni");
}

}  // namespace

const DistanceKernels& distance_kernels() {
  static const DistanceKernels& chosen = *available_distance_kernels().back();
  return chosen;
}

std::vector<const DistanceKernels*> available_distance_kernels() {
  std::vector<const DistanceKernels*> kernels = {&kDistanceScalar};
  if (has_avx2()) kernels.push_back(&kDistanceAvx2);
  if (has_avx512()) kernels.push_back(&kDistanceAvx512);
  return kernels;
}

}  // namespace mnema
