#include "connectors/protobuf/decoder.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <chrono>
#include <cmath>
#include <cstring>
#include <map>
#include <optional>
#include <utility>
#include <vector>

#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/protobuf_wire.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace pb = google::protobuf;
using Type = pb::FieldDescriptor::Type;
using WellKnown = pb::Descriptor::WellKnownType;

constexpr std::int64_t kFirstSecond = -62'135'596'800;  // 0001-01-01T00:00:00Z
constexpr std::int64_t kLastSecond = 253'402'300'799;   // 9999-12-31T23:59:59Z

template <class Float>
Float float_of(std::uint64_t bits) {
  std::conditional_t<sizeof(Float) == 4, std::uint32_t, std::uint64_t> own = 0;
  own = static_cast<decltype(own)>(bits);
  Float number = 0;
  std::memcpy(&number, &own, sizeof number);
  return number;
}

template <class Float>
std::string text_of(Float number) {
  if (std::isnan(number)) return "\"NaN\"";
  if (std::isinf(number)) return number < 0 ? "\"-Infinity\"" : "\"Infinity\"";
  char digits[40];
  const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number);
  std::string text(digits, end.ptr);
  if (text.find_first_of(".e") == std::string::npos) text += ".0";
  return text;
}

std::string fraction_of(std::int32_t nanos) {
  if (nanos == 0) return "";
  if (nanos % 1'000'000 == 0) return fmt::format(".{:03}", nanos / 1'000'000);
  if (nanos % 1'000 == 0) return fmt::format(".{:06}", nanos / 1'000);
  return fmt::format(".{:09}", nanos);
}

ProtobufWire wire_of(Type type) {
  switch (type) {
    case pb::FieldDescriptor::TYPE_DOUBLE:
    case pb::FieldDescriptor::TYPE_FIXED64:
    case pb::FieldDescriptor::TYPE_SFIXED64:
      return ProtobufWire::kFixed64;
    case pb::FieldDescriptor::TYPE_FLOAT:
    case pb::FieldDescriptor::TYPE_FIXED32:
    case pb::FieldDescriptor::TYPE_SFIXED32:
      return ProtobufWire::kFixed32;
    case pb::FieldDescriptor::TYPE_STRING:
    case pb::FieldDescriptor::TYPE_BYTES:
    case pb::FieldDescriptor::TYPE_MESSAGE:
      return ProtobufWire::kBytes;
    case pb::FieldDescriptor::TYPE_GROUP:
      return ProtobufWire::kGroup;
    default:
      return ProtobufWire::kVarint;
  }
}

bool is_message(const pb::FieldDescriptor& field) {
  return field.type() == pb::FieldDescriptor::TYPE_MESSAGE || field.type() == pb::FieldDescriptor::TYPE_GROUP;
}

/// Whether `message` has one value of this type under this number.
bool has_single(const pb::Descriptor& message, int number, Type type) {
  const pb::FieldDescriptor* field = message.FindFieldByNumber(number);
  return field != nullptr && !field->is_repeated() && field->type() == type;
}

/// By its name and by its fields: a schema may put anything into the package google.protobuf.
WellKnown well_known_type_of(const pb::Descriptor& message) {
  const WellKnown type = message.well_known_type();
  bool fits = false;
  switch (type) {
    case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
    case pb::Descriptor::WELLKNOWNTYPE_DURATION:
      fits = message.field_count() == 2 && has_single(message, 1, pb::FieldDescriptor::TYPE_INT64) &&
             has_single(message, 2, pb::FieldDescriptor::TYPE_INT32);
      break;
    case pb::Descriptor::WELLKNOWNTYPE_VALUE:
      fits = message.field_count() == 6 && message.real_oneof_decl_count() == 1;
      break;
    default:  // what they are is their only field's value
      fits = message.field_count() == 1 && message.field(0)->number() == 1;
  }
  return fits ? type : pb::Descriptor::WELLKNOWNTYPE_UNSPECIFIED;
}

/// One value of a field: of a message or text its bytes, else its bits.
struct Found {
  std::uint64_t value = 0;
  std::string_view bytes;
};
/// By the fields' numbers, each in the order of the wire.
using FoundFields = std::map<int, std::vector<Found>>;

/// Each `write` appends a value to the text; false: `problem_` says why not, and `path_` where.
class Decoder {
 public:
  explicit Decoder(const ProtobufBounds& bounds) : bounds_(bounds) {}

