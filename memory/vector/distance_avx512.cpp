// GCC 12 writes its undefined vectors as self-initialised variables and then warns of them.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#endif
#include <immintrin.h>

#include "memory/vector/distance.hpp"
#include "memory/vector/distance_popcnt.hpp"

namespace mnema {
namespace {

float dot_f32(const float* a, const float* b, std::size_t count) {
  __m512 sum0 = _mm512_setzero_ps();
  __m512 sum1 = _mm512_setzero_ps();
  std::size_t i = 0;
  for (; i + 32 <= count; i += 32) {
    sum0 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i), _mm512_loadu_ps(b + i), sum0);
    sum1 = _mm512_fmadd_ps(_mm512_loadu_ps(a + i + 16), _mm512_loadu_ps(b + i + 16), sum1);
  }
  float total = _mm512_reduce_add_ps(_mm512_add_ps(sum0, sum1));
  for (; i < count; ++i) total += a[i] * b[i];
  return total;
}

// vpdpbusd multiplies unsigned by signed bytes: (a + 128) * b is summed, and 128 * b taken off again.
std::int32_t dot_i8(const std::int8_t* a, const std::int8_t* b, std::size_t count) {
  const __m512i bias = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i products = _mm512_setzero_si512();
  __m512i biased = _mm512_setzero_si512();
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m512i a64 = _mm512_xor_si512(_mm512_loadu_si512(a + i), bias);
    const __m512i b64 = _mm512_loadu_si512(b + i);
    products = _mm512_dpbusd_epi32(products, a64, b64);
    biased = _mm512_dpbusd_epi32(biased, bias, b64);
  }
  std::int32_t total = _mm512_reduce_add_epi32(_mm512_sub_epi32(products, biased));
  for (; i < count; ++i) total += static_cast<std::int32_t>(a[i]) * b[i];
  return total;
}

// Here the four are made unsigned, so that what is taken off again, 128 times the sum of `a`, is the same for all.
void dot_i8_with_four(const std::int8_t* a, const std::int8_t* const* four, std::size_t count, std::int32_t* out) {
  const __m512i bias = _mm512_set1_epi8(static_cast<char>(0x80));
  __m512i biased = _mm512_setzero_si512();
  __m512i sums[4] = {biased, biased, biased, biased};
  std::size_t i = 0;
  for (; i + 64 <= count; i += 64) {
    const __m512i a64 = _mm512_loadu_si512(a + i);
    biased = _mm512_dpbusd_epi32(biased, bias, a64);
    for (int k = 0; k < 4; ++k) {
      sums[k] = _mm512_dpbusd_epi32(sums[k], _mm512_xor_si512(_mm512_loadu_si512(four[k] + i), bias), a64);
    }
  }
  __m256i halves[4];
  for (int k = 0; k < 4; ++k) {
    const __m512i sum = _mm512_sub_epi32(sums[k], biased);
    halves[k] = _mm256_add_epi32(_mm512_castsi512_si256(sum), _mm512_extracti64x4_epi64(sum, 1));
  }
  const __m256i pairs =
      _mm256_hadd_epi32(_mm256_hadd_epi32(halves[0], halves[1]), _mm256_hadd_epi32(halves[2], halves[3]));
  const __m128i totals = _mm_add_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256(pairs, 1));
  _mm_storeu_si128(reinterpret_cast<__m128i*>(out), totals);
  for (; i < count; ++i) {
    for (int k = 0; k < 4; ++k) out[k] += static_cast<std::int32_t>(a[i]) * four[k][i];
  }
}

}  // namespace

extern const DistanceKernels kDistanceAvx512;
const DistanceKernels kDistanceAvx512 = {"avx512", dot_f32, dot_i8, dot_i8_with_four, dot_bit_planes};

}  // namespace mnema
