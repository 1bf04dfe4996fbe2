// tests/support/gguf_bytes.hpp
//
// Writes small GGUF files into memory, right ones and, where a test wants it, wrong ones.
#pragma once

#include <cstdint>
#include <cstring>
#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "inference/kernels/quant_type.hpp"

namespace mnema::testing {

class GgufBytes {
 public:
  struct Tensor {
    QuantType type = QuantType::kF32;
    std::vector<std::uint64_t> shape;  // shape[0] = columns
    std::vector<std::byte> data;
  };

  /// Keys and tensors by name; a test may change or erase them before `build`.
  std::map<std::string, std::string> values;  // kind and value, as in the file
  std::map<std::string, Tensor> tensors;

  void set(const std::string& key, std::string_view text) {
    values[key] = encoded<std::uint32_t>(8) + encoded<std::uint64_t>(text.size()) + std::string(text);
  }
  void set(const std::string& key, int value) {
    values[key] = encoded<std::uint32_t>(5) + encoded(static_cast<std::int32_t>(value));
  }
  void set(const std::string& key, float value) { values[key] = encoded<std::uint32_t>(6) + encoded(value); }
  void set(const std::string& key, const std::vector<int>& list) {
    std::string bytes = encoded<std::uint32_t>(9) + encoded<std::uint32_t>(5) + encoded<std::uint64_t>(list.size());
    for (int value : list) bytes += encoded(static_cast<std::int32_t>(value));
    values[key] = bytes;
  }
  void floats(const std::string& name, const std::vector<float>& data) {
    tensors[name] = {QuantType::kF32, {data.size()}, bytes_of(data)};
  }

  [[nodiscard]] std::vector<std::byte> build() const {
    std::string file = "GGUF" + encoded<std::uint32_t>(3) + encoded<std::uint64_t>(tensors.size()) +
                       encoded<std::uint64_t>(values.size());
    for (const auto& [key, value] : values) file += encoded<std::uint64_t>(key.size()) + key + value;
    std::uint64_t offset = 0;
    for (const auto& [name, tensor] : tensors) {
      file += encoded<std::uint64_t>(name.size()) + name + encoded(static_cast<std::uint32_t>(tensor.shape.size()));
      for (std::uint64_t extent : tensor.shape) file += encoded(extent);
      file += encoded(static_cast<std::uint32_t>(tensor.type)) + encoded(offset);
      offset = aligned(offset + tensor.data.size());
    }
    file.resize(aligned(file.size()));
    for (const auto& [name, tensor] : tensors) {
      file.append(reinterpret_cast<const char*>(tensor.data.data()), tensor.data.size());
      file.resize(aligned(file.size()));
    }
    std::vector<std::byte> bytes(file.size());
    std::memcpy(bytes.data(), file.data(), file.size());
    return bytes;
  }

  static std::vector<std::byte> bytes_of(const std::vector<float>& data) {
    std::vector<std::byte> bytes(data.size() * sizeof(float));
    std::memcpy(bytes.data(), data.data(), bytes.size());
    return bytes;
  }

 private:
  static std::uint64_t aligned(std::uint64_t n) { return (n + 31) / 32 * 32; }
  template <class T>
  static std::string encoded(T value) {
    std::string bytes(sizeof value, '\0');
    std::memcpy(bytes.data(), &value, sizeof value);
    return bytes;
  }
};

}  // namespace mnema::testing
