#include <utility>

#include "runtime/base/log.hpp"
#include "runtime/events/event_deadline.hpp"
#include "runtime/events/mailbox_core.hpp"

// How rows leave the queue [home]: dispatched alone or gathered, superseded by a newer one, or because their time is
// over.

namespace mnema {

using mailbox_store::Attempt;

namespace {

constexpr Duration kStoreRetry = std::chrono::seconds(1);

std::vector<Sequence> numbers_of(const std::vector<TenantQueue::Row>& rows) {
  std::vector<Sequence> numbers;
  numbers.reserve(rows.size());
  for (const TenantQueue::Row& row : rows) numbers.push_back(row.id);
  return numbers;
}

}  // namespace

const Gather* Mailbox::Core::gather_of(const std::string& agent) const {
  const Gather& gather = flows.of(agent).gather;
  return gather.kind == Gather::Kind::kNone ? nullptr : &gather;
}

/// However slow turns are, a key that keeps only its newest event holds few rows.
void Mailbox::Core::thin(const std::string& tenant, const std::string& lane) {
  std::vector<Sequence> thinned = queue.thin(tenant, lane);
  if (thinned.empty()) return;
  for (const Sequence sequence : thinned) {
    forget_fresh(sequence);
    expiries.forget(sequence);
  }
  counters.coalesced += static_cast<std::int64_t>(thinned.size());
  discard(std::move(thinned));
}

/// They are out of the queue; until their rows are gone too, a restart would take them up again, and coalesce anew.
void Mailbox::Core::discard(std::vector<Sequence> superseded) {
  write<void>([superseded](Transaction& t) { return mailbox_store::supersede(t, superseded); },
              [self = shared_from_this(), superseded](const Status& status) {
                if (status.ok()) {
                  for (const Sequence sequence : superseded) self->announce_left(sequence);
                  return;
                }
                log_failed_write("superseded events were not removed", superseded.front(), status);
                self->home.post_after(kStoreRetry, [weak = self->weak_from_this(), superseded] {
                  const std::shared_ptr<Core> core = weak.lock();
                  if (core && !core->stopped) core->discard(superseded);
                });
              });
}

void Mailbox::Core::dispatch(Consumer consumer, TenantQueue::Taken taken) {
  const Sequence sequence = taken.row.id;
  if (used_up.contains(sequence)) {
    consumers.push_front(std::move(consumer));
    return dead_letter_crashed(sequence);
  }
  Tries& known = tries[sequence];
  const Attempt attempt{sequence, ++known.counted, known.uncounted};
  const auto kept = fresh.find(sequence);
  if (kept == fresh.end() || !taken.others.empty()) {
    return load_and_dispatch(std::move(consumer), std::move(taken), attempt);
  }
  Loaded loaded;
  loaded.event = kept->second;
  loaded.has_no_journal = true;  // what is kept in memory since it was accepted was never leased
  forget_fresh(sequence);
  // Not waited for: whatever the turn makes durable stands behind it in the queue of the store.
  write<void>([attempt](Transaction& t) { return mailbox_store::lease(t, attempt); },
              [attempt](const Status& status) {
                if (!status.ok()) log_failed_write("an attempt could not be counted", attempt.sequence, status);
              });
  deliver(consumer, taken, attempt, std::move(loaded));
}

/// Waited for: what is superseded must not outlive what superseded it, and a batch is one on disk before it is handled.
void Mailbox::Core::load_and_dispatch(Consumer consumer, TenantQueue::Taken taken, const Attempt& attempt) {
  const bool is_fresh = fresh.contains(attempt.sequence);
  forget_fresh(attempt.sequence);
  for (const TenantQueue::Row& other : taken.others) forget_fresh(other.id);
  write<Loaded>(
      [attempt, is_fresh, others = numbers_of(taken.others), how = taken.gathered](Transaction& t) -> Result<Loaded> {
        RETURN_IF_ERROR(mailbox_store::lease(t, attempt));
        if (how == Gather::Kind::kNewest) RETURN_IF_ERROR(mailbox_store::supersede(t, others));
        if (how == Gather::Kind::kAll) RETURN_IF_ERROR(mailbox_store::join_batch(t, attempt.sequence, others));
        ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(t, attempt.sequence));
        ASSIGN_OR_RETURN(std::vector<Event> batch, mailbox_store::load_batch(t, attempt.sequence));
        bool has_journal = false;
        if (!is_fresh) {
          ASSIGN_OR_RETURN(has_journal, mailbox_store::has_journal(t, attempt.sequence));
        }
        Loaded loaded{row.index.generation, std::make_shared<const Event>(std::move(row.event)), {}, !has_journal};
        for (Event& event : batch) loaded.batch.push_back(std::make_shared<const Event>(std::move(event)));
        return loaded;
      },
      [self = shared_from_this(), consumer = std::move(consumer), taken, attempt](Result<Loaded> loaded) {
        if (!loaded.ok()) {
          log_failed_write("an event could not be read", attempt.sequence, loaded.error());
          --self->tries[attempt.sequence].counted;
          if (!self->stopped) self->consumers.push_front(consumer);
          if (taken.gathered == Gather::Kind::kNewest) {
            self->discard_superseded(taken);  // queued again, the older ones would come after what superseded them
          } else {
            self->put_back(taken);
          }
          return self->requeue(attempt.sequence, self->clock.now() + std::chrono::milliseconds(self->limits.lease_ms));
        }
        for (const TenantQueue::Row& other : taken.others) self->expiries.forget(other.id);
        if (taken.gathered == Gather::Kind::kNewest) {
          self->counters.coalesced += static_cast<std::int64_t>(taken.others.size());
          for (const TenantQueue::Row& other : taken.others) self->announce_left(other.id);
        } else if (!taken.others.empty()) {
          self->batches[attempt.sequence] = numbers_of(taken.others);
        }
        if (self->stopped) return self->release(attempt);
        self->deliver(consumer, taken, attempt, std::move(*loaded));
      });
}

