// connectors/message_template.hpp
//
// Templates over an outgoing message: what a sink makes of its body and of {key}, {agent}, {destination} and {tenant}
// (runtime/events/key_template.hpp), such as a routing key or the key of a record.
//
// Threads: pure functions.
#pragma once

#include <string>

#include "runtime/base/result.hpp"
#include "runtime/events/outbox.hpp"

namespace mnema {

/// Errors: `kInvalidArgument`: a place is missing (names it), or the body is no JSON and one of its places is meant.
[[nodiscard]] Result<std::string> render_over_message(const std::string& pattern, const OutboxMessage& message);

}  // namespace mnema
