#include <immintrin.h>

#include "inference/kernels/hardware_limits.hpp"

namespace mnema {
namespace {

constexpr int kSums = 8;

/// Multiply and widen, as a product without vpdpbusd must.
unsigned long long run(unsigned long long rounds, int* sink) {
  __m256i sum[kSums];
  for (int i = 0; i < kSums; ++i) sum[i] = _mm256_set1_epi32(i);
  __m256i a = _mm256_set1_epi8(3), b = _mm256_set1_epi8(5);
  const __m256i ones = _mm256_set1_epi16(1);
  for (unsigned long long round = 0; round < rounds; ++round) {
#pragma GCC unroll 8
    for (int i = 0; i < kSums; ++i) {
      sum[i] = _mm256_add_epi32(sum[i], _mm256_madd_epi16(_mm256_maddubs_epi16(a, b), ones));
      __asm__ volatile("" : "+x"(a), "+x"(b));
    }
  }
  for (int i = 1; i < kSums; ++i) sum[0] = _mm256_add_epi32(sum[0], sum[i]);
  *sink = _mm256_extract_epi32(sum[0], 0);
  return rounds * kSums * 32 * 2;
}

}  // namespace

const IntegerPeakKernel kIntegerPeakAvx2 = {run};

}  // namespace mnema
