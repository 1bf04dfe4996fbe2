#include <algorithm>
#include <cmath>

#include "inference/kernels/encoder_kernels.hpp"

// The definition of the encoder's kernels: one row and one number at a time.

namespace mnema {

extern const EncoderKernels kEncoderScalar;

namespace {

void attend_text(const TextAttention& text, float* scratch, float* out, std::size_t out_stride) {
  const float scale = 1 / std::sqrt(static_cast<float>(kTextHeadDim));
  for (std::size_t i = text.first; i < text.end; ++i) {
    const float* query = text.query + i * text.stride;
    float highest = -INFINITY;
    for (std::size_t j = 0; j < text.tokens; ++j) {
      const float* key = text.key + j * text.stride;
      float score = 0;
      for (std::size_t d = 0; d < kTextHeadDim; ++d) score += (query[d] + text.query_bias[d]) * scale * key[d];
      scratch[j] = score;
      highest = std::max(highest, score);
    }
    float* result = out + i * out_stride;
    float sum = 0;
    std::fill_n(result, kTextHeadDim, 0.0F);
    for (std::size_t j = 0; j < text.tokens; ++j) {
      const float* value = text.value + j * text.stride;
      const float weight = std::exp(scratch[j] - highest);
      sum += weight;
      for (std::size_t d = 0; d < kTextHeadDim; ++d) result[d] += weight * value[d];
    }
    for (std::size_t d = 0; d < kTextHeadDim; ++d) result[d] = result[d] / sum + text.value_bias[d];
  }
}

void add_and_norm(float* x, const float* y, const float* y_bias, const float* weight, const float* bias, float epsilon,
                  std::size_t n) {
  float sum = 0, squares = 0;
  for (std::size_t i = 0; i < n; ++i) {
    x[i] += y[i] + y_bias[i];
    sum += x[i];
  }
  const float mean = sum / static_cast<float>(n);
  for (std::size_t i = 0; i < n; ++i) squares += (x[i] - mean) * (x[i] - mean);
  const float inverse = 1 / std::sqrt(squares / static_cast<float>(n) + epsilon);
  for (std::size_t i = 0; i < n; ++i) x[i] = (x[i] - mean) * inverse * weight[i] + bias[i];
}

void add_and_gelu(float* x, const float* bias, std::size_t n) {
  constexpr float kHalfRoot = 0.70710678118F;
  for (std::size_t i = 0; i < n; ++i) {
    const float s = x[i] + bias[i];
    x[i] = 0.5F * s * (1 + std::erf(s * kHalfRoot));
  }
}

}  // namespace

const EncoderKernels kEncoderScalar{attend_text, add_and_norm, add_and_gelu};

}  // namespace mnema
