// inference/kernels/elementwise_simd.hpp
//
// The elementwise kernels written once for vectors of any width: elementwise_avx2.cpp and elementwise_avx512.cpp
// include it after their Simd. What does not fill a vector is done number by number at the end.
#pragma once

#include "inference/kernels/elementwise.hpp"
#include "inference/kernels/simd_math.hpp"

namespace mnema {
namespace {

constexpr std::size_t kLanes = Simd::kLanes;

float sum_of_squares(const float* x, std::size_t n) {
  constexpr std::size_t kChains = 4;  // hides the latency of the additions
  Simd::Float sum[kChains];
  for (Simd::Float& chain : sum) chain = Simd::zero();
  std::size_t i = 0;
  for (; i + kChains * kLanes <= n; i += kChains * kLanes) {
    for (std::size_t c = 0; c < kChains; ++c) {
      Simd::Float v = Simd::load(x + i + c * kLanes);
      sum[c] = Simd::fma(v, v, sum[c]);
    }
  }
  for (; i + kLanes <= n; i += kLanes) {
    Simd::Float v = Simd::load(x + i);
    sum[0] = Simd::fma(v, v, sum[0]);
  }
  float total = Simd::sum(Simd::add(Simd::add(sum[0], sum[1]), Simd::add(sum[2], sum[3])));
  for (; i < n; ++i) total += x[i] * x[i];
  return total;
}

void rms_norm(const float* x, const float* weight, float epsilon, float* out, std::size_t n) {
  float mean = sum_of_squares(x, n) / static_cast<float>(n);
  float factor = 1.0F / __builtin_sqrtf(mean + epsilon);
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) {
    Simd::Float scaled = Simd::mul(Simd::load(x + i), Simd::set(factor));
    Simd::store(out + i, Simd::mul(scaled, Simd::load(weight + i)));
  }
  for (; i < n; ++i) out[i] = x[i] * factor * weight[i];
}

void add(float* x, const float* y, std::size_t n) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Simd::store(x + i, Simd::add(Simd::load(x + i), Simd::load(y + i)));
  for (; i < n; ++i) x[i] += y[i];
}

void scale(float* x, float factor, std::size_t n) {
  std::size_t i = 0;
  for (; i + kLanes <= n; i += kLanes) Simd::store(x + i, Simd::mul(Simd::load(x + i), Simd::set(factor)));
  for (; i < n; ++i) x[i] *= factor;
}

/// Turns the plane points (a, b) by the given angles.
void turn(Simd::Float& a, Simd::Float& b, const float* cosines, const float* sines) {
  Simd::Float c = Simd::load(cosines), s = Simd::load(sines), x = a;
  a = Simd::fnma(b, s, Simd::mul(x, c));
  b = Simd::fma(x, s, Simd::mul(b, c));
}

void rope(float* head, const float* cosines, const float* sines, std::size_t pairs, RopePairing pairing) {
  bool halves = pairing == RopePairing::kHalves;
  std::size_t i = 0;
  for (; i + kLanes <= pairs; i += kLanes) {
    Simd::Float a, b;
    if (halves) {
      a = Simd::load(head + i);
      b = Simd::load(head + pairs + i);
      turn(a, b, cosines + i, sines + i);
      Simd::store(head + i, a);
      Simd::store(head + pairs + i, b);
    } else {
      Simd::split_pairs(head + 2 * i, a, b);
      turn(a, b, cosines + i, sines + i);
      Simd::join_pairs(head + 2 * i, a, b);
    }
  }
  for (; i < pairs; ++i) {
    float* a = head + (halves ? i : 2 * i);
    float* b = head + (halves ? i + pairs : 2 * i + 1);
    float x = *a, y = *b;
    *a = x * cosines[i] - y * sines[i];
    *b = y * cosines[i] + x * sines[i];
  }
}

void spread(float* x, std::size_t n) {
  for (std::size_t half = 1; half < n; half *= 2) {
    for (std::size_t i = 0; i < n; i += 2 * half) {
      for (std::size_t j = i; j < i + half; ++j) {
        const float a = x[j], b = x[j + half];
        x[j] = a + b;
        x[j + half] = a - b;
      }
    }
  }
  const float shrink = 1.0F / __builtin_sqrtf(static_cast<float>(n));
  for (std::size_t i = 0; i < n; ++i) x[i] *= shrink;
}

void soft_cap(float* x, float cap, std::size_t n) {
  for (std::size_t i = 0; i < n; i += kLanes) {
    if (i + kLanes <= n) {
      Simd::store(x + i, Simd::mul(tanh_of(Simd::div(Simd::load(x + i), Simd::set(cap))), Simd::set(cap)));
    } else {
      float rest[kLanes] = {};
      for (std::size_t j = i; j < n; ++j) rest[j - i] = x[j];
      Simd::store(rest, Simd::mul(tanh_of(Simd::div(Simd::load(rest), Simd::set(cap))), Simd::set(cap)));
      for (std::size_t j = i; j < n; ++j) x[j] = rest[j - i];
    }
  }
}

void maxima(const float* x, std::size_t n, float* out) {
  const Simd::Float lowest = Simd::set(-__builtin_inff());
  std::size_t i = 0;
  for (; i + kMaximaWidth <= n; i += kMaximaWidth) {
    Simd::Float top = lowest;
    for (std::size_t j = 0; j < kMaximaWidth; j += kLanes) top = Simd::max(Simd::load(x + i + j), top);  // NaN: `top`
    out[i / kMaximaWidth] = Simd::largest(top);
  }
  if (i == n) return;
  float largest = -__builtin_inff();
  for (std::size_t j = i; j < n; ++j) largest = x[j] > largest ? x[j] : largest;
  out[i / kMaximaWidth] = largest;
}

constexpr ElementwiseKernels kSimdElementwise{rms_norm, add, scale, rope, spread, soft_cap, maxima};

}  // namespace
}  // namespace mnema
