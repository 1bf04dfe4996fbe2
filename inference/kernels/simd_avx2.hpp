// inference/kernels/simd_avx2.hpp
//
// The vector of AVX2 with FMA and F16C under the names that attention_simd.hpp and elementwise_simd.hpp use; see
// simd_avx512.hpp. Included only by *_avx2.cpp.
#pragma once

#include <immintrin.h>

#include <cstdint>

namespace mnema {
namespace {

struct Simd {
  static constexpr int kLanes = 8;
  // Tile sizes that keep all accumulators in the 16 registers.
  static constexpr int kScoreRows = 3;
  static constexpr int kMixRows = 3;
  static constexpr int kMixVectors = 4;
  static constexpr int kMixSums = 12;

  using Float = __m256;
  using Mask = __m256;

  static Float zero() { return _mm256_setzero_ps(); }
  static Float set(float x) { return _mm256_set1_ps(x); }
  static Float load(const float* p) { return _mm256_loadu_ps(p); }
  static void store(float* p, Float x) { _mm256_storeu_ps(p, x); }
  static Float add(Float a, Float b) { return _mm256_add_ps(a, b); }
  static Float sub(Float a, Float b) { return _mm256_sub_ps(a, b); }
  static Float mul(Float a, Float b) { return _mm256_mul_ps(a, b); }
  static Float div(Float a, Float b) { return _mm256_div_ps(a, b); }
  static Float max(Float a, Float b) { return _mm256_max_ps(a, b); }
  static Float min(Float a, Float b) { return _mm256_min_ps(a, b); }
  static Float fma(Float a, Float b, Float c) { return _mm256_fmadd_ps(a, b, c); }    // a·b + c
  static Float fnma(Float a, Float b, Float c) { return _mm256_fnmadd_ps(a, b, c); }  // c − a·b
  static Float round(Float x) { return _mm256_round_ps(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC); }
  static Float magnitude(Float x) { return _mm256_andnot_ps(_mm256_set1_ps(-0.0F), x); }
  static float sum(Float x) {
    __m128 four = _mm_add_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_add_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_add_ss(two, _mm_movehdup_ps(two)));
  }
  static float largest(Float x) {
    __m128 four = _mm_max_ps(_mm256_castps256_ps128(x), _mm256_extractf128_ps(x, 1));
    __m128 two = _mm_max_ps(four, _mm_movehl_ps(four, four));
    return _mm_cvtss_f32(_mm_max_ss(two, _mm_movehdup_ps(two)));
  }

  /// x·2ⁿ for whole n in −126..127.
  static Float times_power_of_two(Float x, Float n) {
    __m256i bits = _mm256_slli_epi32(_mm256_add_epi32(_mm256_cvtps_epi32(n), _mm256_set1_epi32(127)), 23);
    return _mm256_mul_ps(x, _mm256_castsi256_ps(bits));
  }
  static Mask not_less(Float a, Float b) { return _mm256_cmp_ps(a, b, _CMP_GE_OQ); }
  static Float select(Mask mask, Float yes, Float no) { return _mm256_blendv_ps(no, yes, mask); }
  /// Lanes first..last-1 of a vector whose lane 0 is number `base`.
  static Mask lanes(int base, int first, int last) {
    __m256i number = _mm256_add_epi32(_mm256_set1_epi32(base), _mm256_setr_epi32(0, 1, 2, 3, 4, 5, 6, 7));
    __m256i before = _mm256_cmpgt_epi32(_mm256_set1_epi32(first), number);
    __m256i inside = _mm256_cmpgt_epi32(_mm256_set1_epi32(last), number);
    return _mm256_castsi256_ps(_mm256_andnot_si256(before, inside));
  }
  static Float copy_sign(Float size, Float sign) {
    return _mm256_or_ps(magnitude(size), _mm256_and_ps(_mm256_set1_ps(-0.0F), sign));
  }

  static Float load_f16(const std::uint16_t* p) {
    return _mm256_cvtph_ps(_mm_loadu_si128(reinterpret_cast<const __m128i*>(p)));
  }
  static void store_f16(std::uint16_t* p, Float x) {
    _mm_storeu_si128(reinterpret_cast<__m128i*>(p), _mm256_cvtps_ph(x, _MM_FROUND_TO_NEAREST_INT | _MM_FROUND_NO_EXC));
  }
  static Float load_i8(const std::int8_t* p) {
    return _mm256_cvtepi32_ps(_mm256_cvtepi8_epi32(_mm_loadl_epi64(reinterpret_cast<const __m128i*>(p))));
  }
  /// Whole numbers within ±127.
  static void store_i8(std::int8_t* p, Float x) {
    __m256i whole = _mm256_cvtps_epi32(x);
    __m128i half = _mm_packs_epi32(_mm256_castsi256_si128(whole), _mm256_extracti128_si256(whole, 1));
    _mm_storel_epi64(reinterpret_cast<__m128i*>(p), _mm_packs_epi16(half, half));
  }

  /// (x0, x1, x2, ...) → evens (x0, x2, ...) and odds (x1, x3, ...) of 2·kLanes neighbours, and back. The order inside
  /// `evens` and `odds` is natural, so that tables per pair can be loaded as they stand.
  static void split_pairs(const float* p, Float& evens, Float& odds) {
    Float a = load(p), b = load(p + kLanes);
    evens = natural(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(2, 0, 2, 0)));
    odds = natural(_mm256_shuffle_ps(a, b, _MM_SHUFFLE(3, 1, 3, 1)));
  }
  static void join_pairs(float* p, Float evens, Float odds) {
    Float low = _mm256_unpacklo_ps(evens, odds), high = _mm256_unpackhi_ps(evens, odds);
    store(p, _mm256_permute2f128_ps(low, high, 0x20));
    store(p + kLanes, _mm256_permute2f128_ps(low, high, 0x31));
  }

 private:
  static Float natural(Float x) {
    return _mm256_castpd_ps(_mm256_permute4x64_pd(_mm256_castps_pd(x), _MM_SHUFFLE(3, 1, 2, 0)));
  }
};

}  // namespace
}  // namespace mnema
