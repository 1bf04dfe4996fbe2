#include "runtime/events/outbox.hpp"

#include <algorithm>
#include <atomic>

#include "runtime/base/backoff.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/outbox_bounds.hpp"
#include "runtime/events/outbox_store.hpp"
#include "runtime/events/tenant_queue.hpp"
#include "runtime/exec/wake_timer.hpp"

namespace mnema {
namespace {

/// After the store could not be written, before it is tried again.
constexpr Duration kStoreRetry = std::chrono::seconds(1);

/// What the end of a delivery needs of its row.
struct Sent {
  std::int64_t id = 0;
  std::string tenant;
  std::string agent;
  std::string destination;
  int tries = 1;   // this one included
  int unsent = 0;  // of the earlier ones
};

void log_dead_letter(const Sent& sent, int attempts, const Error& error) {
  const std::string number = std::to_string(sent.id);
  log_error("outbox", "a message became a dead letter",
            {{"message", sent.id},
             {"tenant", sent.tenant},
             {"agent", sent.agent},
             {"destination", sent.destination},
             {"attempts", attempts},
             {"tries", sent.tries},
             {"error", error.text()},
             {"hint", "mnema dlq show message:" + number}});
}

}  // namespace

/// The index over the rows, confined to the home executor, except what is atomic and the bounds.
class Outbox::Core : public std::enable_shared_from_this<Outbox::Core> {
 public:
  Core(Database& file, Executor& lent, const Clock& time, Random& numbers, const Limits& given)
      : database(file),
        home(lent),
        clock(time),
        random(numbers),
        limits(given),
        queue(std::chrono::milliseconds(given.mailbox_ageing_ms), given.outbox_in_flight_per_tenant_max),
        bounds(given),
        timer(lent, time) {}

  void add(const outbox_store::IndexRow& row) {
    queue.add(row.tenant, lane_name(row.destination, row.key), {row.id, 0, row.created_at, row.next_at});
  }

  void pump() {
    while (deliver && !stopped && queue.out() < limits.outbox_in_flight_max) {
      const std::optional<TenantQueue::Taken> taken = queue.take(clock.now());
      if (!taken) break;
      send(taken->row.id);
    }
    waiting = queue.rows() - queue.out();
    in_flight = queue.out();
    // At the bound the end of a delivery pumps; a time that is past would only spin.
    const std::optional<Time> next = queue.next_at();
    if (!deliver || stopped || !next || queue.out() >= limits.outbox_in_flight_max) return;
    timer.wake_at(*next, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pump();
    });
  }

  /// Reads the row on the store's thread, because the home executor must not touch the disk.
  void send(std::int64_t id) {
    database.write<OutboxRow>(
        WritePriority::kForeground, [id](Transaction& transaction) { return outbox_store::load(transaction, id); },
        home,
        [self = shared_from_this(), id](Result<OutboxRow> row) {
          if (self->stopped) return self->requeue(id, Time{});
          if (!row.ok() && row.error().code == ErrorCode::kNotFound) return self->finish(id);
          if (!row.ok()) return self->requeue(id, self->clock.now() + kStoreRetry);
          const OutboxMessage& message = row->message;
          const auto sent = std::make_shared<const Sent>(
              Sent{id, message.tenant, message.agent, message.destination, row->attempt, row->unsent});
          self->deliver(std::move(*row), [self, sent](Status status) {
            self->home.post([self, sent, status = std::move(status)] { self->delivered(sent, status); });
          });
        });
  }

  void delivered(const std::shared_ptr<const Sent>& sent, const Status& status) {
    if (ended) return;  // a delivery that nobody waited for; the database is gone
    if (!status.ok()) return failed(sent, status.error());
    database.write<void>(
        WritePriority::kForeground,
        [self = shared_from_this(), sent](Transaction& transaction) -> Status {
          ASSIGN_OR_RETURN(const bool was_there, outbox_store::remove(transaction, sent->id));
          if (was_there) transaction.after_commit([self, sent] { self->bounds.add(sent->tenant, -1, 0); });
          return {};
        },
        home,
        [self = shared_from_this(), id = sent->id](const Status& removed) {
          if (!removed.ok()) return self->requeue(id, self->clock.now() + kStoreRetry);
          ++self->delivered_total;
          self->finish(id);
        });
  }

