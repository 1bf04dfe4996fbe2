#include "connectors/rabbitmq/delivery_mapping.hpp"

#include "connectors/cloud_event.hpp"

namespace mnema {
namespace {

// Both of the AMQP binding; the second is for brokers that take no colon in a name.
constexpr std::string_view kCloudEventPrefixes[] = {"cloudEvents:", "cloudEvents_"};

BrokerMessage message_of(const RabbitmqContent& content) {
  BrokerMessage message;
  message.noun = "message";
  message.own_prefix = "rabbitmq_";
  message.cloud_event_prefixes = kCloudEventPrefixes;
  message.value = content.body;
  message.value_bytes = static_cast<std::size_t>(content.body_bytes);
  if (!content.properties.ok()) return message;
  const AmqpProperties& properties = *content.properties;
  message.content_type = properties.content_type;
  message.has_id = !properties.message_id.empty();
  message.headers_count = properties.headers_count;
  message.headers.reserve(properties.headers.size());
  for (const auto& [name, value] : properties.headers) {
    message.headers.emplace_back(name, value ? std::optional<std::string_view>(*value) : std::nullopt);
  }
  if (content.body.empty() && cloud_event_mode(message) == CloudEventMode::kBinary) message.value.reset();
  return message;
}

void add_place(const RabbitmqDelivery& delivery, const std::string& queue, const MessageMapping& mapping,
               Event& event) {
  const RabbitmqContent& content = delivery.content;
  event.source = mapping.source + "/" + queue;
  event.id = delivery.own_id;
  event.time = delivery.received_at;
  event.tenant = mapping.tenant;
  event.agent = mapping.agent;
  event.attributes["rabbitmq_queue"] = queue;
  event.attributes["rabbitmq_exchange"] = attribute_text(content.exchange);
  event.attributes["rabbitmq_routing_key"] = attribute_text(content.routing_key);
  event.attributes["rabbitmq_redelivered"] = content.redelivered ? "true" : "false";
  if (!content.properties.ok()) return;
  const AmqpProperties& properties = *content.properties;
  if (!properties.message_id.empty()) event.id = attribute_text(properties.message_id);
  if (properties.timestamp) event.time = *properties.timestamp;
  const auto keep = [&event](const char* name, const std::string& value) {
    if (!value.empty()) event.attributes[name] = attribute_text(value);
  };
  keep("rabbitmq_correlation_id", properties.correlation_id);
  keep("rabbitmq_reply_to", properties.reply_to);
  keep("rabbitmq_type", properties.type);
  keep("rabbitmq_app_id", properties.app_id);
  keep("rabbitmq_user_id", properties.user_id);
}

}  // namespace

Result<Event> event_of(const RabbitmqDelivery& delivery, const std::string& queue, const MessageMapping& mapping,
                       const Limits& limits) {
  if (!delivery.content.properties.ok()) return delivery.content.properties.error();
  Event event;
  add_place(delivery, queue, mapping, event);
  event.type = queue;
  RETURN_IF_ERROR(map_message(message_of(delivery.content), mapping, mapping.source, limits, event));
  return event;
}

Event undecodable_event_of(const RabbitmqDelivery& delivery, const std::string& queue, const MessageMapping& mapping,
                           const Limits& limits) {
  Event event;
  add_place(delivery, queue, mapping, event);
  event.type = "rabbitmq.undecodable";
  const bool is_cut = keep_undecodable(message_of(delivery.content), limits, event);
  if (is_cut) event.attributes["rabbitmq_body_bytes"] = std::to_string(delivery.content.body_bytes);
  return event;
}

}  // namespace mnema
