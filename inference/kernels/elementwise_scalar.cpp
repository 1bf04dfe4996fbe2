#include <cmath>
#include <limits>

#include "inference/kernels/elementwise.hpp"

// The definition of the elementwise kernels.

namespace mnema {

extern const ElementwiseKernels kElementwiseScalar;

namespace {

void rms_norm(const float* x, const float* weight, float epsilon, float* out, std::size_t n) {
  float squares = 0;
  for (std::size_t i = 0; i < n; ++i) squares += x[i] * x[i];
  float factor = 1.0F / std::sqrt(squares / static_cast<float>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) out[i] = x[i] * factor * weight[i];
}

void add(float* x, const float* y, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] += y[i];
}

void scale(float* x, float factor, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] *= factor;
}

void rope(float* head, const float* cosines, const float* sines, std::size_t pairs, RopePairing pairing) {
  bool halves = pairing == RopePairing::kHalves;
  for (std::size_t i = 0; i < pairs; ++i) {
    float& a = head[halves ? i : 2 * i];
    float& b = head[halves ? i + pairs : 2 * i + 1];
    float x = a, y = b;
    a = x * cosines[i] - y * sines[i];
    b = y * cosines[i] + x * sines[i];
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
  const float shrink = 1.0F / std::sqrt(static_cast<float>(n));
  for (std::size_t i = 0; i < n; ++i) x[i] *= shrink;
}

void soft_cap(float* x, float cap, std::size_t n) {
  for (std::size_t i = 0; i < n; ++i) x[i] = cap * std::tanh(x[i] / cap);
}

void maxima(const float* x, std::size_t n, float* out) {
  for (std::size_t i = 0; i < n; i += kMaximaWidth) {
    float largest = -std::numeric_limits<float>::infinity();
    for (std::size_t j = i; j < n && j < i + kMaximaWidth; ++j) {
      if (x[j] > largest) largest = x[j];
    }
    out[i / kMaximaWidth] = largest;
  }
}

}  // namespace

const ElementwiseKernels kElementwiseScalar{rms_norm, add, scale, rope, spread, soft_cap, maxima};

}  // namespace mnema