void Mailbox::Core::discard_superseded(const TenantQueue::Taken& taken) {
  for (const TenantQueue::Row& other : taken.others) expiries.forget(other.id);
  counters.coalesced += static_cast<std::int64_t>(taken.others.size());
  discard(numbers_of(taken.others));
}

/// What was gathered with a row that could not be dispatched.
void Mailbox::Core::put_back(const TenantQueue::Taken& taken) {
  for (const TenantQueue::Row& row : taken.others) {
    // Its agent is the one of its lane, which is there: the row it was gathered with holds it.
    queue.add(taken.tenant, taken.lane, row);
  }
}

void Mailbox::Core::deliver(const Consumer& consumer, const TenantQueue::Taken& taken, const Attempt& attempt,
                            Loaded loaded) {
  auto lease = std::make_shared<Delivery::Lease>();
  lease->core = weak_from_this();
  lease->attempt = attempt;
  lease->is_batch = !loaded.batch.empty();
  Delivery::Facts facts{attempt.sequence,        attempt.counted,        attempt.counted + attempt.uncounted,
                        loaded.generation,       loaded.has_no_journal,  taken.row.since,
                        std::move(loaded.event), std::move(loaded.batch)};
  // A shared holder because a posted function must be copyable; if it is dropped unrun, the delivery ends unsettled.
  auto delivery = std::make_shared<Delivery>(Delivery(std::move(facts), std::move(lease)));
  if (!delivery->batch().empty()) {
    expiries.forget(attempt.sequence);
    if (const auto deadline = delivery->deadline()) {
      expiries.add(attempt.sequence, {*deadline, taken.tenant, delivery->event().agent, taken.lane});
    }
  }
  consumer.reply_to->post([on_delivery = consumer.on_delivery, delivery] { on_delivery(std::move(*delivery)); });
}

void Mailbox::Core::expire_due() {
  if (stopped) return;
  while (const std::optional<Sequence> due = expiries.take_due(clock.now())) expire(*due);
}

void Mailbox::Core::expire(Sequence sequence) {
  if (used_up.contains(sequence)) return;  // it becomes a dead letter as it is
  if (queue.is_out(sequence)) {
    if (on_deadline) on_deadline(sequence);
    return;
  }
  const ExpiryIndex::Entry entry = *expiries.find(sequence);
  const std::optional<TenantQueue::Row> row = queue.remove(entry.tenant, entry.lane, sequence);
  if (!row) return;  // just gathered
  forget_fresh(sequence);
  const auto tried = tries.find(sequence);
  const Tries known = tried == tries.end() ? Tries{} : tried->second;
  const Attempt attempt{sequence, known.counted, known.uncounted};
  const Error cause = deadline_passed(entry.at, false);
  write<mailbox_store::Row>(
      [attempt, cause, now = clock.now()](Transaction& t) -> Result<mailbox_store::Row> {
        RETURN_IF_ERROR(mailbox_store::add_error(t, attempt.sequence, attempt.counted + attempt.uncounted, now, cause));
        RETURN_IF_ERROR(mailbox_store::dead_letter(t, attempt, now));
        return mailbox_store::load(t, attempt.sequence);
      },
      [self = shared_from_this(), attempt, entry, row = *row, cause](const Result<mailbox_store::Row>& dead) {
        if (!dead.ok()) {
          log_failed_write("an event could not be dead-lettered", attempt.sequence, dead.error());
          TenantQueue::Row again = row;
          again.not_before = self->clock.now() + kStoreRetry;
          again.alone = true;
          self->queue.add(entry.tenant, entry.lane, again, self->gather_of(entry.agent));
          self->expiries.add(attempt.sequence, {again.not_before, entry.tenant, entry.agent, entry.lane});
          return self->pump();
        }
        log_dead_letter({attempt, dead->index.tenant, dead->index.agent, dead->event.type}, cause);
        ++self->counters.expired;
        self->died(attempt.sequence, dead->index.tenant);
      });
}

}  // namespace mnema
