#include "runtime/events/mailbox.hpp"

#include <algorithm>
#include <utility>

#include "runtime/events/lane_queue.hpp"
#include "runtime/events/mailbox_core.hpp"

namespace mnema {

using mailbox_store::Attempt;
using mailbox_store::Counted;
using mailbox_store::RowState;

Delivery::~Delivery() {
  if (!lease_ || lease_->settled.exchange(true)) return;
  const std::shared_ptr<Mailbox::Core> core = lease_->core.lock();
  if (!core) return;
  core->home.post([core, attempt = lease_->attempt] { core->dropped(attempt); });
}

Delivery& Delivery::operator=(Delivery&& other) noexcept {
  Delivery ended(std::move(*this));  // ends as any other if it was never settled
  facts_ = std::move(other.facts_);
  lease_ = std::move(other.lease_);
  return *this;
}

std::optional<Time> Delivery::deadline() const {
  std::optional<Time> last = facts_.event->deadline;
  for (const auto& event : facts_.batch) {
    last = last && event->deadline ? std::optional(std::max(*last, *event->deadline)) : std::nullopt;
  }
  return last;
}

Mailbox::Mailbox(Database& database, Executor& home, const Clock& clock, const Limits& limits, EventFlows flows)
    : core_(std::make_shared<Core>(database, home, clock, limits, std::move(flows))) {}

Mailbox::~Mailbox() = default;

Status Mailbox::recover() { return core_->recover(); }

void Mailbox::on_accepted(std::function<void(Sequence, const std::shared_ptr<const Event>&)> listener) {
  core_->on_accepted = std::move(listener);
}

void Mailbox::on_deadline(std::function<void(Sequence)> listener) { core_->on_deadline = std::move(listener); }
void Mailbox::on_settled(std::function<void(Sequence)> listener) { core_->on_settled.push_back(std::move(listener)); }

void Mailbox::on_pressure(MailboxPressure::Listener listener) { core_->bounds.on_pressure(std::move(listener)); }

void Mailbox::accept(EventBatch batch, Executor& reply_to, BatchDone on_done) {
  const std::size_t events_max = batch_events_max(core_->limits);
  if (batch.events.size() > events_max) {
    const Error error = fail(ErrorCode::kInvalidArgument,
                             "a batch of " + std::to_string(batch.events.size()) + " events is more than one may be",
                             "at most " + std::to_string(events_max) + " are taken");
    return reply_to.post([on_done = std::move(on_done), error] { on_done(error); });
  }
  const auto arriving = std::make_shared<Core::Arriving>();
  arriving->dedupe = batch.dedupe;
  arriving->hook = std::move(batch.hook);
  arriving->reply_to = &reply_to;
  arriving->on_done = std::move(on_done);
  arriving->results.reserve(batch.events.size());
  arriving->rows.reserve(batch.events.size());
  for (Result<Event>& event : batch.events) {
    const Status fit = event.ok() ? core_->prepare(*event) : Status(event.error());
    arriving->results.push_back(fit.ok() ? Result<Accepted>(Accepted{}) : Result<Accepted>(fit.error()));
    if (!fit.ok()) continue;
    if (!core_->is_wanted(*event)) {
      ++core_->counters.filtered;
      arriving->results.back()->settled = true;
      continue;
    }
    Core::ArrivingRow row;
    row.place = arriving->results.size() - 1;
    if (batch.dedupe == Dedupe::kById) row.digest = digest_of(*event);
    row.lane = lane_name(event->agent, event->key);
    row.event = std::make_shared<const Event>(std::move(*event));
    arriving->rows.push_back(std::move(row));
  }
  if (arriving->rows.empty() && !arriving->hook) return arriving->answer({});
  core_->home.post([core = core_, arriving] { core->accept(arriving); });
}

void Mailbox::accept(Event event, Executor& reply_to, AcceptDone on_done) {
  accept(batch_of(std::move(event)), reply_to, answer_of_one(std::move(on_done)));
}

Result<Accepted> Mailbox::accept(Transaction& transaction, Event event) {
  RETURN_IF_ERROR(core_->prepare(event));
  if (!core_->is_wanted(event)) {
    Accepted filtered;
    filtered.settled = true;
    transaction.after_commit([core = core_] { ++core->counters.filtered; });
    return filtered;
  }
  const EventDigest digest = digest_of(event);
  return core_->store_one(transaction, std::make_shared<const Event>(std::move(event)), digest);
}

Status Mailbox::store_dead(Transaction& transaction, const Event& event, const Error& cause) {
  return core_->store_dead(transaction, event, cause);
}

void Mailbox::take(Executor& reply_to, std::function<void(Delivery)> on_delivery) {
  core_->home.post([core = core_, consumer = Core::Consumer{&reply_to, std::move(on_delivery)}] {
    if (core->stopped) return;
    core->consumers.push_back(consumer);
    core->pump();
  });
}

void Mailbox::stop_taking() {
  // At once, so that nothing is leased between the call and its turn on the home executor.
  core_->stopped = true;
  core_->home.post([core = core_] { core->consumers.clear(); });
}

Status Mailbox::complete(Transaction& transaction, const Delivery& delivery) {
  CHECK(delivery.lease_ != nullptr, "an empty delivery is not completed");
  RETURN_IF_ERROR(mailbox_store::complete(transaction, delivery.lease_->attempt));
  if (delivery.lease_->is_batch) {
    ASSIGN_OR_RETURN([[maybe_unused]] const std::int64_t removed,
                     mailbox_store::remove_batch(transaction, delivery.sequence()));
  }
  transaction.after_commit([core = core_, lease = delivery.lease_] {
    lease->settled = true;
    core->home.post([core, sequence = lease->attempt.sequence] { core->settled(sequence); });
  });
  return {};
}

void Mailbox::retry(Delivery delivery, Time retry_at, Error cause, Executor& reply_to,
                    std::function<void(Result<RetryVerdict>)> on_done) {
  const Limits& limits = core_->limits;
  const OnFailure on_failure = core_->flows.of(delivery.event().agent).said.on_failure;
  const int attempts_max = on_failure == OnFailure::kDeadLetter ? 1 : limits.attempts_max;
  const bool is_used_up = !cause.never_left && delivery.attempt() >= attempts_max;
  if (is_used_up || delivery.tries() >= limits.event_tries_max) {
    return dead_letter(
        std::move(delivery), std::move(cause), reply_to, [on_done = std::move(on_done)](const Status& status) {
          on_done(status.ok() ? Result<RetryVerdict>(RetryVerdict::kDead) : Result<RetryVerdict>(status.error()));
        });
  }
  delivery.lease_->settled = true;
  const Attempt attempt = delivery.lease_->attempt;
  const Counted counted = cause.never_left ? Counted::kNo : Counted::kYes;
  core_->write<void>(
      [core = core_, attempt, counted, retry_at, cause = std::move(cause)](Transaction& t) -> Status {
        RETURN_IF_ERROR(mailbox_store::add_error(t, attempt.sequence, attempt.counted + attempt.uncounted,
                                                 core->clock.now(), cause));
        return mailbox_store::wait_until(t, attempt, retry_at, counted);
      },
      [core = core_, attempt, counted, retry_at, on_failure, &reply_to,
       on_done = std::move(on_done)](const Status& status) {
        if (counted == Counted::kNo) core->tries[attempt.sequence] = {attempt.counted - 1, attempt.uncounted + 1};
        // Also if it could not be written: the event is still ours, and waiting is the best that can be done with it.
        if (on_failure == OnFailure::kOvertake) {
          core->overtake(attempt.sequence, retry_at);
        } else {
          core->requeue(attempt.sequence, retry_at);
        }
        reply_to.post([on_done, status] {
          on_done(status.ok() ? Result<RetryVerdict>(RetryVerdict::kAgain) : Result<RetryVerdict>(status.error()));
        });
      });
}

void Mailbox::dead_letter(Delivery delivery, Error cause, Executor& reply_to, std::function<void(Status)> on_done) {
  auto shared = std::make_shared<Delivery>(std::move(delivery));
  core_->write<void>(
      [core = core_, shared, cause = std::move(cause)](Transaction& t) { return core->dead_letter(t, *shared, cause); },
      // If it could not be written, the delivery ends unsettled here and comes again.
      [shared, &reply_to, on_done = std::move(on_done)](const Status& status) {
        reply_to.post([on_done, status] { on_done(status); });
      });
}

void Mailbox::release(Delivery delivery) {
  delivery.lease_->settled = true;
  core_->home.post([core = core_, attempt = delivery.lease_->attempt] { core->release(attempt); });
}

void Mailbox::park(Delivery delivery, std::optional<Time> until, Executor& reply_to,
                   std::function<void(Status)> on_done) {
  delivery.lease_->settled = true;
  const Attempt attempt = delivery.lease_->attempt;
  const Time next_at = until.value_or(LaneQueue::kUntilWoken);
  core_->write<RowState>(
      [attempt, next_at](Transaction& t) { return mailbox_store::park(t, attempt, next_at); },
      [core = core_, attempt, next_at, &reply_to, on_done = std::move(on_done)](const Result<RowState>& state) {
        const Sequence sequence = attempt.sequence;
        core->tries[sequence] = {attempt.counted - 1, attempt.uncounted};
        const bool woken = core->woken_early.contains(sequence) || (state.ok() && state.value() == RowState::kReady);
        // If it could not be written, nobody may know whom to wake: the event comes again after a lease's time.
        const Time failed = core->clock.now() + std::chrono::milliseconds(core->limits.lease_ms);
        core->requeue(sequence, woken ? Time{} : state.ok() ? next_at : failed);
        reply_to.post([on_done, status = state.ok() ? Status() : Status(state.error())] { on_done(status); });
      });
}

Status Mailbox::wake(Transaction& transaction, Sequence sequence) { return core_->wake(transaction, sequence); }

void Mailbox::wake(Sequence sequence) {
  core_->write<void>([core = core_, sequence](Transaction& t) { return core->wake(t, sequence); },
                     [sequence](const Status& status) {
                       if (!status.ok()) log_failed_write("an event could not be woken", sequence, status);
                     });
}

Status Mailbox::revive(Transaction& transaction, Sequence sequence, std::optional<std::string> data) {
  ASSIGN_OR_RETURN(std::vector<Sequence> batch, mailbox_store::batch_of(transaction, sequence));
  if (data && !batch.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "event " + std::to_string(sequence) + " stands for a batch of " + std::to_string(batch.size() + 1) +
                    " events, of which no single payload can be replaced",
                "redrive it as it is, or drop it and send the events anew");
  }
  RETURN_IF_ERROR(mailbox_store::revive(transaction, sequence, data));
  ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, sequence));
  transaction.after_commit([core = core_, row = std::move(row.index), batch = std::move(batch)] {
    core->home.post([core, row, batch] {
      core->bounds.dead.add(row.tenant, -1 - static_cast<std::int64_t>(batch.size()));
      if (!batch.empty()) core->batches[row.sequence] = batch;
      core->add(row);
      core->pump();
    });
  });
  return {};
}

