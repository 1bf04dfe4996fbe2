#include "memory/vector/token_codec.hpp"

#include <algorithm>
#include <cmath>
#include <cstring>

#include "memory/vector/distance.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

constexpr int kCodeMax = 15;
constexpr float kCodeMiddle = 7.5F;
constexpr float kShareMax = 255;

float finite(float value) { return std::isfinite(value) ? value : 0.0F; }

}  // namespace

TokenCodec::TokenCodec(int dimensions) : dimensions_(static_cast<std::size_t>(dimensions)) {
  CHECK(dimensions > 0 && dimensions <= 65'536, "a vector has components");
}

std::string TokenCodec::encode(std::span<const float> vectors) const {
  std::string record;
  std::vector<std::uint64_t> signs(words());
  for (std::size_t at = 0; at + dimensions_ <= vectors.size(); at += dimensions_) {
    std::fill(signs.begin(), signs.end(), 0);
    float sum = 0;
    for (std::size_t i = 0; i < dimensions_; ++i) {
      const float value = finite(vectors[at + i]);
      sum += std::abs(value);
      if (value > 0) signs[i / 64] |= std::uint64_t{1} << (i % 64);
    }
    const float share = std::min(1.0F, sum / std::sqrt(static_cast<float>(dimensions_)));
    record.append(reinterpret_cast<const char*>(signs.data()), signs.size() * sizeof(std::uint64_t));
    record += static_cast<char>(static_cast<std::uint8_t>(std::max(1.0F, std::round(share * kShareMax))));
  }
  return record;
}

TokenQuestion::TokenQuestion(const TokenCodec& codec, std::span<const float> vectors) : codec_(codec) {
  const auto dimensions = static_cast<std::size_t>(codec.dimensions());
  const std::size_t words = codec.words();
  tokens_.resize(vectors.size() / dimensions);
  planes_.assign(tokens_.size() * kBitPlanes * words, 0);
  for (std::size_t token = 0; token < tokens_.size(); ++token) {
    const std::span<const float> vector = vectors.subspan(token * dimensions, dimensions);
    float largest = 0;
    for (const float value : vector) largest = std::max(largest, std::abs(finite(value)));
    Token& made = tokens_[token];
    made.step = largest / kCodeMiddle;
    std::uint64_t* planes = planes_.data() + token * kBitPlanes * words;
    for (std::size_t i = 0; i < dimensions; ++i) {
      const float place = made.step > 0 ? finite(vector[i]) / made.step + kCodeMiddle : kCodeMiddle;
      const int code = std::clamp(static_cast<int>(std::lround(place)), 0, kCodeMax);
      made.codes += code;
      for (std::size_t plane = 0; plane < kBitPlanes; ++plane) {
        if ((code >> plane & 1) != 0) planes[plane * words + i / 64] |= std::uint64_t{1} << (i % 64);
      }
    }
  }
}

/// A turn has fewer, unless it is all punctuation.
constexpr std::size_t kTokensComparedMax = 512;

std::vector<float> TokenQuestion::best(std::string_view record) const {
  if (record.size() % codec_.token_bytes() != 0) return {};
  const std::size_t count = std::min(record.size() / codec_.token_bytes(), kTokensComparedMax);
  if (count == 0) return {};
  const DistanceKernels& kernels = distance_kernels();
  const std::size_t words = codec_.words();
  const auto dimensions = static_cast<float>(codec_.dimensions());
  std::vector<float> found(tokens_.size(), -1.0F);
  std::vector<std::uint64_t> signs(words);
  for (std::size_t token = 0; token < count; ++token) {
    const char* kept = record.data() + token * codec_.token_bytes();
    std::memcpy(signs.data(), kept, words * sizeof(std::uint64_t));
    const float share = static_cast<float>(static_cast<std::uint8_t>(kept[codec_.token_bytes() - 1])) / kShareMax;
    const float scale = 1 / (std::max(share, 1 / kShareMax) * std::sqrt(dimensions));
    std::int32_t positive = 0;
    for (const std::uint64_t word : signs) positive += __builtin_popcountll(word);
    for (std::size_t asked = 0; asked < tokens_.size(); ++asked) {
      const std::int32_t codes =
          kernels.dot_bit_planes(planes_.data() + asked * kBitPlanes * words, signs.data(), words);
      // The sum of (code - 7.5) * sign, a sign being 1 where its bit is set and else -1.
      const float sum = 2 * (static_cast<float>(codes) - kCodeMiddle * static_cast<float>(positive)) -
                        (static_cast<float>(tokens_[asked].codes) - kCodeMiddle * dimensions);
      found[asked] = std::max(found[asked], std::min(tokens_[asked].step * sum * scale, 1.0F));
    }
  }
  return found;
}

}  // namespace mnema
