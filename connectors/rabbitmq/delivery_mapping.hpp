// connectors/rabbitmq/delivery_mapping.hpp
//
// How a delivery becomes an event (connectors/message_mapping.hpp). Its id is the message's property message_id, else
// by template; without either it has one that was made for it, and a repeat is not recognised. The type is the queue's
// name without a template.
//
// Every event has the attributes rabbitmq_queue, rabbitmq_exchange, rabbitmq_routing_key and rabbitmq_redelivered
// ("true" or "false"), and of the properties correlation_id, reply_to, type, app_id and user_id those that there are,
// as rabbitmq_NAME. CloudEvents have headers cloudEvents:* or cloudEvents_*; one without a body has the payload `null`.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "connectors/message_mapping.hpp"
#include "connectors/rabbitmq/connection.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

struct RabbitmqDelivery {
  RabbitmqContent content;
  std::string own_id;  // where the message has none
  Time received_at{};
};

/// Errors: those of `map_message`, those of the properties.
[[nodiscard]] Result<Event> event_of(const RabbitmqDelivery& delivery, const std::string& queue,
                                     const MessageMapping& mapping, const Limits& limits);

/// What stands for a message that is no event, as a dead letter: its raw bytes as far as `limits.event_bytes_max` goes,
/// and where it came from.
[[nodiscard]] Event undecodable_event_of(const RabbitmqDelivery& delivery, const std::string& queue,
                                         const MessageMapping& mapping, const Limits& limits);

}  // namespace mnema
