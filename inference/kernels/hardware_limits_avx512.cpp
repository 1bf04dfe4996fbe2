#include <immintrin.h>

#include "inference/kernels/hardware_limits.hpp"

namespace mnema {
namespace {

/// Enough independent sums to hide the latency of vpdpbusd.
constexpr int kSums = 16;

unsigned long long run(unsigned long long rounds, int* sink) {
  __m512i sum[kSums];
  for (int i = 0; i < kSums; ++i) sum[i] = _mm512_set1_epi32(i);
  __m512i a = _mm512_set1_epi8(3), b = _mm512_set1_epi8(5);
  for (unsigned long long round = 0; round < rounds; ++round) {
#pragma GCC unroll 16
    for (int i = 0; i < kSums; ++i) sum[i] = _mm512_dpbusd_epi32(sum[i], a, b);
    __asm__ volatile("" : "+v"(a), "+v"(b));  // the products are not to be computed once
  }
  for (int i = 1; i < kSums; ++i) sum[0] = _mm512_add_epi32(sum[0], sum[i]);
  *sink = _mm512_reduce_add_epi32(sum[0]);
  return rounds * kSums * 64 * 2;
}

}  // namespace

const IntegerPeakKernel kIntegerPeakAvx512 = {run};

}  // namespace mnema
