#include "memory/vector/codec.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <vector>

#include "memory/vector/distance.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kDimensionsMax = 131'072;  // dot_i8 is exact up to here

constexpr std::size_t kTailBytes = sizeof(float) + sizeof(VectorGroup);

const std::int8_t* code_of(const std::byte* record) { return reinterpret_cast<const std::int8_t*>(record); }

float scale_of(const std::byte* record, int dimensions) {
  float scale;
  std::memcpy(&scale, record + dimensions, sizeof scale);
  return scale;
}

}  // namespace

VectorCodec::VectorCodec(int dimensions) : dimensions_(dimensions), kernels_(&distance_kernels()) {
  CHECK(dimensions > 0 && dimensions <= kDimensionsMax, "a vector has 1 to 131,072 dimensions");
}

void VectorCodec::encode(std::span<const float> vector, VectorGroup group, std::byte* record) const {
  CHECK(vector.size() == static_cast<std::size_t>(dimensions_), "the vector has the index's dimensions");
  float largest = 0;
  for (float component : vector) {
    if (std::isfinite(component)) largest = std::max(largest, std::abs(component));
  }
  const float scale = largest / 127.0F;
  std::byte* rests = record + dimensions_ + kTailBytes;
  std::memset(rests, 0, rest_bytes());
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float value = std::isfinite(vector[i]) && scale > 0 ? vector[i] / scale : 0.0F;
    const float code = std::clamp(std::nearbyint(value), -127.0F, 127.0F);
    record[i] = static_cast<std::byte>(static_cast<std::int8_t>(code));
    const auto rest = static_cast<unsigned>(std::clamp((value - code + 0.5F) * 4.0F, 0.0F, 3.0F));
    rests[i % rest_bytes()] |= static_cast<std::byte>(rest << (2 * (i / rest_bytes())));
  }
  std::memcpy(record + dimensions_, &scale, sizeof scale);
  set_group(group, record);
}

VectorGroup VectorCodec::group_of(const std::byte* record) const {
  VectorGroup group;
  std::memcpy(&group, record + dimensions_ + sizeof(float), sizeof group);
  return group;
}

bool VectorCodec::sound(const std::byte* record) const {
  const float scale = scale_of(record, dimensions_);
  return std::isfinite(scale) && scale >= 0;
}

void VectorCodec::set_group(VectorGroup group, std::byte* record) const {
  std::memcpy(record + dimensions_ + sizeof(float), &group, sizeof group);
}

float VectorCodec::similarity(const std::byte* a, const std::byte* b) const {
  const std::int32_t dot = kernels_->dot_i8(code_of(a), code_of(b), static_cast<std::size_t>(dimensions_));
  return scale_of(a, dimensions_) * scale_of(b, dimensions_) * static_cast<float>(dot);
}

void VectorCodec::similarities(const std::byte* a, const std::byte* const* four, float* out) const {
  const std::int8_t* const codes[] = {code_of(four[0]), code_of(four[1]), code_of(four[2]), code_of(four[3])};
  std::int32_t dots[4];
  kernels_->dot_i8_with_four(code_of(a), codes, static_cast<std::size_t>(dimensions_), dots);
  const float scale = scale_of(a, dimensions_);
  for (int k = 0; k < 4; ++k) out[k] = scale * scale_of(four[k], dimensions_) * static_cast<float>(dots[k]);
}

float VectorCodec::refined_similarity(std::span<const float> vector, const std::byte* record) const {
  thread_local std::vector<float> values;
  values.resize(static_cast<std::size_t>(dimensions_));
  const std::int8_t* code = code_of(record);
  const std::byte* rests = record + dimensions_ + kTailBytes;
  for (std::size_t begin = 0, shift = 0; begin < values.size(); begin += rest_bytes(), shift += 2) {
    const std::size_t count = std::min(rest_bytes(), values.size() - begin);
    for (std::size_t k = 0; k < count; ++k) {
      const int rest = (std::to_integer<int>(rests[k]) >> shift) & 3;
      // In quarters: 4 * code + rest - 1.5.
      values[begin + k] = static_cast<float>(4 * code[begin + k] + rest) - 1.5F;
    }
  }
  return scale_of(record, dimensions_) / 4 * kernels_->dot_f32(vector.data(), values.data(), values.size());
}

}  // namespace mnema
