#include "connectors/rabbitmq/content_header.hpp"

#include <fmt/format.h>

#include <bit>
#include <boost/endian/conversion.hpp>
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

namespace json = boost::json;

constexpr std::uint16_t kBasicClass = 60;
constexpr std::int64_t kSecondsMax = std::int64_t{1} << 40;
constexpr int kDecimalScaleMax = 30;

/// Reads on from the beginning of `left`. Nothing is read behind a failure.
class Reader {
 public:
  explicit Reader(std::string_view bytes) : left_(bytes) {}

  [[nodiscard]] bool ok() const { return is_ok_; }
  [[nodiscard]] bool at_end() const { return left_.empty() || !is_ok_; }
  void fail_here() { is_ok_ = false; }

  std::string_view bytes(std::size_t count) {
    if (!is_ok_ || count > left_.size()) {
      is_ok_ = false;
      return {};
    }
    const std::string_view taken = left_.substr(0, count);
    left_.remove_prefix(count);
    return taken;
  }
  std::uint64_t number(std::size_t size) {
    std::uint64_t value = 0;
    for (const char byte : bytes(size)) value = value << 8 | static_cast<unsigned char>(byte);
    return value;
  }
  template <class Integer>
  std::int64_t integer() {
    return static_cast<Integer>(number(sizeof(Integer)));
  }
  std::string_view short_text() { return bytes(number(1)); }
  std::string_view long_text() { return bytes(number(4)); }

 private:
  std::string_view left_;
  bool is_ok_ = true;
};

json::value read_value(Reader& reader, int depth);

json::object read_table(Reader& reader, int depth) {
  json::object table;
  Reader inside(reader.long_text());
  if (depth > kAmqpNestingMax) inside.fail_here();
  while (!inside.at_end()) {
    const std::string name = to_utf8(inside.short_text());
    table[name] = read_value(inside, depth);
  }
  if (!inside.ok()) reader.fail_here();
  return table;
}

json::array read_list(Reader& reader, int depth) {
  json::array list;
  Reader inside(reader.long_text());
  if (depth > kAmqpNestingMax) inside.fail_here();
  while (!inside.at_end()) list.push_back(read_value(inside, depth));
  if (!inside.ok()) reader.fail_here();
  return list;
}

std::string read_decimal(Reader& reader) {
  const auto scale = static_cast<int>(reader.number(1));
  const std::int64_t value = reader.integer<std::int32_t>();
  if (scale > kDecimalScaleMax) reader.fail_here();
  return scale == 0 ? std::to_string(value) : fmt::format("{}e-{}", value, scale);
}

/// A field's kind and value, as RabbitMQ writes them: https://www.rabbitmq.com/amqp-0-9-1-errata.html#section_3
json::value read_value(Reader& reader, int depth) {
  const std::uint64_t kind = reader.number(1);
  switch (reader.ok() ? static_cast<char>(kind) : '\0') {
    case 't':
      return reader.number(1) != 0;
    case 'b':
      return reader.integer<std::int8_t>();
    case 'B':
      return reader.number(1);
    case 's':
      return reader.integer<std::int16_t>();
    case 'u':
      return reader.number(2);
    case 'I':
      return reader.integer<std::int32_t>();
    case 'i':
      return reader.number(4);
    case 'l':
    case 'T':
      return reader.integer<std::int64_t>();
    case 'L':
      return reader.number(8);
    case 'f':
      return static_cast<double>(std::bit_cast<float>(static_cast<std::uint32_t>(reader.number(4))));
    case 'd':
      return std::bit_cast<double>(reader.number(8));
    case 'D':
      return json::value(read_decimal(reader));
    case 'S':
    case 'x': {
      const std::string_view text = reader.long_text();
      return json::value(json::string(text));  // of a header itself the bytes as they are
    }
    case 'F':
      return read_table(reader, depth + 1);
    case 'A':
      return read_list(reader, depth + 1);
    case 'V':
      return nullptr;
    default:
      reader.fail_here();
      return nullptr;
  }
}

/// Strings of nested values may be any bytes, and JSON's are not.
std::optional<std::string> header_text(const json::value& value) {
  if (value.is_null()) return std::nullopt;
  if (value.is_string()) return std::string(value.get_string());
  if (value.is_double()) return fmt::format("{}", value.get_double());
  return to_utf8(json::serialize(value));
}

void read_headers(Reader& reader, std::size_t headers_max, AmqpProperties& properties) {
  Reader table(reader.long_text());
  while (!table.at_end()) {
    const std::string_view name = table.short_text();
    const json::value value = read_value(table, 0);
    if (++properties.headers_count <= headers_max) properties.headers.emplace_back(name, header_text(value));
  }
  if (!table.ok()) reader.fail_here();
}

Result<AmqpProperties> read_properties(Reader reader, std::size_t headers_max) {
  AmqpProperties properties;
  const std::uint64_t flags = reader.number(2);
  const auto has = [flags](int bit) { return (flags >> bit & 1) != 0; };
  const auto text = [&](int bit, std::string& into) {
    if (has(bit)) into = reader.short_text();
  };
  if (has(0)) reader.fail_here();  // further flags, which this class does not have
  text(15, properties.content_type);
  text(14, properties.content_encoding);
  if (has(13)) read_headers(reader, headers_max, properties);
  if (has(12)) reader.number(1);  // how it is kept
  if (has(11)) reader.number(1);  // its priority
  text(10, properties.correlation_id);
  text(9, properties.reply_to);
  text(8, properties.expiration);
  text(7, properties.message_id);
  if (has(6)) {
    const std::uint64_t seconds = reader.number(8);
    if (seconds < static_cast<std::uint64_t>(kSecondsMax)) properties.timestamp = Time{std::chrono::seconds(seconds)};
  }
  text(5, properties.type);
  text(4, properties.user_id);
  text(3, properties.app_id);
  std::string ignored;
  text(2, ignored);
  if (reader.ok()) return properties;
  return fail(ErrorCode::kInvalidArgument, "the message's properties or headers cannot be read",
              "tables in headers may be " + std::to_string(kAmqpNestingMax) + " deep at most");
}

}  // namespace

Result<AmqpContentHeader> read_amqp_content_header(std::string_view payload, std::size_t headers_max) {
  Reader reader(payload);
  const std::uint64_t class_id = reader.number(2);
  static_cast<void>(reader.number(2));  // weight
  AmqpContentHeader header;
  header.body_bytes = reader.number(8);
  if (!reader.ok() || class_id != kBasicClass) {
    return fail(ErrorCode::kCorrupt, "the broker sends a message's header that cannot be read");
  }
  header.properties = read_properties(reader, headers_max);
  return header;
}

}  // namespace mnema
