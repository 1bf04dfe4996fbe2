#include "runtime/events/mailbox_core.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/log.hpp"

namespace mnema {

using mailbox_store::Attempt;
using mailbox_store::IndexRow;
using mailbox_store::RowState;

void log_dead_letter(const DeadEvent& event, const Error& cause) {
  const std::string number = std::to_string(event.attempt.sequence);
  log_error("mailbox", "an event became a dead letter",
            {{"event", event.attempt.sequence},
             {"tenant", event.tenant},
             {"agent", event.agent},
             {"type", event.type},
             {"attempts", event.attempt.counted},
             {"tries", event.attempt.counted + event.attempt.uncounted},
             {"error", cause.text()},
             {"hint", "mnema dlq show event:" + number}});
}

void log_failed_write(const char* what, Sequence sequence, const Status& status) {
  log_warning("mailbox", what, {{"sequence", sequence}, {"error", status.error().text()}});
}

Mailbox::Core::Core(Database& d, Executor& h, const Clock& c, const Limits& l, EventFlows f)
    : database(d),
      home(h),
      clock(c),
      limits(l),
      flows(std::move(f)),
      queue(std::chrono::milliseconds(l.mailbox_ageing_ms), l.turns_running_per_tenant_max),
      bounds(queue, l),
      timer(h, c) {}

Status Mailbox::Core::recover() {
  ASSIGN_OR_RETURN(const std::vector<IndexRow> rows,
                   database.read<std::vector<IndexRow>>([](Transaction& t) { return mailbox_store::load_index(t); }));
  write<void>([entries_max = limits.dedupe_entries_max](
                  Transaction& t) -> Status { return mailbox_store::trim_ring(t, entries_max); },
              [](const Status& status) {
                if (!status.ok()) log_failed_write("forgotten events were not removed", 0, status);
              });
  for (const IndexRow& row : rows) {
    if (row.batch != 0) batches[row.batch].push_back(row.sequence);
  }
  std::unordered_map<Sequence, std::optional<Time>> deadlines;  // of batches: the last one's, if all have one
  for (const IndexRow& row : rows) {
    if (row.batch == 0) continue;
    const auto head = std::lower_bound(rows.begin(), rows.end(), row.batch,
                                       [](const IndexRow& a, Sequence b) { return a.sequence < b; });
    const auto known = deadlines.try_emplace(row.batch, head == rows.end() ? std::nullopt : head->deadline).first;
    known->second =
        known->second && row.deadline ? std::optional(std::max(*known->second, *row.deadline)) : std::nullopt;
  }
  for (IndexRow row : rows) {
    if (const auto batch = deadlines.find(row.sequence); batch != deadlines.end()) row.deadline = batch->second;
    recover_row(row);
  }
  home.post([self = shared_from_this()] { self->pump(); });
  return {};
}

void Mailbox::Core::recover_row(const IndexRow& row) {
  if (row.state == RowState::kBatched) return;
  if (row.state == RowState::kDead) {
    const auto batch = batches.find(row.sequence);
    bounds.dead.add(row.tenant, 1 + (batch == batches.end() ? 0 : static_cast<std::int64_t>(batch->second.size())));
    if (batch != batches.end()) batches.erase(batch);
    return;
  }
  if (row.state != RowState::kLeased) return add(row);
  const Attempt attempt{row.sequence, row.attempts, row.uncounted};
  IndexRow crashed = row;
  ++crashed.crashes;
  --crashed.attempts;
  ++crashed.uncounted;
  if (crashed.crashes < limits.crashes_max && crashed.attempts + crashed.uncounted < limits.event_tries_max) {
    crashed.next_at = after_crash(crashed.crashes);
    crashed.state = crashed.next_at == Time{} ? RowState::kReady : RowState::kWaiting;
    write<void>(
        [attempt, next_at = crashed.next_at](Transaction& t) { return mailbox_store::note_crash(t, attempt, next_at); },
        [sequence = row.sequence](const Status& status) {
          if (!status.ok()) log_failed_write("a crash could not be counted", sequence, status);
        });
    return add(crashed);
  }
  used_up[row.sequence] = {
      attempt,
      {row.sequence, crashed.attempts, crashed.uncounted},
      fail(ErrorCode::kAborted, "the process ended " + std::to_string(crashed.crashes) + " times while it was handled",
           "look in the log for what ended the process; redrive it if it was something else")};
  crashed.state = RowState::kReady;
  add(crashed);
}

/// Instead of a dispatch, so that it holds its key until its row is written, and comes again if that fails.
void Mailbox::Core::dead_letter_crashed(Sequence sequence) {
  const UsedUp& event = used_up.at(sequence);
  write<mailbox_store::Row>(
      [event, now = clock.now()](Transaction& t) -> Result<mailbox_store::Row> {
        const Attempt& attempt = event.stored;
        RETURN_IF_ERROR(
            mailbox_store::add_error(t, attempt.sequence, attempt.counted + attempt.uncounted, now, event.cause));
        RETURN_IF_ERROR(mailbox_store::dead_letter(t, attempt, now, mailbox_store::Counted::kNo));
        return mailbox_store::load(t, attempt.sequence);
      },
      [self = shared_from_this(), sequence, event](const Result<mailbox_store::Row>& dead) {
        if (!dead.ok()) {
          log_failed_write("an event could not be dead-lettered", sequence, dead.error());
          return self->requeue(sequence, self->clock.now() + std::chrono::milliseconds(self->limits.lease_ms));
        }
        log_dead_letter({event.counted, dead->index.tenant, dead->index.agent, dead->event.type}, event.cause);
        self->used_up.erase(sequence);
        self->died(sequence, dead->index.tenant);
      });
}

/// Whoever kills the process would do so at every start, and everybody else's work with it: from the second crash on it
/// waits, longer each time. Many are leased when a process dies, and one at most is to blame: hence not after the
/// first.
Time Mailbox::Core::after_crash(int crashes) const {
  if (crashes <= 1) return {};
  const Duration base = std::chrono::milliseconds(limits.turn_backoff_base_ms);
  const Duration cap = std::chrono::milliseconds(limits.turn_backoff_cap_ms);
  return clock.now() + std::min<Duration>(cap, base * (1LL << std::min(crashes - 2, 20)));
}

void Mailbox::Core::add(const IndexRow& row) {
  if (row.attempts + row.uncounted > 0) tries[row.sequence] = {row.attempts, row.uncounted};
  // What was parked until somebody wakes it is looked at again: who would have may have gone with the last process.
  const bool is_timed = row.state == RowState::kWaiting && row.next_at != LaneQueue::kUntilWoken;
  const Time not_before = is_timed ? row.next_at : Time{};
  const bool was_tried =
      row.attempts + row.uncounted > 0 || row.died_at != Time{} || row.has_begun || row.state == RowState::kWaiting;
  const TenantQueue::Row entry{row.sequence, row.priority, row.accepted_at, not_before,
                               was_tried || batches.contains(row.sequence)};
  const std::string lane = lane_name(row.agent, row.key);
  if (is_timed && flows.of(row.agent).said.on_failure == OnFailure::kOvertake) {
    queue.add_aside(row.tenant, lane, entry, gather_of(row.agent));
  } else {
    queue.add(row.tenant, lane, entry, gather_of(row.agent));
  }
  bounds.note_rows(row.tenant);
  if (row.deadline) expiries.add(row.sequence, {*row.deadline, row.tenant, row.agent, lane});
}

void Mailbox::Core::keep_fresh(Sequence sequence, std::shared_ptr<const Event> event) {
  const auto bytes = static_cast<std::int64_t>(event->data.size());
  if (fresh_bytes + bytes > limits.mailbox_fresh_bytes_max) return;
  fresh_bytes += bytes;
  fresh[sequence] = std::move(event);
}

void Mailbox::Core::forget_fresh(Sequence sequence) {
  const auto kept = fresh.find(sequence);
  if (kept == fresh.end()) return;
  fresh_bytes -= static_cast<std::int64_t>(kept->second->data.size());
  fresh.erase(kept);
}

void Mailbox::Core::pump() {
  expire_due();
  while (!stopped && !consumers.empty()) {
    std::optional<TenantQueue::Taken> taken = queue.take(clock.now());
    if (!taken) break;
    Consumer consumer = std::move(consumers.front());
    consumers.pop_front();
    dispatch(std::move(consumer), std::move(*taken));
  }
  // Without a consumer nothing would come of waking up for a row that is ready; the next `take` pumps anyway.
  std::optional<Time> next = consumers.empty() ? std::nullopt : queue.next_at();
  if (const std::optional<Time> expiry = expiries.next(); expiry && (!next || *expiry < *next)) next = expiry;
  if (next && !stopped) {
    timer.wake_at(*next, [weak = weak_from_this()] {
      if (const std::shared_ptr<Core> self = weak.lock()) self->pump();
    });
  }
  publish();
}

void Mailbox::Core::publish() {
  bounds.look_for_capacity();
  counters.leased = queue.out();
  counters.waiting = queue.waiting();
  counters.ready = queue.rows() - queue.out() - queue.waiting();
  counters.dead = bounds.dead.total();
  counters.full = bounds.is_full();
}

Status Mailbox::Core::dead_letter(Transaction& transaction, const Delivery& delivery, const Error& cause) {
  CHECK(delivery.lease_ != nullptr, "an empty delivery is not dead-lettered");
  const Attempt& attempt = delivery.lease_->attempt;
  const Time now = clock.now();
  RETURN_IF_ERROR(mailbox_store::add_error(transaction, attempt.sequence, delivery.tries(), now, cause));
  RETURN_IF_ERROR(mailbox_store::dead_letter(
      transaction, attempt, now, cause.never_left ? mailbox_store::Counted::kNo : mailbox_store::Counted::kYes));
  DeadEvent deceased{attempt, delivery.event().tenant, delivery.event().agent, delivery.event().type};
  if (cause.never_left) --deceased.attempt.counted, ++deceased.attempt.uncounted;
  const std::optional<Time> deadline = delivery.deadline();
  const bool expired = cause.code == ErrorCode::kDeadlineExceeded && deadline && *deadline <= now;
  transaction.after_commit(
      [self = shared_from_this(), lease = delivery.lease_, deceased = std::move(deceased), cause, expired] {
        lease->settled = true;
        if (expired) ++self->counters.expired;
        log_dead_letter(deceased, cause);
        self->home.post(
            [self, sequence = deceased.attempt.sequence, tenant = deceased.tenant] { self->died(sequence, tenant); });
      });
  return {};
}

Status Mailbox::Core::store_dead(Transaction& transaction, const Event& event, const Error& cause) {
  const Time now = clock.now();
  ASSIGN_OR_RETURN(const Sequence sequence, mailbox_store::insert(transaction, event, now));
  const Attempt none{sequence, 0, 0};
  RETURN_IF_ERROR(mailbox_store::add_error(transaction, sequence, 0, now, cause));
  RETURN_IF_ERROR(mailbox_store::dead_letter(transaction, none, now));
  DeadEvent deceased{none, event.tenant, event.agent, event.type};
  transaction.after_commit([self = shared_from_this(), deceased = std::move(deceased), cause] {
    log_dead_letter(deceased, cause);
    self->home.post([self, tenant = deceased.tenant] {
      ++self->counters.died;
      self->bounds.dead.add(tenant, 1);
      static_cast<void>(self->bounds.check(tenant, {}));  // sources are paused where there are too many
      self->publish();
    });
  });
  return {};
}

Status Mailbox::Core::wake(Transaction& transaction, Sequence sequence) {
  RETURN_IF_ERROR(mailbox_store::wake(transaction, sequence));
  transaction.after_commit([core = shared_from_this(), sequence] {
    core->home.post([core, sequence] {
      if (core->queue.wake(sequence)) return core->pump();
      if (core->queue.is_out(sequence)) core->woken_early.insert(sequence);
    });
  });
  return {};
}

void Mailbox::Core::settled(Sequence sequence) {
  if (!queue.finish(sequence)) return;
  announce_left(sequence);
  forget(sequence);
  pump();
}

/// The row, and those that joined it.
void Mailbox::Core::announce_left(Sequence sequence) {
  for (const auto& announce : on_settled) announce(sequence);
  const auto batch = batches.find(sequence);
  if (batch == batches.end()) return;
  for (const Sequence joined : batch->second) {
    for (const auto& announce : on_settled) announce(joined);
  }
}

void Mailbox::Core::forget(Sequence sequence) {
  tries.erase(sequence);
  woken_early.erase(sequence);
  batches.erase(sequence);
  expiries.forget(sequence);
}

void Mailbox::Core::died(Sequence sequence, const std::string& tenant) {
  const auto batch = batches.find(sequence);
  ++counters.died;
  bounds.dead.add(tenant, 1 + (batch == batches.end() ? 0 : static_cast<std::int64_t>(batch->second.size())));
  queue.finish(sequence);  // unless it has left before, for its deadline
  announce_left(sequence);
  forget(sequence);
  pump();
}

void Mailbox::Core::requeue(Sequence sequence, Time not_before) {
  woken_early.erase(sequence);
  queue.requeue(sequence, not_before);
  expiries.rearm(sequence);
  pump();
}

void Mailbox::Core::overtake(Sequence sequence, Time not_before) {
  woken_early.erase(sequence);
  queue.set_aside(sequence, not_before);
  expiries.rearm(sequence);
  pump();
}

void Mailbox::Core::release(const Attempt& attempt) {
  write<void>([attempt](Transaction& t) { return mailbox_store::release(t, attempt); },
              [attempt](const Status& status) {
                if (!status.ok()) log_failed_write("an event could not be released", attempt.sequence, status);
              });
  tries[attempt.sequence] = {attempt.counted - 1, attempt.uncounted};
  requeue(attempt.sequence, Time{});
}

void Mailbox::Core::dropped(const Attempt& attempt) {
  // Whoever shuts down may just let go.
  if (stopped) return release(attempt);
  const Time next_at = clock.now() + std::chrono::milliseconds(limits.lease_ms);
  log_warning("mailbox", "an event was dropped by its turn and will be dispatched again",
              {{"sequence", attempt.sequence}, {"attempt", attempt.counted}, {"after_ms", limits.lease_ms}});
  write<void>([=](Transaction& t) { return mailbox_store::wait_until(t, attempt, next_at); },
              [self = shared_from_this(), sequence = attempt.sequence, next_at](const Status&) {
                self->requeue(sequence, next_at);
              });
}

}  // namespace mnema
