#include "connectors/rabbitmq/batch.hpp"

#include "connectors/rabbitmq/unfinished_store.hpp"
#include "runtime/base/check.hpp"

namespace mnema {
namespace {

Status store_undecodable(Transaction& transaction, const RabbitmqDelivery& delivery, const RabbitmqBatchRules& rules,
                         const Error& why, Mailbox& mailbox, const Limits& limits) {
  return mailbox.store_dead(transaction, undecodable_event_of(delivery, rules.queue, rules.mapping, limits), why);
}

/// Inside the batch's transaction.
Status write_beside_events(Transaction& transaction, const AcceptResults& results, RabbitmqBatch& batch,
                           const RabbitmqBatchRules& rules, Mailbox& mailbox, const Limits& limits) {
  CHECK(results.size() == batch.deliveries.size(), "each delivery has a result");
  batch.outcome = {};
  batch.unfinished.clear();
  for (std::size_t i = 0; i < results.size(); ++i) {
    const RabbitmqDelivery& delivery = batch.deliveries[i];
    if (!results[i].ok()) {
      if (is_unrouted(results[i].error())) {
        ++batch.outcome.unrouted;  // no agent asks for its type: a queue may have many
        continue;
      }
      ++batch.outcome.dead;
      RETURN_IF_ERROR(store_undecodable(transaction, delivery, rules, results[i].error(), mailbox, limits));
      continue;
    }
    const Accepted& accepted = *results[i];
    if (accepted.differs) {
      ++batch.outcome.dead;
      const Error why =
          fail(ErrorCode::kAlreadyExists, "the message's id is that of an earlier one with another content",
               "let each message have an id of its own, or take the id from elsewhere");
      RETURN_IF_ERROR(store_undecodable(transaction, delivery, rules, why, mailbox, limits));
      continue;
    }
    ++(accepted.duplicate ? batch.outcome.duplicates : batch.outcome.accepted);
    if (!rules.tracks_unfinished || accepted.settled) continue;
    bool is_unfinished = true;
    if (accepted.duplicate) {
      ASSIGN_OR_RETURN(is_unfinished, rabbitmq_unfinished_store::is_unfinished(transaction, accepted.sequence));
    }
    if (is_unfinished) batch.unfinished.emplace_back(accepted.sequence, delivery.content.tag);
  }
  return {};
}

}  // namespace

EventBatch event_batch_of(const std::shared_ptr<RabbitmqBatch>& batch,
                          const std::shared_ptr<const RabbitmqBatchRules>& rules, Mailbox& mailbox,
                          const Limits& limits) {
  EventBatch events;
  events.dedupe = Dedupe::kById;
  events.key_template = rules->key_template;
  events.events.reserve(batch->deliveries.size());
  for (const RabbitmqDelivery& delivery : batch->deliveries) {
    Result<Event> event = event_of(delivery, rules->queue, rules->mapping, limits);
    if (event.ok() && event->id == delivery.own_id) batch->has_made_ids = true;
    events.events.push_back(std::move(event));
  }
  events.hook = [batch, rules, &mailbox, &limits](Transaction& transaction, const AcceptResults& results) {
    return write_beside_events(transaction, results, *batch, *rules, mailbox, limits);
  };
  return events;
}

}  // namespace mnema