Status Mailbox::drop(Transaction& transaction, Sequence sequence) {
  ASSIGN_OR_RETURN(const std::string tenant, mailbox_store::drop_dead(transaction, sequence));
  ASSIGN_OR_RETURN(const std::int64_t batched, mailbox_store::remove_batch(transaction, sequence));
  transaction.after_commit([core = core_, tenant, batched] {
    core->home.post([core, tenant, batched] {
      core->bounds.dead.add(tenant, -1 - batched);
      core->pump();
    });
  });
  return {};
}

Mailbox::Depths Mailbox::depths() const {
  const Core& core = *core_;
  Depths depths;
  depths.leased = core.queue.out();
  depths.waiting = core.queue.waiting();
  depths.ready = core.queue.rows() - depths.leased - depths.waiting;
  depths.dead = core.bounds.dead.total();
  depths.keys = core.queue.lanes();
  depths.oldest = core.queue.oldest_since();
  return depths;
}

void Mailbox::count(RuntimeCounts& counts) const {
  const Core::Counters& counters = core_->counters;
  counts.events_ready = counters.ready;
  counts.events_leased = counters.leased;
  counts.events_waiting = counters.waiting;
  counts.events_dead = counters.dead;
  counts.events_accepted_total = counters.accepted;
  counts.events_duplicate_total = counters.duplicates;
  counts.events_refused_total = counters.refused;
  counts.events_dead_total = counters.died;
  counts.events_filtered_total = counters.filtered;
  counts.events_sampled_total = counters.sampled;
  counts.events_coalesced_total = counters.coalesced;
  counts.events_expired_total = counters.expired;
  counts.mailbox_full = counters.full;
}