  Result<std::string> decode(const pb::Descriptor& message, std::string_view bytes) {
    if (write_message(message, bytes, 0)) return std::move(text_);
    return fail(ErrorCode::kInvalidArgument,
                "the Protobuf data is wrong" + (path_.empty() ? "" : " at " + path_) + ": " + problem_);
  }

 private:
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  bool refuse_in(std::string_view member) {
    constexpr std::size_t kShownMax = 80;
    path_ = "/" + json_pointer_token(to_utf8(member.substr(0, kShownMax))) + path_;
    return false;
  }
  bool write(std::string_view text) {
    text_ += text;
    if (static_cast<std::int64_t>(text_.size()) <= bounds_.text_bytes_max) return true;
    return refuse("its JSON has more than " + std::to_string(bounds_.text_bytes_max) + " bytes");
  }
  bool write_text(std::string_view text) {
    if (!is_valid_utf8(text)) return refuse("a string is not UTF-8");
    return write(boost::json::serialize(boost::json::string_view(text.data(), text.size())));
  }

  /// What the message has of the fields that it knows; others are of a newer schema.
  bool read(const pb::Descriptor& message, std::string_view bytes, FoundFields& fields) {
    std::map<int, int> chosen;  // of each oneof, the field that came last
    for (ProtobufReader reader(bytes); !reader.at_end();) {
      const std::optional<ProtobufField> next = reader.next();
      if (!next || next->wire == ProtobufWire::kGroupEnd) return refuse("its bytes are no message");
      const pb::FieldDescriptor* field = message.FindFieldByNumber(next->number);
      if (field == nullptr) continue;
      const ProtobufWire wire = wire_of(field->type());
      const pb::OneofDescriptor* oneof = field->real_containing_oneof();
      if (oneof != nullptr && next->wire == wire) {
        int& last = chosen[oneof->index()];
        if (last != 0 && last != next->number) fields.erase(last);
        last = next->number;
      }
      if (next->wire == wire) {
        fields[next->number].push_back({next->value, next->bytes});
      } else if (next->wire == ProtobufWire::kBytes && field->is_repeated() && field->is_packable()) {
        if (!read_packed(wire, next->bytes, fields[next->number])) return refuse_in(field->name());
      }
    }
    return true;
  }
  bool read_packed(ProtobufWire wire, std::string_view bytes, std::vector<Found>& found) {
    for (ProtobufReader reader(bytes); !reader.at_end();) {
      const std::optional<std::uint64_t> value = wire == ProtobufWire::kVarint    ? reader.varint()
                                                 : wire == ProtobufWire::kFixed64 ? reader.fixed(8)
                                                                                  : reader.fixed(4);
      if (!value) return refuse("its numbers end too early");
      found.push_back({*value, {}});
    }
    return true;
  }

  bool write_message(const pb::Descriptor& message, std::string_view bytes, int depth) {
    if (++depth > bounds_.depth_max) {
      return refuse("it is nested more than " + std::to_string(bounds_.depth_max) + " deep");
    }
    fields_ += message.field_count();
    if (fields_ > bounds_.fields_max) return refuse("its messages have too many fields, in sum");
    FoundFields found;
    if (!read(message, bytes, found)) return false;
    switch (well_known_type_of(message)) {
      case pb::Descriptor::WELLKNOWNTYPE_TIMESTAMP:
        if (const auto text = timestamp_of(found)) return write(*text);
        break;
      case pb::Descriptor::WELLKNOWNTYPE_DURATION:
        if (const auto text = duration_of(found)) return write(*text);
        break;
      case pb::Descriptor::WELLKNOWNTYPE_STRUCT:
      case pb::Descriptor::WELLKNOWNTYPE_LISTVALUE:
        return write_field(*message.field(0), found[1], depth);
      case pb::Descriptor::WELLKNOWNTYPE_VALUE:
        return write_any_value(message, found, depth);
      case pb::Descriptor::WELLKNOWNTYPE_DOUBLEVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_FLOATVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_INT64VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_UINT64VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_INT32VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_UINT32VALUE:
      case pb::Descriptor::WELLKNOWNTYPE_STRINGVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_BYTESVALUE:
      case pb::Descriptor::WELLKNOWNTYPE_BOOLVALUE:
        return write_field(*message.field(0), found[1], depth);
      default:
        break;
    }
    return write_members(message, found, depth);
  }

