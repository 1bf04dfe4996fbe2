// runtime/base/protobuf_wire.hpp
//
// Protobuf's wire format: what a message's bytes have, field by field.
//
// https://protobuf.dev/programming-guides/encoding/
//
// Threads:   plain values.
// Ownership: borrows the bytes.
#pragma once

#include <cstdint>
#include <optional>
#include <string_view>

namespace mnema {

enum class ProtobufWire { kVarint = 0, kFixed64 = 1, kBytes = 2, kGroup = 3, kGroupEnd = 4, kFixed32 = 5 };

struct ProtobufField {
  int number = 0;
  ProtobufWire wire = ProtobufWire::kVarint;
  std::uint64_t value = 0;  // varint, fixed
  std::string_view bytes;   // bytes, group
};

class ProtobufReader {
 public:
  explicit ProtobufReader(std::string_view bytes) : bytes_(bytes) {}
  [[nodiscard]] bool at_end() const { return bytes_.empty(); }
  [[nodiscard]] std::string_view rest() const { return bytes_; }
  /// None: the bytes are no field.
  std::optional<ProtobufField> next(int groups_deep = 0);
  std::optional<std::uint64_t> varint();
  std::optional<std::uint64_t> fixed(std::size_t size);

 private:
  std::string_view bytes_;
};

}  // namespace mnema
