#include "connectors/rabbitmq/content_header.hpp"

#include <gtest/gtest.h>

#include "connectors/rabbitmq/amqp_codec.hpp"
#include "runtime/base/random.hpp"

namespace mnema {
namespace {

amqp_table_entry_t entry(const char* name, int kind) {
  amqp_table_entry_t made{};
  made.key = amqp_cstring_bytes(name);
  made.value.kind = static_cast<std::uint8_t>(kind);
  return made;
}

/// As librabbitmq writes it.
std::string payload_of(std::vector<amqp_table_entry_t> headers, std::string_view body = "body") {
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_HEADERS_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG |
                      AMQP_BASIC_PRIORITY_FLAG | AMQP_BASIC_CORRELATION_ID_FLAG | AMQP_BASIC_EXPIRATION_FLAG |
                      AMQP_BASIC_MESSAGE_ID_FLAG | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_TYPE_FLAG |
                      AMQP_BASIC_APP_ID_FLAG;
  properties.content_type = amqp_cstring_bytes("text/plain");
  properties.delivery_mode = 2;
  properties.priority = 3;
  properties.correlation_id = amqp_cstring_bytes("c-1");
  properties.expiration = amqp_cstring_bytes("60000");
  properties.message_id = amqp_cstring_bytes("m-1");
  properties.timestamp = 1'700'000'000;
  properties.type = amqp_cstring_bytes("order");
  properties.app_id = amqp_cstring_bytes("shop");
  properties.headers = {static_cast<int>(headers.size()), headers.data()};
  std::string out;
  EXPECT_TRUE(append_amqp_content(out, 1, properties, body, 128 << 10).ok());
  AmqpFrameReader reader;
  reader.set_frame_bytes_max(128 << 10);
  reader.append(out);
  return std::string((*reader.next())->payload);
}

TEST(ContentHeader, ReadsWhatLibrabbitmqWrites) {
  amqp_table_entry_t text = entry("text", AMQP_FIELD_KIND_UTF8);
  text.value.value.bytes = amqp_cstring_bytes("value");
  amqp_table_entry_t number = entry("number", AMQP_FIELD_KIND_I32);
  number.value.value.i32 = -7;
  amqp_table_entry_t large = entry("large", AMQP_FIELD_KIND_U64);
  large.value.value.u64 = ~std::uint64_t{0};
  amqp_table_entry_t truth = entry("truth", AMQP_FIELD_KIND_BOOLEAN);
  truth.value.value.boolean = 1;
  amqp_table_entry_t fraction = entry("fraction", AMQP_FIELD_KIND_F64);
  fraction.value.value.f64 = 0.25;
  amqp_table_entry_t none = entry("none", AMQP_FIELD_KIND_VOID);
  amqp_table_entry_t inner[] = {text, number};
  amqp_table_entry_t table = entry("table", AMQP_FIELD_KIND_TABLE);
  table.value.value.table = {2, inner};
  amqp_field_value_t items[] = {number.value, truth.value};
  amqp_table_entry_t list = entry("list", AMQP_FIELD_KIND_ARRAY);
  list.value.value.array = {2, items};
  const Result<AmqpContentHeader> header =
      read_amqp_content_header(payload_of({text, number, large, truth, fraction, none, table, list}), 100);
  ASSERT_TRUE(header.ok());
  EXPECT_EQ(header->body_bytes, 4U);
  ASSERT_TRUE(header->properties.ok()) << header->properties.error().text();
  const AmqpProperties& properties = *header->properties;
  EXPECT_EQ(properties.content_type, "text/plain");
  EXPECT_EQ(properties.correlation_id, "c-1");
  EXPECT_EQ(properties.expiration, "60000");
  EXPECT_EQ(properties.message_id, "m-1");
  EXPECT_EQ(properties.timestamp, Time{std::chrono::seconds(1'700'000'000)});
  EXPECT_EQ(properties.type, "order");
  EXPECT_EQ(properties.app_id, "shop");
  ASSERT_EQ(properties.headers.size(), 8U);
  EXPECT_EQ(properties.headers[0].second, "value");
  EXPECT_EQ(properties.headers[1].second, "-7");
  EXPECT_EQ(properties.headers[2].second, "18446744073709551615");
  EXPECT_EQ(properties.headers[3].second, "true");
  EXPECT_EQ(properties.headers[4].second, "0.25");
  EXPECT_FALSE(properties.headers[5].second);
  EXPECT_EQ(properties.headers[6].second, "{\"text\":\"value\",\"number\":-7}");
  EXPECT_EQ(properties.headers[7].second, "[-7,true]");
}

TEST(ContentHeader, KeepsTheFirstHeadersAndCountsAll) {
  std::vector<amqp_table_entry_t> many(50, entry("none", AMQP_FIELD_KIND_VOID));
  const Result<AmqpContentHeader> header = read_amqp_content_header(payload_of(many), 10);
  ASSERT_TRUE(header.ok() && header->properties.ok());
  EXPECT_EQ(header->properties->headers.size(), 10U);
  EXPECT_EQ(header->properties->headers_count, 50U);
}

TEST(ContentHeader, HasABoundForTablesInsideTables) {
  const auto nested = [](std::size_t depth) {
    std::vector<amqp_table_entry_t> tables(depth, entry("in", AMQP_FIELD_KIND_TABLE));
    for (std::size_t i = 0; i + 1 < depth; ++i) tables[i].value.value.table = {1, &tables[i + 1]};
    return read_amqp_content_header(payload_of({tables.front()}), 10);
  };
  EXPECT_TRUE(nested(kAmqpNestingMax)->properties.ok());
  const Result<AmqpContentHeader> deep = nested(5'000);
  ASSERT_TRUE(deep.ok()) << "the message goes on";
  EXPECT_EQ(deep->body_bytes, 4U);
  ASSERT_FALSE(deep->properties.ok());
  EXPECT_EQ(deep->properties.error().code, ErrorCode::kInvalidArgument);
}

TEST(ContentHeader, ReadsNothingBehindItsEnd) {
  const std::string whole = payload_of({entry("truth", AMQP_FIELD_KIND_BOOLEAN)});
  for (std::size_t size = 0; size < whole.size(); ++size) {
    const Result<AmqpContentHeader> header = read_amqp_content_header(whole.substr(0, size), 10);
    EXPECT_EQ(header.ok(), size >= 12);
    EXPECT_FALSE(header.ok() && header->properties.ok()) << size;
  }
  SeededRandom random(1);
  for (int round = 0; round < 20'000; ++round) {
    std::string damaged = whole;
    for (std::uint64_t i = random.below(4) + 1; i > 0; --i) {
      damaged[random.below(damaged.size())] = static_cast<char>(random.next_u64());
    }
    static_cast<void>(read_amqp_content_header(damaged, 10));
  }
}

}  // namespace
}  // namespace mnema
