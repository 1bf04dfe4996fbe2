// tests/inference/kernels/paged_keys.hpp
//
// A sequence's keys and values in pages, as the attention kernels read them, beside the same numbers as plain rows.
#pragma once

#include <cstdint>
#include <random>
#include <vector>

#include "inference/kernels/attention.hpp"

namespace mnema::testing {

class PagedKeys {
 public:
  PagedKeys(const AttentionShape& shape, int tokens) : shape_(shape) {
    int pages = (tokens + kAttentionPageTokens - 1) / kAttentionPageTokens;
    auto size = static_cast<std::size_t>(pages * kAttentionPageTokens);
    k_.resize(size * static_cast<std::size_t>(shape.key_dim));
    v_.resize(size * static_cast<std::size_t>(shape.value_dim));
    k_scales_.resize(size);
    v_scales_.resize(size);
  }

  /// Writes position `i` and keeps the plain numbers.
  void write(const AttentionKernels& kernels, int i, const std::vector<float>& key, const std::vector<float>& value) {
    kernels.write_kv(shape_, key.data(), value.data(), page(i / kAttentionPageTokens), i % kAttentionPageTokens);
    keys.push_back(key);
    values.push_back(value);
  }

  [[nodiscard]] KvBlock page(int number) {
    std::size_t token = static_cast<std::size_t>(number * kAttentionPageTokens), bytes = shape_.int8 ? 1 : 2;
    KvBlock block{};
    block.k = reinterpret_cast<char*>(k_.data()) + token * static_cast<std::size_t>(shape_.key_dim) * bytes;
    block.v = reinterpret_cast<char*>(v_.data()) + token * static_cast<std::size_t>(shape_.value_dim) * bytes;
    block.k_scales = shape_.int8 ? k_scales_.data() + token : nullptr;
    block.v_scales = shape_.int8 ? v_scales_.data() + token : nullptr;
    return block;
  }

  std::vector<std::vector<float>> keys, values;  // [tokens][dim]

 private:
  AttentionShape shape_;
  std::vector<std::uint16_t> k_, v_, k_scales_, v_scales_;
};

/// `n` numbers from a fixed stream, roughly normal with the given spread.
inline std::vector<float> random_numbers(std::mt19937& stream, int n, float spread = 1.0F) {
  std::normal_distribution<float> normal(0.0F, spread);
  std::vector<float> numbers(static_cast<std::size_t>(n));
  for (float& number : numbers) number = normal(stream);
  return numbers;
}

}  // namespace mnema::testing
