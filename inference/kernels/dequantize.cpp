#include <cstring>

#include "inference/kernels/half.hpp"
#include "inference/kernels/matmul.hpp"
#include "runtime/base/check.hpp"

// One block of each type to f32. The layouts are those of ggml's ggml-common.h, told in the GGUF documentation; every
// f16 scale is little-endian.

namespace mnema {
namespace {

using Bytes = const std::uint8_t*;

float half_at(Bytes at) {
  std::uint16_t bits;
  std::memcpy(&bits, at, sizeof bits);
  return f32_from_f16(bits);
}
std::uint32_t word_at(Bytes at) {
  std::uint32_t word;
  std::memcpy(&word, at, sizeof word);
  return word;
}

// 32 values: d, 16 bytes of nibbles; the low ones are values 0..15, the high ones 16..31.
void q4_0(Bytes b, float* y) {
  const float d = half_at(b);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>((b[2 + j] & 15) - 8);
    y[j + 16] = d * static_cast<float>((b[2 + j] >> 4) - 8);
  }
}

void q4_1(Bytes b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>(b[4 + j] & 15) + m;
    y[j + 16] = d * static_cast<float>(b[4 + j] >> 4) + m;
  }
}

// As Q4, with a fifth bit of value j in bit j of a word.
int fifth_bit(std::uint32_t high, int j) { return static_cast<int>(high >> j & 1) << 4; }

void q5_0(Bytes b, float* y) {
  const float d = half_at(b);
  const std::uint32_t high = word_at(b + 2);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>(((b[6 + j] & 15) | fifth_bit(high, j)) - 16);
    y[j + 16] = d * static_cast<float>(((b[6 + j] >> 4) | fifth_bit(high, j + 16)) - 16);
  }
}

void q5_1(Bytes b, float* y) {
  const float d = half_at(b), m = half_at(b + 2);
  const std::uint32_t high = word_at(b + 4);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>((b[8 + j] & 15) | fifth_bit(high, j)) + m;
    y[j + 16] = d * static_cast<float>((b[8 + j] >> 4) | fifth_bit(high, j + 16)) + m;
  }
}

void q8_0(Bytes b, float* y) {
  const float d = half_at(b);
  for (int j = 0; j < 32; ++j) y[j] = d * static_cast<float>(static_cast<std::int8_t>(b[2 + j]));
}

// 256 values: 16 pairs of 4-bit (scale, minimum), 64 bytes of 2-bit values, d, dmin.
void q2_k(Bytes b, float* y) {
  const float d = half_at(b + 80), dmin = half_at(b + 82);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, run = i % 128 / 32, lane = i % 32;
    const int sub = b[i / 16];
    const int q = b[16 + half * 32 + lane] >> (2 * run) & 3;
    y[i] = d * static_cast<float>(sub & 15) * static_cast<float>(q) - dmin * static_cast<float>(sub >> 4);
  }
}

// 32 bytes of third bits (set: no 4 is taken off), 64 bytes of 2-bit values, 16 6-bit scales in 12 bytes, d.
void q3_k(Bytes b, float* y) {
  const float d = half_at(b + 108);
  Bytes scales = b + 96;
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, run = i % 128 / 32, lane = i % 32, s = i / 16;
    const int low = s < 8 ? scales[s] & 15 : scales[s - 8] >> 4;
    const int scale = (low | (scales[8 + s % 4] >> (2 * (s / 4)) & 3) << 4) - 32;
    int q = b[32 + half * 32 + lane] >> (2 * run) & 3;
    if ((b[lane] >> (half * 4 + run) & 1) == 0) q -= 4;
    y[i] = d * static_cast<float>(scale) * static_cast<float>(q);
  }
}

// 8 pairs of 6-bit (scale, minimum) in 12 bytes.
void scale_and_minimum(Bytes s, int j, int& scale, int& minimum) {
  if (j < 4) {
    scale = s[j] & 63;
    minimum = s[j + 4] & 63;
  } else {
    scale = (s[j + 4] & 15) | (s[j - 4] >> 6) << 4;
    minimum = s[j + 4] >> 4 | (s[j] >> 6) << 4;
  }
}

void q4_k(Bytes b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    int scale, minimum;
    scale_and_minimum(b + 4, j, scale, minimum);
    for (int l = 0; l < 32; ++l) {
      const int byte = b[16 + j / 2 * 32 + l];
      y[j * 32 + l] = d * static_cast<float>(scale) * static_cast<float>(j % 2 == 0 ? byte & 15 : byte >> 4) -
                      dmin * static_cast<float>(minimum);
    }
  }
}

