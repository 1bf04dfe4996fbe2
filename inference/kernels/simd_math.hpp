// inference/kernels/simd_math.hpp
//
// exp and tanh for whole vectors. Include after simd_avx2.hpp or simd_avx512.hpp; internal to the including file.
#pragma once

namespace mnema {
namespace {

/// eˣ for x ≤ 0, exactly 0 below −87 (and for −∞). Relative error below 2e-7.
/// Cody–Waite reduction to |r| ≤ ln 2 / 2, then the minimax polynomial of the Cephes library (S. Moshier, expf).
inline Simd::Float exp_not_positive(Simd::Float x) {
  using S = Simd;
  const S::Float lowest = S::set(-87.0F);
  S::Float clamped = S::max(x, lowest);
  S::Float n = S::round(S::mul(clamped, S::set(1.44269504088896341F)));
  S::Float r = S::fnma(n, S::set(0.693359375F), clamped);
  r = S::fnma(n, S::set(-2.12194440e-4F), r);
  S::Float p = S::set(1.9875691500e-4F);
  p = S::fma(p, r, S::set(1.3981999507e-3F));
  p = S::fma(p, r, S::set(8.3334519073e-3F));
  p = S::fma(p, r, S::set(4.1665795894e-2F));
  p = S::fma(p, r, S::set(1.6666665459e-1F));
  p = S::fma(p, r, S::set(5.0000001201e-1F));
  p = S::fma(p, S::mul(r, r), S::add(r, S::set(1.0F)));
  return S::select(S::not_less(x, lowest), S::times_power_of_two(p, n), S::zero());
}

/// tanh x = sign(x)·(1 − e)/(1 + e) with e = exp(−2|x|).
inline Simd::Float tanh_of(Simd::Float x) {
  using S = Simd;
  S::Float e = exp_not_positive(S::mul(S::magnitude(x), S::set(-2.0F)));
  S::Float size = S::div(S::sub(S::set(1.0F), e), S::add(S::set(1.0F), e));
  return S::copy_sign(size, x);
}

}  // namespace
}  // namespace mnema
