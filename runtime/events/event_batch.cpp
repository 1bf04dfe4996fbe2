#include "runtime/events/event_batch.hpp"

#include <algorithm>
#include <cstdint>
#include <string_view>
#include <utility>

namespace mnema {
namespace {

constexpr std::string_view kUnwantedPart = "type";  // the router's alone, with kNotFound

}  // namespace

Error unrouted(std::string message, std::string hint) {
  Error error = fail(ErrorCode::kNotFound, std::move(message), std::move(hint));
  error.part = kUnwantedPart;
  return error;
}

bool is_unrouted(const Error& error) { return error.code == ErrorCode::kNotFound && error.part == kUnwantedPart; }

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
