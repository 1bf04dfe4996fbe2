// inference/kernels/simd_avx512.hpp
//
// The vector of AVX-512 under the names that attention_simd.hpp and elementwise_simd.hpp use. Included only by
// *_avx512.cpp; everything is internal to the including file, so that no code of one instruction set can be linked
// into another's.
#pragma once

// GCC 12 writes its undefined vectors as self-initialised variables and then warns of them.
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC diagnostic ignored "-Wuninitialized"
#pragma GCC diagnostic ignored "-Wmaybe-uninitialized"
#endif
#include <immintrin.h>

#include <cstdint>

namespace mnema {
namespace {

struct Simd {
  static constexpr int kLanes = 16;
  // Tile sizes that keep all accumulators in the 32 registers.
  static constexpr int kScoreRows = 8;
  static constexpr int kMixRows = 8;
  static constexpr int kMixVectors = 4;
  static constexpr int kMixSums = 24;

  using Float = __m512;
  using Mask = __mmask16;

  static Float zero() { return _mm512_setzero_ps(); }
  static Float set(float x) { return _mm512_set1_ps(x); }
  static Float load(const float* p) { return _mm512_loadu_ps(p); }
  static void store(float* p, Float x) { _mm512_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm512_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm512_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm512_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm512_div_ps(a, b); }
  static Float max(Float a, Float b) { return _mm512_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm512_min_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm512_fmadd_ps(a, b, c); }    // a·b + c
  static Float fnma(Float a, Float b, Float c) { return _mm512_fnmadd_ps(a, b, c); }  // c − a·b
  static Float round(Float x) { return _mm512_roundscale_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Float magnitude(Float x) { return _mm512_abs_ps(x); }
  static float sum(Float x) { return _mm512_reduce_add_ps(x); }
  static float largest(Float x) { return _mm512_reduce_max_ps(x); }

  /// x·2ⁿ for whole n.
  static Float times_power_of_two(Float x, Float n) { return _mm512_scalef_ps(x, n); }
  static Mask not_less(Float a, Float b) { return _mm512_cmp_ps_mask(a, b, _CMP_GE_OQ); }
  static Float select(Mask mask, Float yes, Float no) { return _mm512_mask_blend_ps(mask, no, yes); }
  /// Lanes first..last-1 of a vector whose lane 0 is number `base`.
  static Mask lanes(int base, int first, int last) {
    __m512i number = _mm512_add_epi32(_mm512_set1_epi32(base),
                                      _mm512_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15));
    return _mm512_cmp_epi32_mask(number, _mm512_set1_epi32(first), _MM_CMPINT_NLT) &
           _mm512_cmp_epi32_mask(number, _mm512_set1_epi32(last), _MM_CMPINT_LT);
  }
  static Float copy_sign(Float size, Float sign) {
    return _mm512_castsi512_ps(_mm512_ternarylogic_epi32(_mm512_castps_si512(size), _mm512_castps_si512(sign),
                                                         _mm512_set1_epi32(0x7fffffff), 0xe4));
  }

  static Float load_f16(const std::uint16_t* p) {
    return _mm512_cvtph_ps(_mm256_loadu_si256(reinterpret_cast<const __m256i*>(p)));
  }
  static void store_f16(std::uint16_t* p, Float x) {
    _mm256_storeu_si256(reinterpret_cast<__m256i*>(p),
                        _mm512_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static Float load_i8(const std::int8_t* p) {
    return _mm512_cvtepi32_ps(_mm512_cvtepi8_epi32(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p))));
  }
  /// Whole numbers within ±127.
  static void store_i8(std::int8_t* p, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm512_cvtsepi32_epi8(_mm512_cvtps_epi32(x)));
  }

  /// (x0, x1, x2, ...) → evens (x0, x2, ...) and odds (x1, x3, ...) of 2·kLanes neighbours, and back.
  static void split_pairs(const float* p, Float& evens, Float& odds) {
    Float a = load(p), b = load(p + kLanes);
    evens = _mm512_permutex2var_ps(a, even_lanes(), b);
    odds = _mm512_permutex2var_ps(a, odd_lanes(), b);
  }
  static void join_pairs(float* p, Float evens, Float odds) {
    const __m512i low = _mm512_setr_epi32(0, 16, 1, 17, 2, 18, 3, 19, 4, 20, 5, 21, 6, 22, 7, 23);
    const __m512i high = _mm512_setr_epi32(8, 24, 9, 25, 10, 26, 11, 27, 12, 28, 13, 29, 14, 30, 15, 31);
    store(p, _mm512_permutex2var_ps(evens, low, odds));
    store(p + kLanes, _mm512_permutex2var_ps(evens, high, odds));
  }

 private:
  static __m512i even_lanes() { return _mm512_setr_epi32(0, 2, 4, 6, 8, 10, 12, 14, 16, 18, 20, 22, 24, 26, 28, 30); }
  static __m512i odd_lanes() { return _mm512_setr_epi32(1, 3, 5, 7, 9, 11, 13, 15, 17, 19, 21, 23, 25, 27, 29, 31); }
};

}  // namespace
}  // namespace mnema
