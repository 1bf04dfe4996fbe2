#include "connectors/rabbitmq/publication.hpp"

#include "connectors/message_template.hpp"
#include "connectors/rabbitmq/link.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

constexpr std::uint8_t kPersistent = 2;

}  // namespace

Result<std::string> routing_key_of(const std::string& pattern, const OutboxMessage& message) {
  std::string key = pattern;
  if (pattern.find('{') != std::string::npos) {
    ASSIGN_OR_RETURN(key, render_over_message(pattern, message));
  }
  RETURN_IF_ERROR(check_amqp_name("the routing key", key));
  return key;
}

std::string message_id_of(const OutboxMessage& message) {
  if (message.idempotency_key.size() <= kAmqpShortBytesMax) return message.idempotency_key;
  return sha256_hex(message.idempotency_key);
}

Status publish_message(RabbitmqConnection& connection, const std::string& exchange, const std::string& routing_key,
                       const std::string& message_id, const OutboxMessage& message) {
  RETURN_IF_ERROR(check_amqp_name("the content type", message.content_type));
  amqp_table_entry_t headers[3];
  int headers_count = 0;
  const auto add = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    amqp_table_entry_t& entry = headers[headers_count++];
    entry.key = amqp_cstring_bytes(name);
    entry.value.kind = AMQP_FIELD_KIND_UTF8;
    entry.value.value.bytes = amqp_bytes(value);
  };
  add("mnema-agent", message.agent);
  add("mnema-key", message.key);
  add("traceparent", message.traceparent);
  amqp_basic_properties_t properties{};
  properties._flags = AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG |
                      AMQP_BASIC_HEADERS_FLAG;
  properties.content_type = amqp_bytes(message.content_type);
  properties.delivery_mode = kPersistent;
  properties.message_id = amqp_bytes(message_id);
  properties.headers = {headers_count, headers};
  amqp_basic_publish_t publish{};
  publish.exchange = amqp_bytes(exchange);
  publish.routing_key = amqp_bytes(routing_key);
  publish.mandatory = 1;
  return connection.publish(publish, properties, message.body);
}

}  // namespace mnema