  bool write_members(const pb::Descriptor& message, const FoundFields& found, int depth) {
    static const std::vector<Found> kNone;
    if (!write("{")) return false;
    bool is_first = true;
    for (int i = 0; i < message.field_count(); ++i) {
      const pb::FieldDescriptor& field = *message.field(i);
      const auto of = found.find(field.number());
      if (of == found.end() && !field.is_repeated() && field.has_presence()) continue;
      if (!write((is_first ? "\"" : ",\"") + field.name() + "\":")) return false;
      is_first = false;
      if (!write_field(field, of == found.end() ? kNone : of->second, depth)) return refuse_in(field.name());
    }
    return write("}");
  }

  bool write_field(const pb::FieldDescriptor& field, const std::vector<Found>& found, int depth) {
    if (field.is_map()) return write_map(field, found, depth);
    if (!field.is_repeated()) return write_single(field, found, depth);
    if (!write("[")) return false;
    for (std::size_t i = 0; i < found.size(); ++i) {
      if (i > 0 && !write(",")) return false;
      if (!write_value(field, found[i], depth)) return refuse_in(std::to_string(i));
    }
    return write("]");
  }

  /// The last one; of messages all, as one that follows goes on with the one before. None: the default.
  bool write_single(const pb::FieldDescriptor& field, const std::vector<Found>& found, int depth) {
    if (!is_message(field) || found.size() == 1) {
      return write_value(field, found.empty() ? default_of(field) : found.back(), depth);
    }
    std::string joined;
    for (const Found& part : found) joined += part.bytes;
    return write_message(*field.message_type(), joined, depth);
  }

  static Found default_of(const pb::FieldDescriptor& field) {
    // Only fields of proto3 and of wrappers come here without being there: zero, "" and the first symbol.
    if (field.type() == pb::FieldDescriptor::TYPE_ENUM) {
      return {static_cast<std::uint64_t>(field.enum_type()->value(0)->number()), {}};
    }
    return {};
  }

  bool write_map(const pb::FieldDescriptor& field, const std::vector<Found>& found, int depth) {
    const pb::Descriptor& entry = *field.message_type();
    std::map<std::string, FoundFields> entries;  // the last of a key counts
    for (const Found& one : found) {
      FoundFields parts;
      if (!read(entry, one.bytes, parts)) return false;
      const auto of = parts.find(1);
      const Found key = of == parts.end() ? default_of(*entry.map_key()) : of->second.back();
      if (entry.map_key()->type() == pb::FieldDescriptor::TYPE_STRING && !is_valid_utf8(key.bytes)) {
        return refuse("a key is not UTF-8");
      }
      entries[key_text(*entry.map_key(), key)] = std::move(parts);
    }
    if (!write("{")) return false;
    bool is_first = true;
    for (auto& [key, parts] : entries) {
      if (!write(is_first ? "" : ",") || !write_text(key) || !write(":")) return false;
      is_first = false;
      if (!write_single(*entry.map_value(), parts[2], depth)) return refuse_in(key);
    }
    return write("}");
  }
  static std::string key_text(const pb::FieldDescriptor& key, const Found& found) {
    if (key.type() == pb::FieldDescriptor::TYPE_STRING) return std::string(found.bytes);
    if (key.type() == pb::FieldDescriptor::TYPE_BOOL) return found.value != 0 ? "true" : "false";
    return integer_text(key.type(), found.value);
  }

  static std::string integer_text(Type type, std::uint64_t value) {
    const auto small = static_cast<std::uint32_t>(value);
    switch (type) {
      case pb::FieldDescriptor::TYPE_INT64:
      case pb::FieldDescriptor::TYPE_SFIXED64:
        return std::to_string(static_cast<std::int64_t>(value));
      case pb::FieldDescriptor::TYPE_SINT64:
        return std::to_string(static_cast<std::int64_t>(value >> 1) ^ -static_cast<std::int64_t>(value & 1));
      case pb::FieldDescriptor::TYPE_UINT32:
      case pb::FieldDescriptor::TYPE_FIXED32:
        return std::to_string(small);
      case pb::FieldDescriptor::TYPE_INT32:
      case pb::FieldDescriptor::TYPE_SFIXED32:
        return std::to_string(static_cast<std::int32_t>(small));
      case pb::FieldDescriptor::TYPE_SINT32:
        return std::to_string(static_cast<std::int32_t>(small >> 1) ^ -static_cast<std::int32_t>(small & 1));
      default:
        return std::to_string(value);
    }
  }