void q5_k(Bytes b, float* y) {
  const float d = half_at(b), dmin = half_at(b + 2);
  for (int j = 0; j < 8; ++j) {
    int scale, minimum;
    scale_and_minimum(b + 4, j, scale, minimum);
    for (int l = 0; l < 32; ++l) {
      const int byte = b[48 + j / 2 * 32 + l];
      const int q = (j % 2 == 0 ? byte & 15 : byte >> 4) | (b[16 + l] >> j & 1) << 4;
      y[j * 32 + l] = d * static_cast<float>(scale) * static_cast<float>(q) - dmin * static_cast<float>(minimum);
    }
  }
}

// Per 128 values: 64 bytes of low nibbles, 32 of high bit pairs; 16 i8 scales; d last.
void q6_k(Bytes b, float* y) {
  const float d = half_at(b + 208);
  for (int i = 0; i < 256; ++i) {
    const int half = i / 128, run = i % 128 / 32, lane = i % 32;
    const int byte = b[half * 64 + run % 2 * 32 + lane];
    const int low = run < 2 ? byte & 15 : byte >> 4;
    const int high = b[128 + half * 32 + lane] >> (2 * run) & 3;
    y[i] =
        d * static_cast<float>(static_cast<std::int8_t>(b[192 + i / 16])) * static_cast<float>((low | high << 4) - 32);
  }
}

constexpr std::int8_t kNonLinear[16] = {-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113};

void iq4_nl(Bytes b, float* y) {
  const float d = half_at(b);
  for (int j = 0; j < 16; ++j) {
    y[j] = d * static_cast<float>(kNonLinear[b[2 + j] & 15]);
    y[j + 16] = d * static_cast<float>(kNonLinear[b[2 + j] >> 4]);
  }
}

void iq4_xs(Bytes b, float* y) {
  const float d = half_at(b);
  const int high = b[2] | b[3] << 8;
  for (int j = 0; j < 8; ++j) {
    const int scale = ((b[4 + j / 2] >> (4 * (j % 2)) & 15) | (high >> (2 * j) & 3) << 4) - 32;
    for (int l = 0; l < 16; ++l) {
      const int byte = b[8 + j * 16 + l];
      y[j * 32 + l] = d * static_cast<float>(scale) * static_cast<float>(kNonLinear[byte & 15]);
      y[j * 32 + l + 16] = d * static_cast<float>(scale) * static_cast<float>(kNonLinear[byte >> 4]);
    }
  }
}

}  // namespace

void dequantize_row(QuantType type, const std::byte* row, float* out, std::size_t columns) {
  const auto* bytes = reinterpret_cast<Bytes>(row);
  const QuantTraits traits = traits_of(type);
  CHECK(traits.block_values > 0 && columns % static_cast<std::size_t>(traits.block_values) == 0,
        "a row is whole blocks of a known type");
  void (*block)(Bytes, float*) = nullptr;
  switch (type) {
    case QuantType::kF32:
      std::memcpy(out, row, columns * sizeof(float));
      return;
    case QuantType::kF16:
      for (std::size_t i = 0; i < columns; ++i) out[i] = half_at(bytes + 2 * i);
      return;
    case QuantType::kBF16:
      for (std::size_t i = 0; i < columns; ++i) {
        std::uint16_t high;
        std::memcpy(&high, bytes + 2 * i, sizeof high);
        const std::uint32_t bits = static_cast<std::uint32_t>(high) << 16;
        std::memcpy(out + i, &bits, sizeof bits);
      }
      return;
    case QuantType::kQ4_0:
      block = q4_0;
      break;
    case QuantType::kQ4_1:
      block = q4_1;
      break;
    case QuantType::kQ5_0:
      block = q5_0;
      break;
    case QuantType::kQ5_1:
      block = q5_1;
      break;
    case QuantType::kQ8_0:
      block = q8_0;
      break;
    case QuantType::kQ2_K:
      block = q2_k;
      break;
    case QuantType::kQ3_K:
      block = q3_k;
      break;
    case QuantType::kQ4_K:
      block = q4_k;
      break;
    case QuantType::kQ5_K:
      block = q5_k;
      break;
    case QuantType::kQ6_K:
      block = q6_k;
      break;
    case QuantType::kIQ4_NL:
      block = iq4_nl;
      break;
    case QuantType::kIQ4_XS:
      block = iq4_xs;
      break;
  }
  for (std::size_t at = 0; at < columns; at += static_cast<std::size_t>(traits.block_values)) {
    block(bytes, out + at);
    bytes += traits.block_bytes;
  }
}

}  // namespace mnema
