// connectors/rabbitmq/batch.hpp
//
// Deliveries on their way into the mailbox: what they become, and what is written with them. One batch is one
// transaction: events, and dead letters of what is none. A message with a known id and another content than the first
// one's is a dead letter, too: its sender takes one id twice, and it would be lost otherwise.
//
// Threads:   gathered on the loop thread, then confined to one executor at a time: a worker (mapping), the store
//            (hook), the loop (what came of it).
// Ownership: owns its deliveries.
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "connectors/rabbitmq/delivery_mapping.hpp"
#include "runtime/events/event_batch.hpp"
#include "runtime/events/mailbox.hpp"

namespace mnema {

struct RabbitmqBatch {
  struct Outcome {
    long long accepted = 0;
    long long duplicates = 0;
    long long dead = 0;
    long long unrouted = 0;
  };
  std::uint64_t connection = 0;  // that it came by: tags are of a connection
  std::vector<RabbitmqDelivery> deliveries;
  bool has_made_ids = false;  // by the mapping: some have none of their own
  // Of the hook's last run.
  Outcome outcome;
  std::vector<std::pair<Sequence, std::uint64_t>>
      unfinished;  // with ack = done: events, and the tags that wait for them
};

struct RabbitmqBatchRules {
  std::string queue;
  MessageMapping mapping;
  std::string key_template;
  bool tracks_unfinished = false;  // ack = done
};

/// Maps the deliveries. The event batch's hook refers to all four, which stay until it is answered.
[[nodiscard]] EventBatch event_batch_of(const std::shared_ptr<RabbitmqBatch>& batch,
                                        const std::shared_ptr<const RabbitmqBatchRules>& rules, Mailbox& mailbox,
                                        const Limits& limits);

}  // namespace mnema
