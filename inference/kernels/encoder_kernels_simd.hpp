// inference/kernels/encoder_kernels_simd.hpp
//
// The encoder's kernels written once for vectors of any width: encoder_kernels_avx2.cpp and encoder_kernels_avx512.cpp
// include it after their Simd. Queries are taken a few at a time so that their accumulators stay in registers; how many
// changes nothing in a query's own arithmetic. Rows are whole vectors: widths are multiples of 32.
#pragma once

#include "inference/kernels/encoder_kernels.hpp"
#include "inference/kernels/simd_math.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLanes = Simd::kLanes;
constexpr std::size_t kHeadVectors = kTextHeadDim / kLanes;
constexpr float kUnseen = -2e30F;  // below every score; finite, so that a difference is no NaN

/// Queries first..first+kRows-1 of a text whose keys lie turned around, [kTextHeadDim, padded].
template <int kRows>
void attend_rows(const TextAttention& text, const float* keys, std::size_t padded, std::size_t first, float* scores,
                 float* out, std::size_t out_stride) {
  using S = Simd;
  float query[kRows][kTextHeadDim];
  const S::Float scale = S::set(1.0F / __builtin_sqrtf(static_cast<float>(kTextHeadDim)));
  for (int r = 0; r < kRows; ++r) {
    const float* from = text.query + (first + static_cast<std::size_t>(r)) * text.stride;
    for (std::size_t d = 0; d < kTextHeadDim; d += kLanes) {
      S::store(query[r] + d, S::mul(S::add(S::load(from + d), S::load(text.query_bias + d)), scale));
    }
  }
  S::Float top[kRows];
  for (int r = 0; r < kRows; ++r) top[r] = S::set(kUnseen);
  for (std::size_t j = 0; j < padded; j += kLanes) {
    S::Float sum[kRows];
    for (int r = 0; r < kRows; ++r) sum[r] = S::zero();
    for (std::size_t d = 0; d < kTextHeadDim; ++d) {
      const S::Float key = S::load(keys + d * padded + j);
      for (int r = 0; r < kRows; ++r) sum[r] = S::fma(S::set(query[r][d]), key, sum[r]);
    }
    const S::Mask seen = S::lanes(static_cast<int>(j), 0, static_cast<int>(text.tokens));
    for (int r = 0; r < kRows; ++r) {
      sum[r] = S::select(seen, sum[r], S::set(kUnseen));
      top[r] = S::max(top[r], sum[r]);
      S::store(scores + static_cast<std::size_t>(r) * padded + j, sum[r]);
    }
  }
  float total[kRows];
  for (int r = 0; r < kRows; ++r) {
    const S::Float highest = S::set(S::largest(top[r]));
    float* row = scores + static_cast<std::size_t>(r) * padded;
    S::Float sum = S::zero();
    for (std::size_t j = 0; j < padded; j += kLanes) {
      const S::Float weight = exp_not_positive(S::sub(S::load(row + j), highest));
      sum = S::add(sum, weight);
      S::store(row + j, weight);
    }
    total[r] = S::sum(sum);
  }
  S::Float mixed[kRows][kHeadVectors];
  for (int r = 0; r < kRows; ++r) {
    for (std::size_t v = 0; v < kHeadVectors; ++v) mixed[r][v] = S::zero();
  }
  for (std::size_t j = 0; j < text.tokens; ++j) {
    S::Float value[kHeadVectors];
    for (std::size_t v = 0; v < kHeadVectors; ++v) value[v] = S::load(text.value + j * text.stride + v * kLanes);
    for (int r = 0; r < kRows; ++r) {
      const S::Float weight = S::set(scores[static_cast<std::size_t>(r) * padded + j]);
      for (std::size_t v = 0; v < kHeadVectors; ++v) mixed[r][v] = S::fma(weight, value[v], mixed[r][v]);
    }
  }
  for (int r = 0; r < kRows; ++r) {
    const S::Float share = S::set(1.0F / total[r]);
    float* to = out + (first + static_cast<std::size_t>(r)) * out_stride;
    for (std::size_t v = 0; v < kHeadVectors; ++v) {
      S::store(to + v * kLanes, S::fma(mixed[r][v], share, S::load(text.value_bias + v * kLanes)));
    }
  }
}

