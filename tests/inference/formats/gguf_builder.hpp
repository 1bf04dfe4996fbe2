// tests/inference/formats/gguf_builder.hpp
//
// Writes GGUF files for tests, right ones and wrong ones. Source of the format: ggml's docs/gguf.md.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "inference/kernels/quant_type.hpp"

namespace mnema::testing {

/// Little-endian bytes, one field after the other.
class ByteWriter {
 public:
  template <class T>
  ByteWriter& put(T value) {
    const std::size_t at = bytes.size();
    bytes.resize(at + sizeof value);
    std::memcpy(bytes.data() + at, &value, sizeof value);
    return *this;
  }
  /// A text as GGUF has it: its length, then its bytes.
  ByteWriter& text(std::string_view value) {
    return put<std::uint64_t>(value.size()).raw(std::as_bytes(std::span(value)));
  }
  ByteWriter& raw(std::span<const std::byte> value) {
    bytes.insert(bytes.end(), value.begin(), value.end());
    return *this;
  }

  std::vector<std::byte> bytes;
};

class GgufBuilder {
 public:
  enum Kind : std::uint32_t { kU32 = 4, kI32 = 5, kF32 = 6, kBool = 7, kString = 8, kArray = 9 };

  GgufBuilder& integer(std::string_view key, std::uint32_t value) {
    return entry(key, kU32, [&](auto& out) { out.put(value); });
  }
  GgufBuilder& number(std::string_view key, float value) {
    return entry(key, kF32, [&](auto& out) { out.put(value); });
  }
  GgufBuilder& boolean(std::string_view key, bool value) {
    return entry(key, kBool, [&](auto& out) { out.put(static_cast<std::uint8_t>(value ? 1 : 0)); });
  }
  GgufBuilder& string(std::string_view key, std::string_view value) {
    return entry(key, kString, [&](auto& out) { out.text(value); });
  }
  GgufBuilder& strings(std::string_view key, const std::vector<std::string>& values) {
    return array(key, kString, values.size(), [&](auto& out) {
      for (const std::string& value : values) out.text(value);
    });
  }
  GgufBuilder& integers(std::string_view key, const std::vector<std::int32_t>& values) {
    return array(key, kI32, values.size(), [&](auto& out) { out.raw(std::as_bytes(std::span(values))); });
  }
  GgufBuilder& numbers(std::string_view key, const std::vector<float>& values) {
    return array(key, kF32, values.size(), [&](auto& out) { out.raw(std::as_bytes(std::span(values))); });
  }

  /// `shape`: columns first. The bytes are put where the file is aligned next.
  GgufBuilder& tensor(std::string_view name, QuantType type, const std::vector<std::uint64_t>& shape,
                      std::span<const std::byte> bytes) {
    data_.bytes.resize((data_.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    tensor_at(name, static_cast<std::uint32_t>(type), shape, data_.bytes.size());
    data_.raw(bytes);
    return *this;
  }
  /// An entry that says what it likes: no bytes are added.
  GgufBuilder& tensor_at(std::string_view name, std::uint32_t type, const std::vector<std::uint64_t>& shape,
                         std::uint64_t offset) {
    tensors_.text(name).put(static_cast<std::uint32_t>(shape.size()));
    for (const std::uint64_t extent : shape) tensors_.put(extent);
    tensors_.put(type).put(offset);
    ++tensor_count_;
    return *this;
  }
  GgufBuilder& bytes(std::size_t count) {
    data_.bytes.resize(data_.bytes.size() + count);
    return *this;
  }

  [[nodiscard]] std::vector<std::byte> build() const { return build(tensor_count_, value_count_); }
  /// The same with other counts in the header than there are entries.
  [[nodiscard]] std::vector<std::byte> build(std::uint64_t tensors, std::uint64_t values,
                                             std::uint32_t version = 3) const {
    ByteWriter out;
    out.put<std::uint32_t>(0x46554747).put(version).put(tensors).put(values);
    out.raw(values_.bytes).raw(tensors_.bytes);
    if (!data_.bytes.empty()) out.bytes.resize((out.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    return std::move(out.raw(data_.bytes).bytes);
  }

 private:
  static constexpr std::size_t kAlignment = 32;

  template <class Write>
  GgufBuilder& entry(std::string_view key, Kind kind, Write write) {
    values_.text(key).put<std::uint32_t>(kind);
    write(values_);
    ++value_count_;
    return *this;
  }
  template <class Write>
  GgufBuilder& array(std::string_view key, Kind element, std::size_t count, Write write) {
    return entry(key, kArray, [&](ByteWriter& out) {
      out.put<std::uint32_t>(element).put<std::uint64_t>(count);
      write(out);
    });
  }

  ByteWriter values_, tensors_, data_;
  std::uint64_t value_count_ = 0, tensor_count_ = 0;
};

}  // namespace mnema::testing