  bool write_value(const pb::FieldDescriptor& field, const Found& found, int depth) {
    switch (field.type()) {
      case pb::FieldDescriptor::TYPE_MESSAGE:
      case pb::FieldDescriptor::TYPE_GROUP:
        return write_message(*field.message_type(), found.bytes, depth);
      case pb::FieldDescriptor::TYPE_STRING:
        return write_text(found.bytes);
      case pb::FieldDescriptor::TYPE_BYTES:
        return write("\"" + base64_encode(found.bytes) + "\"");
      case pb::FieldDescriptor::TYPE_BOOL:
        return write(found.value != 0 ? "true" : "false");
      case pb::FieldDescriptor::TYPE_DOUBLE:
        return write(text_of(float_of<double>(found.value)));
      case pb::FieldDescriptor::TYPE_FLOAT:
        return write(text_of(float_of<float>(found.value)));
      case pb::FieldDescriptor::TYPE_ENUM: {
        const auto number = static_cast<std::int32_t>(found.value);
        const pb::EnumValueDescriptor* named = field.enum_type()->FindValueByNumber(number);
        if (field.enum_type()->full_name() == "google.protobuf.NullValue") return write("null");
        return write(named != nullptr ? "\"" + named->name() + "\"" : std::to_string(number));
      }
      default:
        return write(integer_text(field.type(), found.value));
    }
  }

  static std::int64_t number_in(const FoundFields& found, int field) {
    const auto of = found.find(field);
    return of == found.end() ? 0 : static_cast<std::int64_t>(of->second.back().value);
  }
  static std::optional<std::string> timestamp_of(const FoundFields& found) {
    const std::int64_t seconds = number_in(found, 1);
    const std::int64_t nanos = number_in(found, 2);
    if (seconds < kFirstSecond || seconds > kLastSecond || nanos < 0 || nanos > 999'999'999) return std::nullopt;
    const std::chrono::sys_seconds at{std::chrono::seconds(seconds)};
    const auto day = std::chrono::floor<std::chrono::days>(at);
    const std::chrono::year_month_day date{day};
    const std::int64_t of_day = (at - day).count();
    return fmt::format("\"{:04}-{:02}-{:02}T{:02}:{:02}:{:02}{}Z\"", static_cast<int>(date.year()),
                       static_cast<unsigned>(date.month()), static_cast<unsigned>(date.day()), of_day / 3600,
                       of_day / 60 % 60, of_day % 60, fraction_of(static_cast<std::int32_t>(nanos)));
  }
  static std::optional<std::string> duration_of(const FoundFields& found) {
    constexpr std::int64_t kSecondsMax = 315'576'000'000;  // as its specification has it
    const std::int64_t seconds = number_in(found, 1);
    const auto nanos = static_cast<std::int32_t>(number_in(found, 2));
    const bool fits = std::abs(static_cast<std::int64_t>(nanos)) <= 999'999'999 && seconds <= kSecondsMax &&
                      seconds >= -kSecondsMax && (seconds == 0 || nanos == 0 || (seconds < 0) == (nanos < 0));
    if (!fits) return std::nullopt;
    const bool is_negative = seconds < 0 || nanos < 0;
    return fmt::format("\"{}{}{}s\"", is_negative ? "-" : "", std::abs(seconds), fraction_of(std::abs(nanos)));
  }
  /// google.protobuf.Value: whatever it has.
  bool write_any_value(const pb::Descriptor& message, const FoundFields& found, int depth) {
    if (found.empty()) return write("null");
    return write_single(*message.FindFieldByNumber(found.begin()->first), found.begin()->second, depth);
  }

  const ProtobufBounds bounds_;
  std::string text_;
  std::string problem_;
  std::string path_;
  std::int64_t fields_ = 0;
};

}  // namespace

Result<std::string> protobuf_to_json(const pb::Descriptor& message, std::string_view bytes,
                                     const ProtobufBounds& bounds) {
  return Decoder(bounds).decode(message, bytes);
}

}  // namespace mnema
