#include "connectors/kafka/record_mapping.hpp"

#include <gtest/gtest.h>

#include "connectors/cloud_event.hpp"
#include "runtime/events/event_deadline.hpp"

namespace mnema {
namespace {

KafkaRecord record(std::optional<std::string_view> value, std::optional<std::string_view> key = "customer-7") {
  KafkaRecord record;
  record.topic = "orders.failed";
  record.partition = 3;
  record.offset = 42;
  record.time = from_micros(1'700'000'000'000'000);
  record.key = key;
  record.value = value;
  return record;
}

KafkaRecord with_headers(KafkaRecord of, std::initializer_list<std::pair<std::string_view, std::string_view>> headers) {
  for (const auto& [name, value] : headers) of.headers.emplace_back(name, value);
  of.headers_count = of.headers.size();
  return of;
}

KafkaMapping mapping() {
  KafkaMapping mapping;
  mapping.source = "kafka:orders";
  return mapping;
}

Event mapped(const KafkaRecord& of, const KafkaMapping& by = mapping()) {
  const Result<Event> event = event_of(of, 2, by, {});
  EXPECT_TRUE(event.ok()) << event.error().text();
  return event.ok() ? *event : Event{};
}

std::string problem(const KafkaRecord& of, const KafkaMapping& by = mapping(), const Limits& limits = {}) {
  const Result<Event> event = event_of(of, 2, by, limits);
  return event.ok() ? "" : event.error().text();
}

TEST(RecordMapping, NamesAnEventByItsPlace) {
  const Event event = mapped(with_headers(record(R"({"a":1})"), {{"tries", "1"}, {"tries", "2"}}));
  EXPECT_EQ(event.id, "2-42") << "of epoch 2";
  EXPECT_EQ(event.source, "kafka:orders/orders.failed/3");
  EXPECT_EQ(event.type, "orders.failed");
  EXPECT_EQ(event.data, R"({"a":1})");
  EXPECT_EQ(event.time, from_micros(1'700'000'000'000'000));
  EXPECT_EQ(event.tenant, "local");
  EXPECT_EQ(event.attributes.at("kafka_key"), "customer-7");
  EXPECT_EQ(event.attributes.at("kafka_offset"), "42");
  EXPECT_EQ(event.attributes.at("tries"), "2") << "of equal headers the last";
}

TEST(RecordMapping, TakesNoHeadersWordForTheRecordsPlace) {
  const Event event =
      mapped(with_headers(record("{}"), {{"kafka_topic", "other"}, {"kafka_tombstone", "true"}, {"own", "kept"}}));
  EXPECT_EQ(event.attributes.at("kafka_topic"), "orders.failed");
  EXPECT_FALSE(event.attributes.contains("kafka_tombstone"));
  EXPECT_EQ(event.attributes.at("own"), "kept");
}

TEST(RecordMapping, TakesIdTypeAndTenantByTemplates) {
  KafkaMapping by = mapping();
  by.id = "{/order/id}";
  by.type = "order.{/kind}";
  by.tenant_template = "{shop}";
  by.type_prefix = "web";
  const Event event = mapped(with_headers(record(R"({"order":{"id":"o-1"},"kind":"failed"})"), {{"shop", "acme"}}), by);
  EXPECT_EQ(event.id, "o-1");
  EXPECT_EQ(event.type, "web.order.failed");
  EXPECT_EQ(event.tenant, "acme");
  EXPECT_NE(problem(record(R"({"kind":"failed"})"), by).find("the event's id cannot be made"), std::string::npos);
}

TEST(RecordMapping, ReadsTheDataOfACloudEventByItsRegisteredSchemaUnlessItIsStructured) {
  KafkaMapping by = mapping();
  by.schema_kind = SchemaKind::kAvro;
  by.id = "{/id}";
  SchemaText text;
  text.text = R"({"type":"record","name":"R","fields":[{"name":"id","type":"int"}]})";
  const RegisteredSchemas schemas{{7, RegisteredSchema::compile(text)}};
  const Limits limits;
  SchemaVersions versions("orders", limits);
  const auto read = [&](const KafkaRecord& of) { return *event_of(of, 2, by, {}, &schemas, &versions); };
  const std::string value("\0\0\0\0\7\x0e", 6);
  EXPECT_EQ(read(record(value)).id, "7") << "templates see the JSON";
  const Event binary = read(with_headers(record(value), {{"ce_specversion", "1.0"},
                                                         {"ce_id", "c-1"},
                                                         {"ce_type", "order"},
                                                         {"ce_source", "/shop"},
                                                         {"content-type", "application/avro"}}));
  EXPECT_EQ(binary.id, "c-1");
  EXPECT_EQ(binary.data, R"({"id":7})");
  EXPECT_EQ(binary.content_type, "application/json");
  EXPECT_EQ(binary.attributes.at("schema_id"), "7");
  const Event structured =
      read(with_headers(record(R"({"specversion":"1.0","id":"s-1","type":"order","source":"/shop","data":{"a":1}})"),
                        {{"content-type", "application/cloudevents+json"}}));
  EXPECT_EQ(structured.data, R"({"a":1})");
}

TEST(RecordMapping, MakesNullOfATombstoneAndAnEmptyKeyOfNone) {
  const Event event = mapped(record(std::nullopt, std::nullopt));
  EXPECT_EQ(event.data, "null");
  EXPECT_EQ(event.attributes.at("kafka_tombstone"), "true");
  EXPECT_EQ(event.attributes.at("kafka_key"), "");
}

TEST(RecordMapping, KeepsBytesThatAreNoTextAsBase64) {
  const Event event = mapped(with_headers(record("{}", "\xff\x00"), {{"digest", "\xfe"}}));
  EXPECT_EQ(event.attributes.at("kafka_key"), "base64:/w==");
  EXPECT_EQ(event.attributes.at("digest"), "base64:/g==");
}

TEST(RecordMapping, RefusesWhatIsNoEventAndSaysWhy) {
  for (const std::string_view broken : {"", "{", "{\"a\":1}x", "\xff", "{\"a\":1,\"a\":2}", "nul"}) {
    EXPECT_NE(problem(record(broken)).find("the record's value"), std::string::npos) << broken;
  }
  const std::string deep(1'000, '[');
  EXPECT_NE(problem(record(deep)), "");
  KafkaRecord many = record("{}");
  many.headers_count = 10'000;
  EXPECT_NE(problem(many).find("has 10000 headers"), std::string::npos);
  Limits tiny = Limits::tiny();
  const std::string large = "\"" + std::string(3'000, 'x') + "\"";
  EXPECT_NE(problem(record(large), mapping(), tiny).find("3002 bytes"), std::string::npos);
  EXPECT_NE(problem(with_headers(record("{}"), {{"\xff", "x"}})).find("header is not UTF-8"), std::string::npos);
}

TEST(RecordMapping, TakesAnyBytesIfToldTo) {
  KafkaMapping bytes = mapping();
  bytes.format = MessageMapping::Format::kBytes;
  EXPECT_EQ(mapped(record("\xff\x01"), bytes).data, "\xff\x01");
  EXPECT_EQ(mapped(record("\xff\x01"), bytes).content_type, "application/octet-stream");
  EXPECT_EQ(mapped(with_headers(record("a,b"), {{"content-type", "text/csv"}}), bytes).content_type, "text/csv");
}

TEST(RecordMapping, KeepsTheBytesOfWhatIsNoEvent) {
  const Event dead = undecodable_event_of(with_headers(record("\xff{"), {{"x", "y"}}), 2, mapping(), {});
  EXPECT_EQ(dead.data, "\xff{");
  EXPECT_EQ(dead.content_type, "application/octet-stream");
  EXPECT_EQ(dead.attributes.at("header_x"), "y");
  EXPECT_EQ(dead.attributes.at("kafka_topic"), "orders.failed");
  EXPECT_FALSE(dead.attributes.contains("kafka_value_bytes")) << "all of it is there";
  const std::string large(5'000, 'x');
  const Event cut = undecodable_event_of(record(large), 2, mapping(), Limits::tiny());
  EXPECT_EQ(cut.data.size(), 2'048U);
  EXPECT_EQ(cut.attributes.at("kafka_value_bytes"), "5000");
}

TEST(CloudEvent, IsReadInBinaryMode) {
  const Event event = mapped(with_headers(record(R"({"a":1})"), {{"ce_specversion", "1.0"},
                                                                 {"ce_id", "e-1"},
                                                                 {"ce_source", "/shop"},
                                                                 {"ce_type", "order.failed"},
                                                                 {"ce_subject", "o-7"},
                                                                 {"ce_time", "2026-01-31T10:20:30.5+01:00"},
                                                                 {"ce_partitionkey", "p"},
                                                                 {"content-type", "application/json"},
                                                                 {"other", "kept"}}));
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.source, "kafka:orders/orders.failed//shop") << "an id is unique in its source";
  EXPECT_EQ(event.type, "order.failed");
  EXPECT_EQ(event.subject, "o-7");
  EXPECT_EQ(to_micros(event.time), 1'769'851'230'500'000);
  EXPECT_EQ(event.attributes.at("partitionkey"), "p");
  EXPECT_EQ(event.attributes.at("ce_source"), "/shop");
  EXPECT_EQ(event.attributes.at("other"), "kept");
}

TEST(CloudEvent, IsReadInStructuredMode) {
  const auto structured = [](std::string_view text) {
    return with_headers(record(text), {{"content-type", "application/cloudevents+json; charset=utf-8"}});
  };
  const Event event = mapped(
      structured(R"({"specversion":"1.0","id":"e-1","source":"/shop","type":"t","data":{"a":[1,2]},"tries":3})"));
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.data, R"({"a":[1,2]})");
  EXPECT_EQ(event.attributes.at("tries"), "3");
  const Event text = mapped(structured(
      R"({"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"text/plain","data":"hello"})"));
  EXPECT_EQ(text.data, "hello");
  EXPECT_EQ(text.content_type, "text/plain");
  const Event bytes = mapped(structured(
      R"({"specversion":"1.0","id":"1","source":"s","type":"t","datacontenttype":"x/y","data_base64":"/w=="})"));
  EXPECT_EQ(bytes.data, "\xff");
  for (const std::string_view broken :
       {"", "[]", R"({"specversion":"0.3","id":"1","source":"s","type":"t"})", R"({"specversion":"1.0","id":"1"})",
        R"({"specversion":"1.0","id":"","source":"s","type":"t"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","time":"yesterday"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","data_base64":"*"})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","data":1,"data_base64":"/w=="})",
        R"({"specversion":"1.0","id":"1","source":"s","type":"t","nested":{}})"}) {
    EXPECT_NE(problem(structured(broken)), "") << broken;
  }
}

TEST(CloudEvent, ReadsTimesOfRfc3339Only) {
  EXPECT_EQ(to_micros(*parse_rfc3339("1970-01-01T00:00:00Z")), 0);
  EXPECT_EQ(to_micros(*parse_rfc3339("1970-01-01T01:00:00.000001+01:00")), 1);
  EXPECT_EQ(to_micros(*parse_rfc3339("1969-12-31T23:00:00.1234567-01:00")), 123'456);
  for (const std::string_view wrong :
       {"", "1970-01-01", "1970-01-01T00:00:00", "1970-13-01T00:00:00Z", "1970-02-30T00:00:00Z", "1970-01-01T24:00:00Z",
        "1970-01-01T00:00:00.Z", "1970-01-01T00:00:00+1:00", "1970-01-01 00:00:00Z", "-970-01-01T00:00:00Z",
        "1970-01-01T00:00:00Zx"}) {
    EXPECT_FALSE(parse_rfc3339(wrong).ok()) << wrong;
  }
}

}  // namespace
}  // namespace mnema
