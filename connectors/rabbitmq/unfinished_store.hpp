// connectors/rabbitmq/unfinished_store.hpp
//
// For `ack = done`: whether the event that a repeated message was known by still waits for its turn.
//
// Threads: inside a unit of work.
#pragma once

#include "runtime/events/event.hpp"
#include "runtime/store/database.hpp"

namespace mnema::rabbitmq_unfinished_store {

/// False: it is done, dead or superseded.
[[nodiscard]] Result<bool> is_unfinished(Transaction& transaction, Sequence sequence);

}  // namespace mnema::rabbitmq_unfinished_store
