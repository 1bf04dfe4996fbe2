#include "runtime/base/protobuf_wire.hpp"

namespace mnema {
namespace {

constexpr int kGroupsMax = 64;  // inside one another
constexpr std::uint64_t kNumberMax = (1U << 29) - 1;

}  // namespace

std::optional<std::uint64_t> ProtobufReader::varint() {
  std::uint64_t value = 0;
  for (int shift = 0; shift < 70 && !bytes_.empty(); shift += 7) {
    const auto byte = static_cast<unsigned char>(bytes_.front());
    bytes_.remove_prefix(1);
    if (shift < 64) value |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
    if ((byte & 0x80) == 0) return value;
  }
  return std::nullopt;
}

std::optional<std::uint64_t> ProtobufReader::fixed(std::size_t size) {
  if (bytes_.size() < size) return std::nullopt;
  std::uint64_t value = 0;
  for (std::size_t i = size; i-- > 0;) value = value << 8 | static_cast<unsigned char>(bytes_[i]);
  bytes_.remove_prefix(size);
  return value;
}

std::optional<ProtobufField> ProtobufReader::next(int groups_deep) {
  const std::optional<std::uint64_t> tag = varint();
  if (!tag || *tag >> 3 == 0 || *tag >> 3 > kNumberMax) return std::nullopt;
  ProtobufField field;
  field.number = static_cast<int>(*tag >> 3);
  field.wire = static_cast<ProtobufWire>(*tag & 7);
  std::optional<std::uint64_t> value;
  switch (field.wire) {
    case ProtobufWire::kVarint:
      value = varint();
      break;
    case ProtobufWire::kFixed64:
      value = fixed(8);
      break;
    case ProtobufWire::kFixed32:
      value = fixed(4);
      break;
    case ProtobufWire::kBytes:
      value = varint();
      if (!value || *value > bytes_.size()) return std::nullopt;
      field.bytes = bytes_.substr(0, static_cast<std::size_t>(*value));
      bytes_.remove_prefix(field.bytes.size());
      return field;
    case ProtobufWire::kGroup: {
      if (groups_deep >= kGroupsMax) return std::nullopt;
      const std::string_view from = bytes_;
      for (std::string_view before = bytes_; !bytes_.empty(); before = bytes_) {
        const std::optional<ProtobufField> inner = next(groups_deep + 1);
        if (!inner) return std::nullopt;
        if (inner->wire != ProtobufWire::kGroupEnd) continue;
        if (inner->number != field.number) return std::nullopt;
        field.bytes = from.substr(0, from.size() - before.size());
        return field;
      }
      return std::nullopt;
    }
    case ProtobufWire::kGroupEnd:
      return field;
    default:
      return std::nullopt;
  }
  if (!value) return std::nullopt;
  field.value = *value;
  return field;
}

}  // namespace mnema
