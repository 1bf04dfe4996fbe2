#include <immintrin.h>

#include "memory/vector/distance.hpp"
#include "memory/vector/distance_popcnt.hpp"

namespace mnema {
namespace {

float dot_f32(const float* a, const float* b, std::size_t count) {
  __m256 sum0 = _mm256_setzero_ps();
  __m256 sum1 = _mm256_setzero_ps();
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    sum0 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i), _mm256_loadu_ps(b + i), sum0);
    sum1 = _mm256_fmadd_ps(_mm256_loadu_ps(a + i + 8), _mm256_loadu_ps(b + i + 8), sum1);
  }
  const __m256 sum = _mm256_add_ps(sum0, sum1);
  __m128 half = _mm_add_ps(_mm256_castps256_ps128(sum), _mm256_extractf128_ps(sum, 1));
  half = _mm_add_ps(half, _mm_movehl_ps(half, half));
  half = _mm_add_ss(half, _mm_movehdup_ps(half));
  float total = _mm_cvtss_f32(half);
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

std::int32_t dot_i8(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  __m256i sum0 = _mm256_setzero_si256();
  __m256i sum1 = _mm256_setzero_si256();
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    const auto* a16 = reinterpret_cast<const __m128i*>(a + i);
    const auto* b16 = reinterpret_cast<const __m128i*>(b + i);
    const __m256i a0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(a16));
    const __m256i b0 = _mm256_cvtepi8_epi16(_mm_loadu_si128(b16));
    const __m256i a1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(a16 + 1));
    const __m256i b1 = _mm256_cvtepi8_epi16(_mm_loadu_si128(b16 + 1));
    sum0 = _mm256_add_epi32(sum0, _mm256_madd_epi16(a0, b0));
    sum1 = _mm256_add_epi32(sum1, _mm256_madd_epi16(a1, b1));
  }
  const __m256i sum = _mm256_add_epi32(sum0, sum1);
  __m128i half = _mm_add_epi32(_mm256_castsi256_si128(sum), _mm256_extracti128_si256(sum, 1));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0x4e));
  half = _mm_add_epi32(half, _mm_shuffle_epi32(half, 0xb1));
  std::int32_t total = _mm_cvtsi128_si32(half);
  for (; i < count; ++i) total += static_cast<std::int32_t>(a[i]) * b[i];
  return total;
}

// The widened bytes of `a` serve all four.
void dot_i8_with_four(const std::int8_t* a, const std::int8_t* const* four, std::size_t count, std::int32_t* out) {
  __m256i sums[4] = {};
  std::size_t i = 0;
  for (; i + 16 <= count; i += 16) {
    const __m256i a16 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(a + i)));
    for (int k = 0; k < 4; ++k) {
      const __m256i b16 = _mm256_cvtepi8_epi16(_mm_loadu_si128(reinterpret_cast<const __m128i*>(four[k] + i)));
      sums[k] = _mm256_add_epi32(sums[k], _mm256_madd_epi16(a16, b16));
    }
  }
  const __m256i pairs = _mm256_hadd_epi32(_mm256_hadd_epi32(sums[0], sums[1]), _mm256_hadd_epi32(sums[2], sums[3]));
  const __m128i totals = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), totals);
  for (; i < count; ++i) {
    for (int k = 0; k < 4; ++k) out[k] += static_cast<std::int32_t>(a[i]) * four[k][i];
  }
}

}  // namespace

extern const DistanceKernels kDistanceAvx2;
const DistanceKernels kDistanceAvx2 = {"avx2", dot_f32, dot_i8, dot_i8_with_four, dot_bit_planes};

}  // namespace mnema
