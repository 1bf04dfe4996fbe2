// connectors/cloud_event.hpp
//
// CloudEvents in the records and messages of brokers. Source: CloudEvents 1.0.2, "Kafka Protocol Binding", "AMQP
// Protocol Binding" and "JSON Event Format".
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/broker_message.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

enum class CloudEventMode { kNone, kBinary, kStructured };

[[nodiscard]] CloudEventMode cloud_event_mode(const BrokerMessage& message);

/// The name of the CloudEvents attribute that the header `name` holds in binary mode; none: it holds none.
[[nodiscard]] std::optional<std::string_view> cloud_event_attribute(const BrokerMessage& message,
                                                                    std::string_view name);

/// Fills in id, type, subject, time, data, content type and attributes; the event's source is `source`, a slash and its
/// own one, as an id is unique in its source only. Errors: `kInvalidArgument`: it is no CloudEvent.
[[nodiscard]] Status read_cloud_event(const BrokerMessage& message, CloudEventMode mode, const std::string& source,
                                      const Limits& limits, Event& event);

}  // namespace mnema
