#include <algorithm>
#include <array>
#include <cmath>

#include "inference/kernels/attention.hpp"
#include "inference/kernels/half.hpp"

// The definition of the attention kernels: one row and one number at a time.

namespace mnema {

extern const AttentionKernels kAttentionScalar;

namespace {

constexpr int kKeys = kAttentionPageTokens;
constexpr float kNothing = -1e30F;  // a maximum below every score; finite, so that differences of two are 0, not NaN

/// Value `i` of an array of f16 or i8; the scale of i8 is applied elsewhere.
float number(const void* array, bool int8, int i) {
  if (int8) return static_cast<float>(static_cast<const std::int8_t*>(array)[i]);
  return f32_from_f16(static_cast<const std::uint16_t*>(array)[i]);
}

/// What one query at `query_position` sees of a group: see AttentionKernels::attend_group.
void attend_row(const AttentionShape& shape, const float* query, int query_position, const KvBlock* pages, int count,
                int position, float& maximum, float& sum, float* out) {
  std::array<float, kGroupTokens> scores{};
  int last = std::min(query_position - position + 1, count * kKeys);
  int first = shape.window > 0 ? std::max(0, query_position - shape.window + 1 - position) : 0;
  maximum = kNothing;
  for (int i = first; i < last; ++i) {
    const KvBlock& page = pages[i / kKeys];
    int key = i % kKeys;
    float score = 0;
    for (int d = 0; d < shape.key_dim; ++d) score += query[d] * number(page.k, shape.int8, d * kKeys + key);
    if (shape.int8) score *= f32_from_f16(page.k_scales[key]);
    if (shape.soft_cap > 0) score = shape.soft_cap * std::tanh(score / shape.soft_cap);
    scores[static_cast<std::size_t>(i)] = score;
    maximum = std::max(maximum, score);
  }
  sum = 0;
  std::fill_n(out, shape.value_dim, 0.0F);
  for (int i = first; i < last; ++i) {
    const KvBlock& page = pages[i / kKeys];
    int key = i % kKeys;
    float weight = std::exp(scores[static_cast<std::size_t>(i)] - maximum);
    sum += weight;
    if (shape.int8) weight *= f32_from_f16(page.v_scales[key]);
    for (int d = 0; d < shape.value_dim; ++d) {
      out[d] += weight * number(page.v, shape.int8, key * shape.value_dim + d);
    }
  }
}

void reset(AttentionState state, int rows, int value_dim) {
  std::fill_n(state.maximum, rows, kNothing);
  std::fill_n(state.sum, rows, 0.0F);
  std::fill_n(state.out, rows * value_dim, 0.0F);
}

void attend_group(const AttentionShape& shape, const AttentionTile& tile, const KvBlock* pages, int count, int position,
                  const KvBlock* /*next*/, AttentionState state, float* /*scratch*/) {
  for (int r = 0; r < tile.tokens * tile.heads; ++r) {
    int token = r / tile.heads, head = r % tile.heads;
    const float* query = tile.queries + static_cast<std::size_t>(token) * tile.token_stride + head * shape.key_dim;
    attend_row(shape, query, tile.position + token, pages, count, position, state.maximum[r], state.sum[r],
               state.out + r * shape.value_dim);
  }
}

void merge(AttentionState total, AttentionState group, int rows, int value_dim) {
  for (int r = 0; r < rows; ++r) {
    float maximum = std::max(total.maximum[r], group.maximum[r]);
    float a = std::exp(total.maximum[r] - maximum), b = std::exp(group.maximum[r] - maximum);
    total.maximum[r] = maximum;
    total.sum[r] = total.sum[r] * a + group.sum[r] * b;
    for (int i = r * value_dim; i < (r + 1) * value_dim; ++i) total.out[i] = total.out[i] * a + group.out[i] * b;
  }
}

void finish(AttentionState state, int rows, int value_dim, float* out, std::size_t out_stride) {
  for (int r = 0; r < rows; ++r) {
    for (int d = 0; d < value_dim; ++d) {
      out[static_cast<std::size_t>(r) * out_stride + static_cast<std::size_t>(d)] =
          state.out[r * value_dim + d] / state.sum[r];
    }
  }
}

/// Keeps a number inside what f16 holds; NaN becomes 0, so that masked positions stay harmless.
float saturated(float x) {
  constexpr float kLargestF16 = 65504.0F;
  return std::isnan(x) ? 0.0F : std::clamp(x, -kLargestF16, kLargestF16);
}

/// Scale of symmetric 8-bit integers as f16 bits.
std::uint16_t scale_of(const float* x, int n) {
  float top = 0;
  for (int i = 0; i < n; ++i) top = std::max(top, std::fabs(saturated(x[i])));
  return f16_from_f32(top / 127.0F);
}

std::int8_t quantized(float x, std::uint16_t scale) {
  float stored = f32_from_f16(scale);
  if (stored == 0) return 0;
  return static_cast<std::int8_t>(std::clamp(std::nearbyint(saturated(x) / stored), -127.0F, 127.0F));
}

void write_kv(const AttentionShape& shape, const float* key, const float* value, const KvBlock& page, int slot) {
  if (shape.int8) {
    page.k_scales[slot] = scale_of(key, shape.key_dim);
    page.v_scales[slot] = scale_of(value, shape.value_dim);
  }
  for (int d = 0; d < shape.key_dim; ++d) {
    int at = d * kKeys + slot;
    if (shape.int8)
      static_cast<std::int8_t*>(page.k)[at] = quantized(key[d], page.k_scales[slot]);
    else
      static_cast<std::uint16_t*>(page.k)[at] = f16_from_f32(saturated(key[d]));
  }
  for (int d = 0; d < shape.value_dim; ++d) {
    int at = slot * shape.value_dim + d;
    if (shape.int8)
      static_cast<std::int8_t*>(page.v)[at] = quantized(value[d], page.v_scales[slot]);
    else
      static_cast<std::uint16_t*>(page.v)[at] = f16_from_f32(saturated(value[d]));
  }
}

}  // namespace

const AttentionKernels kAttentionScalar{reset, attend_group, merge, finish, write_kv};

}  // namespace mnema
