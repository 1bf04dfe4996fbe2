// connectors/kafka/produce.hpp
//
// An outbox message as a record: the body is the value, the key is the message's or what a template makes of it, and
// headers say the idempotency key, the content type, the agent and the trace it belongs to. And what the broker's
// answer means for the message.
//
// Threads: any.
#pragma once

#include <string>

#include "connectors/kafka/handles.hpp"
#include "runtime/base/result.hpp"
#include "runtime/events/outbox.hpp"

namespace mnema {

/// Gives the message the key that its record has; without a pattern its own. Errors: `kInvalidArgument` (names the
/// place that is missing; for good).
[[nodiscard]] Status key_for_kafka(const std::string& pattern, OutboxMessage& message);

/// Queues the record; `opaque` comes back with its delivery report. Errors: as `status_of_delivery`; `kUnavailable`
/// with `never_left` where the queue is full.
[[nodiscard]] Status produce_to_kafka(rd_kafka_t* client, const std::string& topic, const OutboxMessage& message,
                                      void* opaque);

/// Of a delivery report. Errors: `kInvalidArgument` (the record can never be taken: too large), `kCancelled` (purged),
/// `kUnavailable` (retryable; `never_left` where it was certainly not written).
[[nodiscard]] Status status_of_delivery(rd_kafka_resp_err_t code, bool is_certainly_not_written);

}  // namespace mnema
