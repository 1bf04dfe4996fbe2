#include "runtime/outbox.hpp"

#include <algorithm>

#include "runtime/backoff.hpp"
#include "runtime/check.hpp"
#include "runtime/lane_queue.hpp"
#include "runtime/outbox_store.hpp"
#include "runtime/wake_timer.hpp"

namespace mnema {
namespace {

/// After the store could not be written, before it is tried again.
constexpr Duration kStoreRetry = std::chrono::seconds(1);

std::string lane_of(const std::string& destination, const std::string& key) { return destination + '\0' + key; }

}  // namespace

/// The index over the rows, confined to the home executor.
class Outbox::Core : public std::enable_shared_from_this<Outbox::Core> {
 public:
  Core(Database& file, Executor& lent, const Clock& time, Random& numbers, const Limits& bounds)
      : database(file),
        home(lent),
        clock(time),
        random(numbers),
        limits(bounds),
        queue(std::chrono::milliseconds(bounds.mailbox_ageing_ms)),
        timer(lent, time) {}

  void add(const outbox_store::IndexRow& row) {
    queue.add(lane_of(row.destination, row.key), {row.id, 0, row.created_at, row.next_at});
  }

  void pump() {
    while (deliver && !stopped && in_flight < limits.outbox_in_flight_max) {
      const std::optional<LaneQueue::Taken> taken = queue.take(clock.now());
      if (!taken) break;
      ++in_flight;
      send(taken->row.id);
    }
    const std::optional<Time> next = queue.next_at();
    if (!deliver || stopped || !next) return;
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
          if (!row.ok() && row.error().code == ErrorCode::kNotFound) return self->settled(id, true, Time{});
          if (!row.ok() || self->stopped) return self->settled(id, false, self->clock.now() + kStoreRetry);
          const Tries tries{row->attempt, row->unsent};
          self->deliver(std::move(*row), [self, id, tries](Status status) {
            self->home.post([self, id, tries, status = std::move(status)] { self->delivered(id, tries, status); });
          });
        });
  }

  struct Tries {
    int all = 1;     // this one included
    int unsent = 0;  // of the earlier ones
  };

  void delivered(std::int64_t id, Tries tries, const Status& status) {
    if (status.ok()) {
      database.write<void>(
          WritePriority::kForeground, [id](Transaction& transaction) { return outbox_store::remove(transaction, id); },
          home,
          [self = shared_from_this(), id](Status removed) {
            self->settled(id, removed.ok(), self->clock.now() + kStoreRetry);
          });
      return;
    }
    const Error error = status.error();
    const int sent = tries.all - tries.unsent - (error.never_left ? 1 : 0);
    const bool is_dead = !error.retryable || sent >= limits.outbox_attempts_max || tries.all >= limits.outbox_tries_max;
    const Time now = clock.now(), next_at = now + wait_after(tries.all, error);
    database.write<void>(
        WritePriority::kForeground,
        [id, now, error, next_at, is_dead](Transaction& transaction) {
          return outbox_store::record_failure(transaction, id, now, error, next_at, is_dead);
        },
        home,
        [self = shared_from_this(), id, is_dead, next_at](Status recorded) {
          const bool gone = recorded.ok() && is_dead;
          if (gone) ++self->dead;
          self->settled(id, gone, recorded.ok() ? next_at : self->clock.now() + kStoreRetry);
        });
  }

  Duration wait_after(int attempt, const Error& error) {
    const Duration drawn = jittered_backoff(std::chrono::milliseconds(limits.outbox_backoff_base_ms),
                                            std::chrono::milliseconds(limits.outbox_backoff_cap_ms), attempt, random);
    return at_least_as_asked(drawn, error.retry_after_ms, limits.retry_after_max_ms);
  }

  void settled(std::int64_t id, bool gone, Time next_at) {
    --in_flight;
    if (gone)
      queue.finish(id);
    else
      queue.put_back(id, next_at);
    pump();
  }

  Database& database;
  Executor& home;
  const Clock& clock;
  Random& random;
  const Limits& limits;
  LaneQueue queue;
  WakeTimer timer;
  OutboxDeliver deliver;
  bool stopped = false;
  int in_flight = 0;
  std::int64_t dead = 0;
};

Outbox::Outbox(Database& database, Executor& home, const Clock& clock, Random& random, const Limits& limits)
    : core_(std::make_shared<Core>(database, home, clock, random, limits)) {}

Outbox::~Outbox() { core_->stopped = true; }

Status Outbox::recover() {
  ASSIGN_OR_RETURN(const std::vector<outbox_store::IndexRow> rows,
                   core_->database.read<std::vector<outbox_store::IndexRow>>(outbox_store::load_index));
  for (const outbox_store::IndexRow& row : rows) {
    if (row.state == outbox_store::RowState::kDead)
      ++core_->dead;
    else
      core_->add(row);
  }
  return {};
}

Result<std::int64_t> Outbox::append(Transaction& transaction, const OutboxMessage& message) {
  if (message.destination.empty() || message.idempotency_key.empty()) {
    return fail(ErrorCode::kInvalidArgument, "an outgoing message needs a destination and an idempotency key");
  }
  const Time now = core_->clock.now();
  ASSIGN_OR_RETURN(const std::int64_t id, outbox_store::insert(transaction, message, now));
  const outbox_store::IndexRow row{id, message.destination, message.key, outbox_store::RowState::kWaiting, now, Time{}};
  transaction.after_commit([core = core_, row] {
    core->home.post([core, row] {
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
    core->home.post([core, row] {
      --core->dead;
      core->add(row);
      core->pump();
    });
  });
  return {};
}

Status Outbox::drop(Transaction& transaction, std::int64_t id) {
  RETURN_IF_ERROR(outbox_store::drop_dead(transaction, id));
  transaction.after_commit([core = core_] { core->home.post([core] { --core->dead; }); });
  return {};
}

Outbox::Depths Outbox::depths() const {
  return {core_->queue.rows() - core_->queue.out(), core_->queue.out(), core_->dead};
}

void Outbox::check_integrity() {
  core_->queue.check_integrity();
  const auto rows = core_->database.read<std::vector<outbox_store::IndexRow>>(outbox_store::load_index);
  CHECK(rows.ok(), "the outbox can be read");
  const auto dead_rows = std::count_if(rows->begin(), rows->end(),
                                       [](const auto& row) { return row.state == outbox_store::RowState::kDead; });
  CHECK(core_->dead == dead_rows, "dead messages are counted");
  CHECK(core_->queue.rows() + core_->dead == static_cast<std::int64_t>(rows->size()),
        "waiting + in flight + dead == rows");
}

}  // namespace mnema