  void failed(const std::shared_ptr<const Sent>& sent, const Error& error) {
    const Time now = clock.now();
    // Not a try. Nobody cancels but a shutdown; should anybody, waiting a little keeps him from spinning.
    if (error.code == ErrorCode::kCancelled) {
      return requeue(sent->id, stopped ? Time{} : now + std::chrono::milliseconds(limits.outbox_backoff_base_ms));
    }
    const int attempts = sent->tries - sent->unsent - (error.never_left ? 1 : 0);
    const bool is_dead =
        !error.retryable || attempts >= limits.outbox_attempts_max || sent->tries >= limits.outbox_tries_max;
    const Time next_at = now + wait_after(sent->tries, error);
    database.write<void>(
        WritePriority::kForeground,
        [self = shared_from_this(), sent, now, error, next_at, is_dead](Transaction& transaction) -> Status {
          ASSIGN_OR_RETURN(const bool was_there,
                           outbox_store::record_failure(transaction, sent->id, now, error, next_at, is_dead));
          if (is_dead && was_there) transaction.after_commit([self, sent] { self->bounds.add(sent->tenant, -1, 1); });
          return {};
        },
        home,
        [self = shared_from_this(), sent, attempts, error, is_dead, next_at](const Status& recorded) {
          if (!recorded.ok()) return self->requeue(sent->id, self->clock.now() + kStoreRetry);
          if (!is_dead) return self->requeue(sent->id, next_at);
          ++self->dead_total;
          log_dead_letter(*sent, attempts, error);
          self->finish(sent->id);
        });
  }

  Duration wait_after(int attempt, const Error& error) {
    const Duration drawn = jittered_backoff(std::chrono::milliseconds(limits.outbox_backoff_base_ms),
                                            std::chrono::milliseconds(limits.outbox_backoff_cap_ms), attempt, random);
    return at_least_as_asked(drawn, error.retry_after_ms, limits.retry_after_max_ms);
  }

  void finish(std::int64_t id) {
    queue.finish(id);
    pump();
  }
  void requeue(std::int64_t id, Time next_at) {
    queue.requeue(id, next_at);
    pump();
  }

  Database& database;
  Executor& home;
  const Clock& clock;
  Random& random;
  const Limits& limits;
  TenantQueue queue;
  OutboxBounds bounds;
  WakeTimer timer;
  OutboxDeliver deliver;
  std::atomic<bool> stopped = false;
  std::atomic<bool> ended = false;  // the outbox is gone, and what it borrowed may be
  std::atomic<std::int64_t> waiting = 0, in_flight = 0, delivered_total = 0, dead_total = 0;
};

Outbox::Outbox(Database& database, Executor& home, const Clock& clock, Random& random, const Limits& limits)
    : core_(std::make_shared<Core>(database, home, clock, random, limits)) {}

Outbox::~Outbox() {
  core_->stopped = true;
  core_->ended = true;
}

Status Outbox::recover() {
  ASSIGN_OR_RETURN(const std::vector<outbox_store::IndexRow> rows,
                   core_->database.read<std::vector<outbox_store::IndexRow>>(outbox_store::load_index));
  for (const outbox_store::IndexRow& row : rows) {
    const bool is_dead = row.state == outbox_store::RowState::kDead;
    core_->bounds.add(row.tenant, is_dead ? 0 : 1, is_dead ? 1 : 0);
    if (!is_dead) core_->add(row);
  }
  return {};
}

