#include "connectors/rabbitmq/delivery_mapping.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

RabbitmqDelivery delivery(const std::string& body) {
  RabbitmqDelivery delivery;
  delivery.received_at = from_micros(1'700'000'000'000'000);
  delivery.own_id = "made";
  delivery.content.body = body;
  delivery.content.body_bytes = body.size();
  delivery.content.exchange = "shop";
  delivery.content.routing_key = "order.failed";
  return delivery;
}

MessageMapping mapping() {
  MessageMapping mapping;
  mapping.source = "rabbitmq:orders";
  return mapping;
}

Event mapped(const RabbitmqDelivery& of, const MessageMapping& by = mapping()) {
  const Result<Event> event = event_of(of, "q", by, {});
  EXPECT_TRUE(event.ok()) << event.error().text();
  return event.ok() ? *event : Event{};
}

TEST(RabbitmqMapping, HasThePlaceAndThePropertiesOfTheMessage) {
  RabbitmqDelivery of = delivery("{\"a\":1}");
  of.content.redelivered = true;
  of.content.properties->message_id = "m-1";
  of.content.properties->correlation_id = "c-1";
  of.content.properties->type = "failure";
  of.content.properties->timestamp = from_micros(1'600'000'000'000'000);
  of.content.properties->headers = {{"x-death", "[{\"count\":1}]"}, {"none", std::nullopt}};
  of.content.properties->headers_count = 2;
  const Event event = mapped(of);
  EXPECT_EQ(event.id, "m-1");
  EXPECT_EQ(event.source, "rabbitmq:orders/q");
  EXPECT_EQ(event.type, "q");
  EXPECT_EQ(event.time, from_micros(1'600'000'000'000'000));
  EXPECT_EQ(event.attributes.at("rabbitmq_exchange"), "shop");
  EXPECT_EQ(event.attributes.at("rabbitmq_routing_key"), "order.failed");
  EXPECT_EQ(event.attributes.at("rabbitmq_redelivered"), "true");
  EXPECT_EQ(event.attributes.at("rabbitmq_correlation_id"), "c-1");
  EXPECT_EQ(event.attributes.at("rabbitmq_type"), "failure");
  EXPECT_FALSE(event.attributes.contains("rabbitmq_reply_to"));
  EXPECT_EQ(event.attributes.at("x-death"), "[{\"count\":1}]");
  EXPECT_EQ(event.attributes.at("none"), "");
}

TEST(RabbitmqMapping, MakesTypeTenantAndIdByTemplates) {
  MessageMapping by = mapping();
  by.type = "{rabbitmq_routing_key}";
  by.tenant_template = "{/tenant}";
  by.id = "{/id}";
  const Event event = mapped(delivery("{\"tenant\":\"acme\",\"id\":7}"), by);
  EXPECT_EQ(event.type, "order.failed");
  EXPECT_EQ(event.tenant, "acme");
  EXPECT_EQ(event.id, "7");
  EXPECT_EQ(event.time, from_micros(1'700'000'000'000'000)) << "without a time of its own";
  EXPECT_EQ(mapped(delivery("{}")).id, "made");
}

TEST(RabbitmqMapping, ReadsACloudEventWithoutABodyAsNull) {
  RabbitmqDelivery of = delivery("");
  of.content.properties->headers = {{"cloudEvents_specversion", "1.0"},   {"cloudEvents_id", "e-1"},
                                    {"cloudEvents_type", "order.failed"}, {"cloudEvents_source", "/shop"},
                                    {"cloudEvents_region", "eu"},         {"own", "header"}};
  const Event event = mapped(of);
  EXPECT_EQ(event.id, "e-1");
  EXPECT_EQ(event.data, "null");
  EXPECT_EQ(event.attributes.at("region"), "eu");
  EXPECT_EQ(event.attributes.at("own"), "header");
  EXPECT_EQ(event.source, "rabbitmq:orders//shop");
}

TEST(RabbitmqMapping, RefusesWhatIsNoEvent) {
  EXPECT_FALSE(event_of(delivery(""), "q", mapping(), {}).ok());
  EXPECT_FALSE(event_of(delivery("{"), "q", mapping(), {}).ok());
  RabbitmqDelivery unreadable = delivery("{}");
  unreadable.content.properties = fail(ErrorCode::kInvalidArgument, "too deep");
  EXPECT_EQ(event_of(unreadable, "q", mapping(), {}).error().message, "too deep");
  EXPECT_EQ(undecodable_event_of(unreadable, "q", mapping(), {}).data, "{}");
  RabbitmqDelivery large = delivery("{}");
  large.content.body_bytes = 64 << 20;
  const Result<Event> refused = event_of(large, "q", mapping(), {});
  ASSERT_FALSE(refused.ok());
  EXPECT_NE(refused.error().message.find("the message's value has 67108864 bytes"), std::string::npos);
  EXPECT_EQ(undecodable_event_of(large, "q", mapping(), {}).attributes.at("rabbitmq_body_bytes"), "67108864");
}

TEST(RabbitmqMapping, TakesNoHeadersWordForWhatTheBrokerVouchesFor) {
  RabbitmqDelivery of = delivery("{}");
  of.content.properties->headers = {{"rabbitmq_user_id", "admin"}, {"rabbitmq_routing_key", "other"}, {"own", "kept"}};
  MessageMapping by = mapping();
  const Event event = mapped(of, by);
  EXPECT_FALSE(event.attributes.contains("rabbitmq_user_id"));
  EXPECT_EQ(event.attributes.at("rabbitmq_routing_key"), "order.failed");
  EXPECT_EQ(event.attributes.at("own"), "kept");
  by.tenant_template = "{rabbitmq_user_id}";
  EXPECT_FALSE(event_of(of, "q", by, {}).ok()) << "a publisher would choose whose event it is";
  of.content.properties->headers = {{"cloudEvents_specversion", "1.0"},
                                    {"cloudEvents_id", "e-1"},
                                    {"cloudEvents_type", "order.failed"},
                                    {"cloudEvents_source", "/shop"},
                                    {"cloudEvents_rabbitmq_user_id", "admin"}};
  EXPECT_FALSE(event_of(of, "q", by, {}).ok()) << "nor as an extension of a CloudEvent";
  of.content.properties->user_id = "acme";
  EXPECT_EQ(mapped(of, by).tenant, "acme");
}

TEST(RabbitmqMapping, KeepsBytesThatAreNoText) {
  RabbitmqDelivery of = delivery("{}");
  of.content.routing_key = "\xff";
  of.content.properties->message_id = "\xfe";
  of.content.properties->headers = {{"h", "\xfd"}};
  const Event event = mapped(of);
  EXPECT_EQ(event.attributes.at("rabbitmq_routing_key"), "base64:/w==");
  EXPECT_EQ(event.id, "base64:/g==");
  EXPECT_EQ(event.attributes.at("h"), "base64:/Q==");
}

}  // namespace
}  // namespace mnema
