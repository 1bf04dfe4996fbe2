#include "memory/vector/codec.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "memory/vector/distance.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kDimensionsMax = 131'072;  // dot_i8 is exact up to here

float scale_of(const std::byte* record, int dimensions) {
  float scale;
  std::memcpy(&scale, record + dimensions, sizeof scale);
  return scale;
}

}  // namespace

VectorCodec::VectorCodec(int dimensions) : dimensions_(dimensions), dot_(distance_kernels().dot_i8) {
  CHECK(dimensions > 0 && dimensions <= kDimensionsMax, "a vector has 1 to 131,072 dimensions");
}

void VectorCodec::encode(std::span<const float> vector, VectorGroup group, std::byte* record) const {
  CHECK(vector.size() == static_cast<std::size_t>(dimensions_), "the vector has the index's dimensions");
  float largest = 0;
  for (float component : vector) {
    if (std::isfinite(component)) largest = std::max(largest, std::abs(component));
  }
  const float scale = largest / 127.0F;
  for (std::size_t i = 0; i < vector.size(); ++i) {
    const float code = std::isfinite(vector[i]) && scale > 0 ? std::nearbyint(vector[i] / scale) : 0.0F;
    record[i] = static_cast<std::byte>(static_cast<std::int8_t>(std::clamp(code, -127.0F, 127.0F)));
  }
  std::memcpy(record + dimensions_, &scale, sizeof scale);
  std::memcpy(record + dimensions_ + sizeof scale, &group, sizeof group);
}

VectorGroup VectorCodec::group_of(const std::byte* record) const {
  VectorGroup group;
  std::memcpy(&group, record + dimensions_ + sizeof(float), sizeof group);
  return group;
}

float VectorCodec::similarity(const std::byte* a, const std::byte* b) const {
  const std::int32_t dot = dot_(reinterpret_cast<const std::int8_t*>(a), reinterpret_cast<const std::int8_t*>(b),
                                static_cast<std::size_t>(dimensions_));
  return scale_of(a, dimensions_) * scale_of(b, dimensions_) * static_cast<float>(dot);
}

}  // namespace mnema
