#include "runtime/events/event_batch.hpp"

#include <algorithm>
#include <cstdint>

namespace mnema {

std::size_t batch_events_max(const Limits& limits) {
  return static_cast<std::size_t>(
      std::min({std::int64_t{limits.accept_batch_events_max}, limits.mailbox_rows_per_key_max,
                limits.mailbox_rows_per_tenant_max, limits.mailbox_rows_max}));
}

EventBatch batch_of(Event event) {
  EventBatch batch;
  batch.events.emplace_back(std::move(event));
  return batch;
}

BatchDone answer_of_one(AcceptDone done) {
  return [done = std::move(done)](const Result<AcceptResults>& results) {
    done(results.ok() ? results->front() : Result<Accepted>(results.error()));
  };
}

}  // namespace mnema
