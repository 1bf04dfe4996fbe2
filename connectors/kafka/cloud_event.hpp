// connectors/kafka/cloud_event.hpp
//
// CloudEvents in records. Source: CloudEvents 1.0.2, "Kafka Protocol Binding" and "JSON Event Format".
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "connectors/kafka/record.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

enum class CloudEventMode { kNone, kBinary, kStructured };

[[nodiscard]] CloudEventMode cloud_event_mode(const KafkaRecord& record);

/// The header's value, of several the last; none: there is none, or it is null.
[[nodiscard]] std::optional<std::string_view> header_of(const KafkaRecord& record, std::string_view name);

/// Fills in id, type, subject, time, data, content type and attributes; `source` gets the event's own behind ours, as
/// an id is unique in its source only. Errors: `kInvalidArgument`: it is no CloudEvent.
[[nodiscard]] Status read_cloud_event(const KafkaRecord& record, CloudEventMode mode, const Limits& limits,
                                      Event& event);

}  // namespace mnema
