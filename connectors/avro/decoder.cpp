#include "connectors/avro/decoder.hpp"

#include <boost/json/serialize.hpp>
#include <boost/json/string_view.hpp>
#include <charconv>
#include <cmath>
#include <cstring>
#include <limits>
#include <unordered_set>

#include "connectors/avro/logical_types.hpp"
#include "connectors/base64.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

using Kind = AvroType::Kind;
using Logical = AvroType::Logical;

/// Each `read` appends its value to the text; false: `problem_` says why not, and `path_` where.
class Decoder {
 public:
  Decoder(std::string_view bytes, const AvroBounds& bounds) : bytes_(bytes), bounds_(bounds) {}

  Result<std::string> decode(const AvroType& root) {
    if (read(root, 0) && !bytes_.empty()) problem_ = std::to_string(bytes_.size()) + " bytes follow its end";
    if (problem_.empty()) return std::move(text_);
    return fail(ErrorCode::kInvalidArgument,
                "the Avro data is wrong" + (path_.empty() ? "" : " at " + path_) + ": " + problem_);
  }

 private:
  bool refuse(std::string problem) {
    problem_ = std::move(problem);
    return false;
  }
  /// Around what went wrong.
  bool refuse_in(std::string_view member) {
    constexpr std::size_t kShownMax = 80;  // of a key, which may be long
    path_ = "/" + json_pointer_token(to_utf8(member.substr(0, kShownMax))) + path_;
    return false;
  }

  bool write(std::string_view text) {
    text_ += text;
    if (static_cast<std::int64_t>(text_.size()) <= bounds_.text_bytes_max) return true;
    return refuse("its JSON has more than " + std::to_string(bounds_.text_bytes_max) + " bytes");
  }
  bool write_text(std::string_view text) {
    return write(boost::json::serialize(boost::json::string_view(text.data(), text.size())));
  }

  bool take(std::size_t count, std::string_view& taken) {
    if (count > bytes_.size()) return refuse("it ends too early");
    taken = bytes_.substr(0, count);
    bytes_.remove_prefix(count);
    return true;
  }

  bool take_long(std::int64_t& value) {
    std::uint64_t number = 0;
    for (int shift = 0; shift < 70; shift += 7) {
      if (bytes_.empty()) return refuse("it ends too early");
      const auto byte = static_cast<unsigned char>(bytes_.front());
      bytes_.remove_prefix(1);
      if (shift == 63 && byte > 1) break;
      number |= static_cast<std::uint64_t>(byte & 0x7f) << shift;
      if ((byte & 0x80) != 0) continue;
      value = static_cast<std::int64_t>(number >> 1) ^ -static_cast<std::int64_t>(number & 1);
      return true;
    }
    return refuse("an integer has more than 64 bits");
  }
  bool take_sized(std::string_view& taken) {
    std::int64_t size = 0;
    if (!take_long(size)) return false;
    if (size < 0) return refuse("a length is negative");
    return take(static_cast<std::size_t>(size), taken);
  }

  template <class Bits, class Number>
  bool read_number() {
    std::string_view taken;
    if (!take(sizeof(Bits), taken)) return false;
    Bits bits = 0;
    for (std::size_t i = sizeof(Bits); i-- > 0;) bits = bits << 8 | static_cast<unsigned char>(taken[i]);
    Number number = 0;
    std::memcpy(&number, &bits, sizeof number);
    if (std::isnan(number)) return write("\"NaN\"");
    if (std::isinf(number)) return write(number < 0 ? "\"-Infinity\"" : "\"Infinity\"");
    char digits[40];
    const std::to_chars_result end = std::to_chars(digits, digits + sizeof digits, number);
    const std::string_view text(digits, static_cast<std::size_t>(end.ptr - digits));
    // Whole ones stay numbers with a fraction, or those beyond 2^63 would be integers that few readers know.
    return write(text) && (text.find_first_of(".e") != std::string_view::npos || write(".0"));
  }

  bool read_integer(const AvroType& type) {
    std::int64_t value = 0;
    if (!take_long(value)) return false;
    if (type.kind == Kind::kInt && value != static_cast<std::int32_t>(value)) {
      return refuse("an int has more than 32 bits");
    }
    if (const std::optional<std::string> time = avro_time_text(type.logical, value)) return write("\"" + *time + "\"");
    return write(std::to_string(value));
  }

  bool read_bytes(const AvroType& type) {
    std::string_view taken;
    if (!(type.kind == Kind::kFixed ? take(type.size, taken) : take_sized(taken))) return false;
    if (type.logical == Logical::kDecimal) {
      if (taken.size() > kAvroDecimalBytesMax) {
        return refuse("a decimal has more than " + std::to_string(kAvroDecimalBytesMax) + " bytes");
      }
      return write("\"" + avro_decimal_text(taken, type.scale) + "\"");
    }
    if (type.logical == Logical::kDuration) {
      std::uint32_t parts[3] = {};
      for (std::size_t i = 0; i < 12; ++i) {
        parts[i / 4] |= static_cast<std::uint32_t>(static_cast<unsigned char>(taken[i])) << (8 * (i % 4));
      }
      return write("{\"months\":" + std::to_string(parts[0]) + ",\"days\":" + std::to_string(parts[1]) +
                   ",\"milliseconds\":" + std::to_string(parts[2]) + "}");
    }
    return write("\"" + base64_encode(taken) + "\"");
  }

