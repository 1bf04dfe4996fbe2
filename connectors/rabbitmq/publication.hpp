// connectors/rabbitmq/publication.hpp
//
// An outbox message as a message of AMQP: where it goes, and its properties.
//
// Threads: any.
#pragma once

#include <string>
#include <string_view>

#include "connectors/rabbitmq/connection.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/outbox.hpp"

namespace mnema {

/// `pattern` as it is, or with its places filled in. Errors: `kInvalidArgument` (a place is missing, too long a key).
[[nodiscard]] Result<std::string> routing_key_of(const std::string& pattern, const OutboxMessage& message);

/// By which receivers know a repeat: the idempotency key, or its digest where AMQP does not take it.
[[nodiscard]] std::string message_id_of(const OutboxMessage& message);

/// Sends it: persistent, mandatory. Errors: `kInvalidArgument` (its properties do not fit).
[[nodiscard]] Status publish_message(RabbitmqConnection& connection, const std::string& exchange,
                                     const std::string& routing_key, const std::string& message_id,
                                     const OutboxMessage& message);

}  // namespace mnema
