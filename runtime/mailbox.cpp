#include "runtime/mailbox.hpp"

#include <atomic>
#include <deque>
#include <unordered_map>
#include <unordered_set>
#include <utility>

#include "runtime/event_codec.hpp"
#include "runtime/lane_queue.hpp"
#include "runtime/log.hpp"
#include "runtime/mailbox_store.hpp"
#include "runtime/wake_timer.hpp"

namespace mnema {
namespace {

using mailbox_store::IndexRow;
using mailbox_store::RowState;

/// Names a lane. Each part carries its length, so that no choice of names can meet in one lane.
std::string lane_of(const std::string& tenant, const std::string& agent, const std::string& key) {
  return std::to_string(tenant.size()) + ":" + std::to_string(agent.size()) + ":" + tenant + agent + key;
}

void log_failed_write(const char* what, Sequence sequence, const Status& status) {
  log_warning("mailbox", what, {{"sequence", sequence}, {"error", status.error().text()}});
}

}  // namespace

struct Delivery::Lease {
  std::weak_ptr<Mailbox::Core> core;
  Sequence sequence;
  int attempt;
  std::atomic<bool> settled = false;
};

/// What the mailbox knows in memory: confined to the home executor, except where a Transaction is handed in.
struct Mailbox::Core : std::enable_shared_from_this<Core> {
  Core(Database& d, Executor& h, const Clock& c, const Limits& l)
      : database(d), home(h), clock(c), limits(l), queue(std::chrono::milliseconds(l.mailbox_ageing_ms)), timer(h, c) {}

  struct Taker {
    Executor* reply_to;
    std::function<void(Delivery)> on_delivery;
  };

  [[nodiscard]] Status recover();
  void accept(std::shared_ptr<const Event> event, Executor& reply_to, std::function<void(Result<Accepted>)> on_done);
  [[nodiscard]] Result<Accepted> store(Transaction& transaction, const std::shared_ptr<const Event>& event);
  [[nodiscard]] Status bury(Transaction& transaction, const Delivery& delivery, const Error& cause);
  [[nodiscard]] Status wake(Transaction& transaction, Sequence sequence);
  [[nodiscard]] Status check_room(const std::string& lane) const;
  void add(const std::string& lane, const LaneQueue::Row& row, std::shared_ptr<const Event> fresh);
  void pump();
  void give_out(Taker taker, const LaneQueue::Row& row);
  void load_and_give_out(Taker taker, const LaneQueue::Row& row, int attempt);
  void hand_over(const Taker& taker, const LaneQueue::Row& row, int attempt, std::shared_ptr<const Event> event);
  void gone(Sequence sequence, bool is_dead);
  void back(Sequence sequence, Time not_before);
  void dropped(Sequence sequence, int attempt);

  /// Runs `unit` and, home again, `after`; a failed write is the caller's to see.
  template <class T>
  void write(std::function<Result<T>(Transaction&)> unit, std::function<void(Result<T>)> after) {
    database.write<T>(WritePriority::kForeground, std::move(unit), home, std::move(after));
  }

  Database& database;
  Executor& home;
  const Clock& clock;
  const Limits& limits;
  std::function<void(Sequence, const std::shared_ptr<const Event>&)> on_accepted;