  bool read_string() {
    std::string_view taken;
    if (!take_sized(taken)) return false;
    return is_valid_utf8(taken) ? write_text(taken) : refuse("a string is not UTF-8");
  }

  bool read_enum(const AvroType& type) {
    std::int64_t index = 0;
    if (!take_long(index)) return false;
    if (index < 0 || index >= static_cast<std::int64_t>(type.symbols.size())) {
      return refuse("an enum has no symbol " + std::to_string(index));
    }
    return write("\"" + type.symbols[static_cast<std::size_t>(index)] + "\"");
  }

  bool read_union(const AvroType& type, int depth) {
    std::int64_t index = 0;
    if (!take_long(index)) return false;
    if (index < 0 || index >= static_cast<std::int64_t>(type.of.size())) {
      return refuse("a union has no branch " + std::to_string(index));
    }
    return read(*type.of[static_cast<std::size_t>(index)], depth);
  }

  bool read_record(const AvroType& type, int depth) {
    if (!write("{")) return false;
    for (std::size_t i = 0; i < type.fields.size(); ++i) {
      const AvroType::Field& field = type.fields[i];
      if (i > 0 && !write(",")) return false;
      if (!write(field.member) || !read(*field.type, depth)) return refuse_in(field.name);
    }
    return write("}");
  }

  /// The items of an array or map come in blocks; what a block says of its bytes is not needed.
  template <class ReadItem>
  bool read_blocks(const ReadItem& read_item) {
    for (;;) {
      std::int64_t count = 0;
      if (!take_long(count)) return false;
      if (count == 0) return true;
      if (count < 0) {
        std::int64_t size = 0;
        if (count == std::numeric_limits<std::int64_t>::min()) return refuse("a block's count is out of range");
        count = -count;
        if (!take_long(size)) return false;
      }
      for (; count > 0; --count) {
        if (!read_item()) return false;
      }
    }
  }

  bool read_array(const AvroType& type, int depth) {
    std::size_t index = 0;
    const auto item = [&] {
      if (index > 0 && !write(",")) return false;
      return (read(*type.of[0], depth) || refuse_in(std::to_string(index))) && ++index > 0;
    };
    return write("[") && read_blocks(item) && write("]");
  }

  bool read_map(const AvroType& type, int depth) {
    std::unordered_set<std::string_view> keys;
    const auto entry = [&] {
      std::string_view key;
      if (!keys.empty() && !write(",")) return false;
      if (!take_sized(key)) return false;
      if (!is_valid_utf8(key)) return refuse("a key is not UTF-8");
      if (!keys.insert(key).second) return refuse("a key comes twice");
      return write_text(key) && write(":") && (read(*type.of[0], depth) || refuse_in(key));
    };
    return write("{") && read_blocks(entry) && write("}");
  }

  bool read(const AvroType& type, int depth) {
    const bool nests = type.kind == Kind::kRecord || type.kind == Kind::kArray || type.kind == Kind::kMap;
    if (nests && ++depth > bounds_.depth_max) {
      return refuse("it is nested more than " + std::to_string(bounds_.depth_max) + " deep");
    }
    switch (type.kind) {
      case Kind::kNull:
        return write("null");
      case Kind::kBoolean: {
        std::string_view taken;
        if (!take(1, taken)) return false;
        if (taken[0] != 0 && taken[0] != 1) return refuse("a boolean is neither 0 nor 1");
        return write(taken[0] == 0 ? "false" : "true");
      }
      case Kind::kInt:
      case Kind::kLong:
        return read_integer(type);
      case Kind::kFloat:
        return read_number<std::uint32_t, float>();
      case Kind::kDouble:
        return read_number<std::uint64_t, double>();
      case Kind::kBytes:
      case Kind::kFixed:
        return read_bytes(type);
      case Kind::kString:
        return read_string();
      case Kind::kEnum:
        return read_enum(type);
      case Kind::kRecord:
        return read_record(type, depth);
      case Kind::kArray:
        return read_array(type, depth);
      case Kind::kMap:
        return read_map(type, depth);
      case Kind::kUnion:
        return read_union(type, depth);
    }
    return refuse("its type is unknown");
  }

  std::string_view bytes_;
  const AvroBounds bounds_;
  std::string text_;
  std::string problem_;
  std::string path_;
};

}  // namespace

Result<std::string> avro_to_json(const AvroSchema& schema, std::string_view bytes, const AvroBounds& bounds) {
  return Decoder(bytes, bounds).decode(schema.root());
}

}  // namespace mnema