Result<std::int64_t> Outbox::append(Transaction& transaction, const OutboxMessage& message) {
  if (message.destination.empty() || message.idempotency_key.empty()) {
    return fail(ErrorCode::kInvalidArgument, "an outgoing message needs a destination and an idempotency key");
  }
  RETURN_IF_ERROR(core_->bounds.check(message.tenant));
  const Time now = core_->clock.now();
  ASSIGN_OR_RETURN(const std::int64_t id, outbox_store::insert(transaction, message, now));
  outbox_store::IndexRow row{id,  message.tenant, message.destination, message.key, outbox_store::RowState::kWaiting,
                             now, Time{}};
  transaction.after_commit([core = core_, row = std::move(row)]() mutable {
    core->bounds.add(row.tenant, 1, 0);
    core->home.post([core, row = std::move(row)] {
      core->add(row);
      core->pump();
    });
  });
  return id;
}

void Outbox::start(OutboxDeliver deliver) {
  core_->deliver = std::move(deliver);
  core_->stopped = false;
  core_->pump();
}

void Outbox::stop() { core_->stopped = true; }

Status Outbox::revive(Transaction& transaction, std::int64_t id, std::optional<std::string> body) {
  ASSIGN_OR_RETURN(const outbox_store::IndexRow row, outbox_store::revive(transaction, id, body));
  transaction.after_commit([core = core_, row] {
    core->bounds.add(row.tenant, 1, -1);
    core->home.post([core, row] {
      core->add(row);
      core->pump();
    });
  });
  return {};
}

Status Outbox::drop(Transaction& transaction, std::int64_t id) {
  ASSIGN_OR_RETURN(const std::string tenant, outbox_store::drop_dead(transaction, id));
  transaction.after_commit([core = core_, tenant] { core->bounds.add(tenant, 0, -1); });
  return {};
}

Result<Outbox::Erased> Outbox::erase(Transaction& transaction, const Scope& scope, std::int64_t after, int rows_max) {
  ASSIGN_OR_RETURN(outbox_store::ErasedRows erased, outbox_store::erase_of(transaction, scope, after, rows_max));
  const Erased done{static_cast<std::int64_t>(erased.rows.size()), erased.last, erased.done};
  transaction.after_commit([core = core_, rows = std::move(erased.rows)] {
    for (const outbox_store::IndexRow& row : rows) {
      const bool is_dead = row.state == outbox_store::RowState::kDead;
      core->bounds.add(row.tenant, is_dead ? 0 : -1, is_dead ? -1 : 0);
    }
    core->home.post([core, rows] {
      // One that is out leaves the queue when its delivery ends.
      for (const outbox_store::IndexRow& row : rows) {
        core->queue.remove(row.tenant, lane_name(row.destination, row.key), row.id);
      }
      core->pump();
    });
  });
  return done;
}

Outbox::Depths Outbox::depths() const {
  return {core_->queue.rows() - core_->queue.out(), core_->queue.out(), core_->bounds.dead()};
}

void Outbox::count(RuntimeCounts& counts) const {
  counts.messages_waiting = core_->waiting;
  counts.messages_in_flight = core_->in_flight;
  counts.messages_dead = core_->bounds.dead();
  counts.messages_delivered_total = core_->delivered_total;
  counts.messages_dead_total = core_->dead_total;
}

void Outbox::check_integrity() {
  core_->queue.check_integrity();
  const auto rows = core_->database.read<std::vector<outbox_store::IndexRow>>(outbox_store::load_index);
  CHECK(rows.ok(), "the outbox can be read");
  const auto dead_rows = std::count_if(rows->begin(), rows->end(),
                                       [](const auto& row) { return row.state == outbox_store::RowState::kDead; });
  CHECK(core_->bounds.dead() == dead_rows, "dead messages are counted");
  CHECK(core_->bounds.living() == core_->queue.rows(), "waiting messages are counted");
  CHECK(core_->queue.rows() + core_->bounds.dead() == static_cast<std::int64_t>(rows->size()),
        "waiting + in flight + dead == rows");
}

}  // namespace mnema
