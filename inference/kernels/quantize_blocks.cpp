#include "inference/kernels/quantize_blocks.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "inference/kernels/half.hpp"
#include "runtime/base/check.hpp"

// The layouts are those of dequantize.cpp.

namespace mnema {
namespace {

constexpr int kBlock = 32;

/// Quants are chosen for the scale as the file keeps it, so that rounding it to f16 costs nothing twice.
float put_half(std::uint8_t* at, float value) {
  const std::uint16_t half = f16_from_f32(value);
  std::memcpy(at, &half, sizeof half);
  return f32_from_f16(half);
}

int nearest(float value, int smallest, int largest) {
  return std::clamp(static_cast<int>(std::nearbyint(value)), smallest, largest);
}

float reciprocal(float scale) { return scale == 0 ? 0 : 1 / scale; }

void q8_0(const float* x, std::uint8_t* out) {
  float largest = 0;
  for (int j = 0; j < kBlock; ++j) largest = std::max(largest, std::fabs(x[j]));
  const float inverse = reciprocal(put_half(out, largest / 127));
  for (int j = 0; j < kBlock; ++j) out[2 + j] = static_cast<std::uint8_t>(nearest(x[j] * inverse, -127, 127));
}

/// Quants of `bits` bits, as nibbles and, for five, a word of high bits before them.
void put_quants(const int* quants, int bits, std::uint8_t* out) {
  if (bits == 5) {
    std::uint32_t high = 0;
    for (int j = 0; j < kBlock; ++j) high |= static_cast<std::uint32_t>(quants[j] >> 4) << j;
    std::memcpy(out, &high, sizeof high);
    out += sizeof high;
  }
  for (int j = 0; j < kBlock / 2; ++j) {
    out[j] = static_cast<std::uint8_t>((quants[j] & 15) | (quants[j + kBlock / 2] & 15) << 4);
  }
}

/// Q4_0, Q5_0: quant - half times the scale. The value farthest from zero, whatever its sign, takes the end of the
/// range that has one step more.
void symmetric(const float* x, int bits, std::uint8_t* out) {
  const int half = 1 << (bits - 1);
  float extreme = 0;
  for (int j = 0; j < kBlock; ++j) {
    if (std::fabs(x[j]) > std::fabs(extreme)) extreme = x[j];
  }
  const float inverse = reciprocal(put_half(out, extreme / static_cast<float>(-half)));
  int quants[kBlock];
  for (int j = 0; j < kBlock; ++j) quants[j] = nearest(x[j] * inverse, -half, half - 1) + half;
  put_quants(quants, bits, out + 2);
}

/// Q4_1, Q5_1: quant times the scale, plus the minimum.
void with_minimum(const float* x, int bits, std::uint8_t* out) {
  const int steps = (1 << bits) - 1;
  const auto [smallest, largest] = std::minmax_element(x, x + kBlock);
  const float minimum = put_half(out + 2, *smallest);
  const float inverse = reciprocal(put_half(out, std::max(0.0F, *largest - minimum) / static_cast<float>(steps)));
  int quants[kBlock];
  for (int j = 0; j < kBlock; ++j) quants[j] = nearest((x[j] - minimum) * inverse, 0, steps);
  put_quants(quants, bits, out + 4);
}

void block_of(QuantType type, const float* x, std::uint8_t* out) {
  switch (type) {
    case QuantType::kQ8_0:
      return q8_0(x, out);
    case QuantType::kQ5_1:
      return with_minimum(x, 5, out);
    case QuantType::kQ5_0:
      return symmetric(x, 5, out);
    case QuantType::kQ4_1:
      return with_minimum(x, 4, out);
    default:
      return symmetric(x, 4, out);
  }
}

}  // namespace

bool can_quantize_to(QuantType type) {
  switch (type) {
    case QuantType::kF32:
    case QuantType::kF16:
    case QuantType::kQ8_0:
    case QuantType::kQ5_1:
    case QuantType::kQ5_0:
    case QuantType::kQ4_1:
    case QuantType::kQ4_0:
      return true;
    default:
      return false;
  }
}

void quantize_row(QuantType type, std::span<const float> values, std::byte* out) {
  const QuantTraits traits = traits_of(type);
  CHECK(can_quantize_to(type) && values.size() % static_cast<std::size_t>(traits.block_values) == 0,
        "a row is whole blocks of a type that can be written");
  if (type == QuantType::kF32) {
    std::memcpy(out, values.data(), values.size_bytes());
    return;
  }
  auto* bytes = reinterpret_cast<std::uint8_t*>(out);
  for (std::size_t at = 0; at < values.size(); at += static_cast<std::size_t>(traits.block_values)) {
    if (type == QuantType::kF16) {
      put_half(bytes, values[at]);
    } else {
      block_of(type, values.data() + at, bytes);
    }
    bytes += traits.block_bytes;
  }
}

}  // namespace mnema