  LaneQueue queue;
  WakeTimer timer;
  std::deque<Taker> takers;
  std::unordered_map<Sequence, int> attempts;                        // of rows that were out before
  std::unordered_map<Sequence, std::shared_ptr<const Event>> fresh;  // not yet taken; bounded by fresh_bytes
  std::int64_t fresh_bytes = 0;
  std::unordered_map<std::string, int> arriving_in;  // accepted, not yet committed, by lane
  std::int64_t arriving = 0;
  std::unordered_set<Sequence> woken_early;  // woken while they were out
  std::int64_t dead = 0;
  bool stopped = false;
};

Status Mailbox::Core::recover() {
  ASSIGN_OR_RETURN(const std::vector<IndexRow> rows,
                   database.read<std::vector<IndexRow>>([](Transaction& t) { return mailbox_store::load_index(t); }));
  write<void>(
      [entries_max = limits.dedupe_entries_max](Transaction& t) -> Status {
        RETURN_IF_ERROR(mailbox_store::trim_ring(t, entries_max));
        return mailbox_store::release_all_leases(t);
      },
      [](const Status& status) {
        if (!status.ok()) log_failed_write("leases of the last process could not be taken back", 0, status);
      });
  for (const IndexRow& row : rows) {
    if (row.state == RowState::kDead) {
      ++dead;
      continue;
    }
    if (row.state == RowState::kLeased && row.attempts >= limits.attempts_max) {
      // It was out when the process died, for the last time it may be: it could be what kills us.
      const Error cause = fail(ErrorCode::kAborted, "the process ended during attempt " + std::to_string(row.attempts));
      write<void>(
          [row, cause, now = clock.now()](Transaction& t) -> Status {
            RETURN_IF_ERROR(mailbox_store::add_error(t, row.sequence, row.attempts, now, cause));
            return mailbox_store::bury(t, row.sequence, row.attempts);
          },
          [](const Status& status) {
            if (!status.ok()) log_failed_write("an event could not be buried", 0, status);
          });
      ++dead;
      continue;
    }
    if (row.attempts > 0) attempts[row.sequence] = row.attempts;
    // What was parked until somebody wakes it is looked at again: who would have may have gone with the last process.
    const bool is_timed = row.state == RowState::kWaiting && row.next_at != LaneQueue::kUntilWoken;
    const Time not_before = is_timed ? row.next_at : Time{};
    queue.add(lane_of(row.tenant, row.agent, row.key), {row.sequence, row.priority, row.accepted_at, not_before});
  }
  home.post([self = shared_from_this()] { self->pump(); });
  return {};
}

Status Mailbox::Core::check_room(const std::string& lane) const {
  const auto full = [this](const std::string& what, std::int64_t max) {
    return fail_retryable(ErrorCode::kMailboxFull, what + " (" + std::to_string(max) + " events)",
                          "try again in " + std::to_string(limits.mailbox_retry_after_ms) + " ms",
                          limits.mailbox_retry_after_ms);
  };
  if (queue.rows() + dead + arriving >= limits.mailbox_rows_max)
    return full("the mailbox is full", limits.mailbox_rows_max);
  const auto coming = arriving_in.find(lane);
  const std::int64_t in_lane = queue.rows_in(lane) + (coming == arriving_in.end() ? 0 : coming->second);
  if (in_lane >= limits.mailbox_rows_per_key_max) {
    return full("the mailbox of this agent key is full", limits.mailbox_rows_per_key_max);
  }
  return {};
}

void Mailbox::Core::accept(std::shared_ptr<const Event> event, Executor& reply_to,
                           std::function<void(Result<Accepted>)> on_done) {
  const std::string lane = lane_of(event->tenant, event->agent, event->key);
  if (Status room = check_room(lane); !room.ok()) {
    reply_to.post([on_done = std::move(on_done), error = room.error()] { on_done(error); });
    return;
  }
  ++arriving;
  ++arriving_in[lane];
  write<Accepted>([self = shared_from_this(), event](Transaction& t) { return self->store(t, event); },
                  [self = shared_from_this(), lane, &reply_to, on_done = std::move(on_done)](Result<Accepted> result) {
                    --self->arriving;
                    if (--self->arriving_in[lane] == 0) self->arriving_in.erase(lane);
                    reply_to.post([on_done, result = std::move(result)] { on_done(result); });
                  });
}

Result<Accepted> Mailbox::Core::store(Transaction& transaction, const std::shared_ptr<const Event>& event) {
  ASSIGN_OR_RETURN(const std::optional<Sequence> first, mailbox_store::find_duplicate(transaction, *event));
  if (first) return Accepted{*first, true};
  const Time now = clock.now();
  ASSIGN_OR_RETURN(const Sequence sequence, mailbox_store::insert(transaction, *event, now));
  RETURN_IF_ERROR(mailbox_store::remember(transaction, *event, sequence, limits.dedupe_entries_max));
  transaction.after_commit([self = shared_from_this(), event, sequence, now] {
    self->home.post([self, event, sequence, now] {
      self->add(lane_of(event->tenant, event->agent, event->key),
                {sequence, static_cast<int>(event->priority), now, Time{}}, event);
      if (self->on_accepted) self->on_accepted(sequence, event);
      self->pump();
    });
  });
  return Accepted{sequence, false};
}

void Mailbox::Core::add(const std::string& lane, const LaneQueue::Row& row, std::shared_ptr<const Event> event) {
  queue.add(lane, row);
  const auto bytes = static_cast<std::int64_t>(event->data.size());
  if (fresh_bytes + bytes > limits.mailbox_fresh_bytes_max) return;
  fresh_bytes += bytes;
  fresh[row.id] = std::move(event);
}

void Mailbox::Core::pump() {
  while (!takers.empty()) {
    const std::optional<LaneQueue::Taken> taken = queue.take(clock.now());
    if (!taken) break;
    Taker taker = std::move(takers.front());
    takers.pop_front();
    give_out(std::move(taker), taken->row);
  }
  // Without a taker nothing would come of waking up; the next `take` pumps anyway.
  const std::optional<Time> next = queue.next_at();
  if (next && !takers.empty()) {
    timer.wake_at(*next, [weak = weak_from_this()] {
      if (const std::shared_ptr<Core> self = weak.lock()) self->pump();
    });
  }
}

void Mailbox::Core::give_out(Taker taker, const LaneQueue::Row& row) {
  const int attempt = ++attempts[row.id];
  const auto kept = fresh.find(row.id);
  if (kept == fresh.end()) return load_and_give_out(std::move(taker), row, attempt);
  std::shared_ptr<const Event> event = std::move(kept->second);
  fresh_bytes -= static_cast<std::int64_t>(event->data.size());
  fresh.erase(kept);
  // Not waited for: whatever the turn makes durable stands behind it in the queue of the store.
  write<void>([sequence = row.id, attempt](Transaction& t) { return mailbox_store::lease(t, sequence, attempt); },
              [sequence = row.id](const Status& status) {
                if (!status.ok()) log_failed_write("an attempt could not be counted", sequence, status);
              });
  hand_over(taker, row, attempt, std::move(event));
}

void Mailbox::Core::load_and_give_out(Taker taker, const LaneQueue::Row& row, int attempt) {
  write<Event>(
      [sequence = row.id, attempt](Transaction& t) -> Result<Event> {
        RETURN_IF_ERROR(mailbox_store::lease(t, sequence, attempt));
        ASSIGN_OR_RETURN(mailbox_store::Row stored, mailbox_store::load(t, sequence));
        return std::move(stored.event);
      },
      [self = shared_from_this(), taker = std::move(taker), row, attempt](Result<Event> event) {
        if (event.ok()) {
          self->hand_over(taker, row, attempt, std::make_shared<const Event>(std::move(event).value()));
          return;
        }
        log_warning("mailbox", "an event could not be read", {{"sequence", row.id}, {"error", event.error().text()}});
        --self->attempts[row.id];
        if (!self->stopped) self->takers.push_front(taker);
        self->back(row.id, self->clock.now() + std::chrono::milliseconds(self->limits.lease_ms));
      });
}

void Mailbox::Core::hand_over(const Taker& taker, const LaneQueue::Row& row, int attempt,
                              std::shared_ptr<const Event> event) {
  auto lease = std::make_shared<Delivery::Lease>();
  lease->core = weak_from_this();
  lease->sequence = row.id;
  lease->attempt = attempt;
  // A shared holder because a posted function must be copyable; if it is dropped unrun, the delivery ends unsettled.
  auto delivery = std::make_shared<Delivery>(Delivery(row.id, attempt, row.since, std::move(event), std::move(lease)));
  taker.reply_to->post([on_delivery = taker.on_delivery, delivery] { on_delivery(std::move(*delivery)); });
}

void Mailbox::Core::gone(Sequence sequence, bool is_dead) {
  if (!queue.finish(sequence)) return;
  attempts.erase(sequence);
  woken_early.erase(sequence);
  if (is_dead) ++dead;
  pump();
}

void Mailbox::Core::back(Sequence sequence, Time not_before) {
  woken_early.erase(sequence);
  queue.put_back(sequence, not_before);
  pump();
}

void Mailbox::Core::dropped(Sequence sequence, int attempt) {
  const Time next_at = clock.now() + std::chrono::milliseconds(limits.lease_ms);
  log_warning("mailbox", "an event was dropped by its turn and will be given out again",
              {{"sequence", sequence}, {"attempt", attempt}, {"after_ms", limits.lease_ms}});
  write<void>([=](Transaction& t) { return mailbox_store::wait_until(t, sequence, attempt, next_at); },
              [self = shared_from_this(), sequence, next_at](const Status&) { self->back(sequence, next_at); });
}

Delivery::Delivery(Sequence sequence, int attempt, Time accepted_at, std::shared_ptr<const Event> event,
                   std::shared_ptr<Lease> lease)
    : sequence_(sequence),
      attempt_(attempt),
      accepted_at_(accepted_at),
      event_(std::move(event)),
      lease_(std::move(lease)) {}

Delivery::~Delivery() {
  if (!lease_ || lease_->settled.exchange(true)) return;
  const std::shared_ptr<Mailbox::Core> core = lease_->core.lock();
  if (!core) return;
  core->home.post([core, sequence = sequence_, attempt = attempt_] { core->dropped(sequence, attempt); });
}

Delivery& Delivery::operator=(Delivery&& other) noexcept {
  Delivery ended(std::move(*this));  // ends as any other if it was never settled
  sequence_ = other.sequence_;
  attempt_ = other.attempt_;
  accepted_at_ = other.accepted_at_;
  event_ = std::move(other.event_);
  lease_ = std::move(other.lease_);
  return *this;
}

Mailbox::Mailbox(Database& database, Executor& home, const Clock& clock, const Limits& limits)
    : core_(std::make_shared<Core>(database, home, clock, limits)) {}

Mailbox::~Mailbox() = default;

Status Mailbox::recover() { return core_->recover(); }

void Mailbox::on_accepted(std::function<void(Sequence, const std::shared_ptr<const Event>&)> listener) {
  core_->on_accepted = std::move(listener);
}

namespace {

Status check_for_mailbox(const Event& event, const Limits& limits) {
  RETURN_IF_ERROR(check_event(event, limits.event_bytes_max));
  if (event.agent.empty()) return fail(ErrorCode::kInvalidArgument, "the event cannot be taken: it names no agent");
  return {};
}

}  // namespace

void Mailbox::accept(Event event, Executor& reply_to, std::function<void(Result<Accepted>)> on_done) {
  if (Status status = check_for_mailbox(event, core_->limits); !status.ok()) {
    reply_to.post([on_done = std::move(on_done), error = status.error()] { on_done(error); });
    return;
  }
  auto shared = std::make_shared<const Event>(std::move(event));
  core_->home.post([core = core_, shared = std::move(shared), &reply_to, on_done = std::move(on_done)] {
    core->accept(shared, reply_to, on_done);
  });
}

Result<Accepted> Mailbox::accept(Transaction& transaction, Event event) {
  RETURN_IF_ERROR(check_for_mailbox(event, core_->limits));
  return core_->store(transaction, std::make_shared<const Event>(std::move(event)));
}

void Mailbox::take(Executor& reply_to, std::function<void(Delivery)> on_delivery) {
  core_->home.post([core = core_, taker = Core::Taker{&reply_to, std::move(on_delivery)}] {
    if (core->stopped) return;
    core->takers.push_back(taker);
    core->pump();
  });
}

void Mailbox::stop_taking() {
  core_->home.post([core = core_] {
    core->stopped = true;
    core->takers.clear();
  });
}

Status Mailbox::complete(Transaction& transaction, const Delivery& delivery) {
  CHECK(delivery.lease_ != nullptr, "an empty delivery is not completed");
  RETURN_IF_ERROR(mailbox_store::complete(transaction, delivery.sequence(), delivery.attempt()));
  transaction.after_commit([core = core_, lease = delivery.lease_] {
    lease->settled = true;
    core->home.post([core, sequence = lease->sequence] { core->gone(sequence, false); });
  });
  return {};
}

Status Mailbox::Core::bury(Transaction& transaction, const Delivery& delivery, const Error& cause) {
  CHECK(delivery.lease_ != nullptr, "an empty delivery is not buried");
  RETURN_IF_ERROR(mailbox_store::add_error(transaction, delivery.sequence(), delivery.attempt(), clock.now(), cause));
  RETURN_IF_ERROR(mailbox_store::bury(transaction, delivery.sequence(), delivery.attempt()));
  transaction.after_commit([core = shared_from_this(), lease = delivery.lease_] {
    lease->settled = true;
    core->home.post([core, sequence = lease->sequence] { core->gone(sequence, true); });
  });
  return {};
}

Status Mailbox::bury(Transaction& transaction, const Delivery& delivery, const Error& cause) {
  return core_->bury(transaction, delivery, cause);
}

void Mailbox::retry(Delivery delivery, Time retry_at, Error cause, Executor& reply_to,
                    std::function<void(Result<RetryVerdict>)> on_done) {
  if (cause.never_left) {
    return park(std::move(delivery), retry_at, reply_to, [on_done = std::move(on_done)](const Status& status) {
      on_done(status.ok() ? Result<RetryVerdict>(RetryVerdict::kAgain) : Result<RetryVerdict>(status.error()));
    });
  }
  if (delivery.attempt() >= core_->limits.attempts_max) {
    return bury(std::move(delivery), std::move(cause), reply_to, [on_done = std::move(on_done)](const Status& status) {
      on_done(status.ok() ? Result<RetryVerdict>(RetryVerdict::kDead) : Result<RetryVerdict>(status.error()));
    });
  }
  delivery.lease_->settled = true;
  const Sequence sequence = delivery.sequence();
  core_->write<void>(
      [core = core_, sequence, attempt = delivery.attempt(), retry_at,
       cause = std::move(cause)](Transaction& t) -> Status {
        RETURN_IF_ERROR(mailbox_store::add_error(t, sequence, attempt, core->clock.now(), cause));
        return mailbox_store::wait_until(t, sequence, attempt, retry_at);
      },
      [core = core_, sequence, retry_at, &reply_to, on_done = std::move(on_done)](const Status& status) {
        // Also if it could not be written: the event is still ours, and waiting is the best that can be done with it.
        core->back(sequence, retry_at);
        reply_to.post([on_done, status] {
          on_done(status.ok() ? Result<RetryVerdict>(RetryVerdict::kAgain) : Result<RetryVerdict>(status.error()));
        });
      });
}

void Mailbox::bury(Delivery delivery, Error cause, Executor& reply_to, std::function<void(Status)> on_done) {
  auto shared = std::make_shared<Delivery>(std::move(delivery));
  core_->write<void>(
      [core = core_, shared, cause = std::move(cause)](Transaction& t) { return core->bury(t, *shared, cause); },
      // If it could not be written, the delivery ends unsettled here and comes again.
      [shared, &reply_to, on_done = std::move(on_done)](const Status& status) {
        reply_to.post([on_done, status] { on_done(status); });
      });
}

void Mailbox::release(Delivery delivery) {
  delivery.lease_->settled = true;
  core_->home.post([core = core_, sequence = delivery.sequence(), attempt = delivery.attempt()] {
    core->write<void>([=](Transaction& t) { return mailbox_store::release(t, sequence, attempt); },
                      [sequence](const Status& status) {
                        if (!status.ok()) log_failed_write("an event could not be released", sequence, status);
                      });
    core->attempts[sequence] = attempt - 1;
    core->back(sequence, Time{});
  });
}

void Mailbox::park(Delivery delivery, std::optional<Time> until, Executor& reply_to,
                   std::function<void(Status)> on_done) {
  delivery.lease_->settled = true;
  const Sequence sequence = delivery.sequence();
  const Time next_at = until.value_or(LaneQueue::kUntilWoken);
  core_->write<RowState>(
      [sequence, attempt = delivery.attempt(), next_at](Transaction& t) {
        return mailbox_store::park(t, sequence, attempt, next_at);
      },
      [core = core_, sequence, attempt = delivery.attempt(), next_at, &reply_to,
       on_done = std::move(on_done)](const Result<RowState>& state) {
        core->attempts[sequence] = attempt - 1;
        const bool woken = core->woken_early.contains(sequence) || (state.ok() && state.value() == RowState::kReady);
        // If it could not be written, nobody may know whom to wake: the event comes again after a lease's time.
        const Time failed = core->clock.now() + std::chrono::milliseconds(core->limits.lease_ms);
        core->back(sequence, woken ? Time{} : state.ok() ? next_at : failed);
        reply_to.post([on_done, status = state.ok() ? Status() : Status(state.error())] { on_done(status); });
      });
}

Status Mailbox::wake(Transaction& transaction, Sequence sequence) { return core_->wake(transaction, sequence); }

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

void Mailbox::wake(Sequence sequence) {
  core_->write<void>([core = core_, sequence](Transaction& t) { return core->wake(t, sequence); },
                     [sequence](const Status& status) {
                       if (!status.ok()) log_failed_write("an event could not be woken", sequence, status);
                     });
}

Status Mailbox::revive(Transaction& transaction, Sequence sequence, std::optional<std::string> data) {
  RETURN_IF_ERROR(mailbox_store::revive(transaction, sequence, data));
  ASSIGN_OR_RETURN(mailbox_store::Row row, mailbox_store::load(transaction, sequence));
  transaction.after_commit([core = core_, row = std::move(row.index)] {
    core->home.post([core, row] {
      core->queue.add(lane_of(row.tenant, row.agent, row.key), {row.sequence, row.priority, row.accepted_at, Time{}});
      --core->dead;
      core->pump();
    });
  });
  return {};
}

Status Mailbox::drop(Transaction& transaction, Sequence sequence) {
  RETURN_IF_ERROR(mailbox_store::drop_dead(transaction, sequence));
  transaction.after_commit([core = core_] { core->home.post([core] { --core->dead; }); });
  return {};
}

Mailbox::Depths Mailbox::depths() const {
  const Core& core = *core_;
  Depths depths;
  depths.leased = core.queue.out();
  depths.waiting = core.queue.waiting();
  depths.ready = core.queue.rows() - depths.leased - depths.waiting;
  depths.dead = core.dead;
  depths.keys = core.queue.lanes();
  depths.oldest = core.queue.oldest_since();
  return depths;
}

void Mailbox::check_integrity() {
  core_->queue.check_integrity();
  const Result<mailbox_store::StateCounts> counted =
      core_->database.read<mailbox_store::StateCounts>([](Transaction& t) { return mailbox_store::count_states(t); });
  CHECK(counted.ok(), "the mailbox's rows can be counted");
  const mailbox_store::StateCounts& rows = counted.value();
  const Depths depths = this->depths();
  CHECK(rows.ready + rows.leased + rows.waiting == core_->queue.rows(),
        "ready + leased + waiting == rows of the index");
  CHECK(rows.dead == depths.dead, "dead rows are counted right");
  CHECK(rows.leased == depths.leased, "leased rows are those that are out");
  std::int64_t bytes = 0;
  for (const auto& [sequence, event] : core_->fresh) bytes += static_cast<std::int64_t>(event->data.size());
  CHECK(bytes == core_->fresh_bytes, "kept payloads are counted right");
}

}  // namespace mnema