void Mailbox::check_integrity() {
  core_->queue.check_integrity();
  core_->bounds.check_integrity();
  core_->expiries.check_integrity();
  const Result<mailbox_store::StateCounts> counted =
      core_->database.read<mailbox_store::StateCounts>([](Transaction& t) { return mailbox_store::count_states(t); });
  CHECK(counted.ok(), "the mailbox's rows can be counted");
  const mailbox_store::StateCounts& rows = counted.value();
  const Depths depths = this->depths();
  CHECK(rows.ready + rows.leased + rows.waiting == core_->queue.rows(),
        "ready + leased + waiting == rows of the index");
  CHECK(rows.dead + rows.batched_dead == depths.dead, "dead rows are counted right");
  std::int64_t batched = 0;
  for (const auto& [head, batch] : core_->batches) batched += static_cast<std::int64_t>(batch.size());
  CHECK(rows.batched == batched + rows.batched_dead, "batched rows are those that joined another");
  CHECK(static_cast<std::int64_t>(core_->expiries.size()) <= core_->queue.rows(), "only rows that are there expire");
  CHECK(rows.leased == depths.leased, "leased rows are those that are out");
  CHECK(static_cast<std::int64_t>(core_->tries.size()) <= core_->queue.rows(), "only rows that are there have tries");
  std::int64_t bytes = 0;
  for (const auto& [sequence, event] : core_->fresh) bytes += static_cast<std::int64_t>(event->data.size());
  CHECK(bytes == core_->fresh_bytes, "kept payloads are counted right");
}

}  // namespace mnema