void attend_text(const TextAttention& text, float* scratch, float* out, std::size_t out_stride) {
  constexpr int kRows = Simd::kScoreRows < 8 ? Simd::kScoreRows : 8;
  const std::size_t padded = (text.tokens + kTextKeysMultiple - 1) / kTextKeysMultiple * kTextKeysMultiple;
  float* keys = scratch;
  float* scores = scratch + kTextHeadDim * padded;
  for (std::size_t j = 0; j < padded; ++j) {
    const float* key = text.key + j * text.stride;
    for (std::size_t d = 0; d < kTextHeadDim; ++d) keys[d * padded + j] = j < text.tokens ? key[d] : 0.0F;
  }
  std::size_t first = text.first;
  for (; first + kRows <= text.end; first += kRows)
    attend_rows<kRows>(text, keys, padded, first, scores, out, out_stride);
  for (; first < text.end; ++first) attend_rows<1>(text, keys, padded, first, scores, out, out_stride);
}

void add_and_norm(float* x, const float* y, const float* y_bias, const float* weight, const float* bias, float epsilon,
                  std::size_t n) {
  using S = Simd;
  S::Float sum = S::zero(), squares = S::zero();
  for (std::size_t i = 0; i < n; i += kLanes) {
    const S::Float s = S::add(S::load(x + i), S::add(S::load(y + i), S::load(y_bias + i)));
    S::store(x + i, s);
    sum = S::add(sum, s);
  }
  const S::Float mean = S::set(S::sum(sum) / static_cast<float>(n));
  for (std::size_t i = 0; i < n; i += kLanes) {
    const S::Float off = S::sub(S::load(x + i), mean);
    squares = S::fma(off, off, squares);
  }
  const S::Float inverse = S::set(1.0F / __builtin_sqrtf(S::sum(squares) / static_cast<float>(n) + epsilon));
  for (std::size_t i = 0; i < n; i += kLanes) {
    const S::Float unit = S::mul(S::sub(S::load(x + i), mean), inverse);
    S::store(x + i, S::fma(unit, S::load(weight + i), S::load(bias + i)));
  }
}

/// erf with an absolute error below 2e-7 (M. Abramowitz, I. Stegun, "Handbook of Mathematical Functions", 7.1.26).
Simd::Float erf_of(Simd::Float x) {
  using S = Simd;
  const S::Float size = S::magnitude(x);
  const S::Float t = S::div(S::set(1.0F), S::fma(S::set(0.3275911F), size, S::set(1.0F)));
  S::Float p = S::set(1.061405429F);
  p = S::fma(p, t, S::set(-1.453152027F));
  p = S::fma(p, t, S::set(1.421413741F));
  p = S::fma(p, t, S::set(-0.284496736F));
  p = S::fma(p, t, S::set(0.254829592F));
  const S::Float tail = S::mul(S::mul(p, t), exp_not_positive(S::sub(S::zero(), S::mul(size, size))));
  return S::copy_sign(S::sub(S::set(1.0F), tail), x);
}

void add_and_gelu(float* x, const float* bias, std::size_t n) {
  using S = Simd;
  for (std::size_t i = 0; i < n; i += kLanes) {
    const S::Float s = S::add(S::load(x + i), S::load(bias + i));
    const S::Float half = S::mul(s, S::set(0.5F));
    S::store(x + i, S::fma(half, erf_of(S::mul(s, S::set(0.70710678118F))), half));
  }
}

constexpr EncoderKernels kSimdEncoder{attend_text, add_and_norm, add_and_gelu};

}  // namespace
}  // namespace mnema
