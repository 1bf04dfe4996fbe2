// tests/inference/formats/onnx_builder.hpp
//
// Writes ONNX files for tests, right ones and wrong ones. Source of the format: onnx.proto of the ONNX project.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "inference/formats/onnx.hpp"

namespace mnema::testing {

/// A protobuf message, one field after the other.
class OnnxMessage {
 public:
  OnnxMessage& number(int field, std::uint64_t value) {
    varint(static_cast<std::uint64_t>(field) << 3);
    varint(value);
    return *this;
  }
  OnnxMessage& text(int field, std::string_view value) {
    varint(static_cast<std::uint64_t>(field) << 3 | 2);
    varint(value.size());
    bytes += value;
    return *this;
  }
  std::string bytes;

 private:
  void varint(std::uint64_t value) {
    for (; value >= 0x80; value >>= 7) bytes += static_cast<char>(value | 0x80);
    bytes += static_cast<char>(value);
  }
};

class OnnxBuilder {
 public:
  /// With raw bytes.
  template <class T>
  OnnxBuilder& tensor(std::string_view name, OnnxType type, const std::vector<std::uint64_t>& shape,
                      const std::vector<T>& values) {
    OnnxMessage made = head(name, type, shape);
    made.text(9, {reinterpret_cast<const char*>(values.data()), values.size() * sizeof(T)});
    return tensor(made);
  }
  /// One number that the file spells out, as quantisers write scales and zero points.
  OnnxBuilder& spelled(std::string_view name, float value) {
    return tensor(head(name, OnnxType::kFloat, {}).text(4, {reinterpret_cast<const char*>(&value), sizeof value}));
  }
  OnnxBuilder& spelled(std::string_view name, OnnxType type, std::int64_t value) {
    return tensor(head(name, type, {}).number(5, static_cast<std::uint64_t>(value)));
  }
  OnnxBuilder& tensor(const OnnxMessage& made) {
    graph_.text(5, made.bytes);
    return *this;
  }
  OnnxBuilder& node(std::string_view name, std::string_view operation, const std::vector<std::string>& inputs) {
    OnnxMessage made;
    for (const std::string& input : inputs) made.text(1, input);
    made.text(2, std::string(name) + "_output_0").text(3, name).text(4, operation);
    graph_.text(1, made.bytes);
    return *this;
  }
  [[nodiscard]] std::string build() const {
    return OnnxMessage()
        .number(1, 8)
        .text(2, "a test")
        .text(7, graph_.bytes)
        .text(8, OnnxMessage().number(2, 11).bytes)
        .bytes;
  }
  static OnnxMessage head(std::string_view name, OnnxType type, const std::vector<std::uint64_t>& shape) {
    OnnxMessage made;
    for (const std::uint64_t length : shape) made.number(1, length);
    return made.number(2, static_cast<std::uint64_t>(type)).text(8, name);
  }

 private:
  OnnxMessage graph_;
};

inline std::span<const std::byte> bytes_of(const std::string& file) { return std::as_bytes(std::span(file)); }

}  // namespace mnema::testing
