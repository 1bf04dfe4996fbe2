#include "runtime/events/timers.hpp"

#include <limits>
#include <map>
#include <set>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/event_codec.hpp"
#include "runtime/events/timer_store.hpp"
#include "runtime/exec/wake_timer.hpp"

namespace mnema {
namespace {

constexpr Duration kStoreRetry = std::chrono::seconds(1);

/// The timer's own event is at fault; the disk, a full mailbox or a shutdown may get better.
bool is_hopeless(const Error& error) {
  return error.code == ErrorCode::kInvalidArgument || error.code == ErrorCode::kCorrupt;
}

/// The event as it goes into the mailbox.
Event fired_event(Timer timer, std::int64_t id) {
  Event event = std::move(timer.event);
  if (event.source.empty()) event.source = "timer";
  event.id = timer.name + "/" + std::to_string(id);
  event.time = timer.at;
  return event;
}

}  // namespace

/// Which timers there are and when they are due, confined to the home executor.
class Timers::Core : public std::enable_shared_from_this<Timers::Core> {
 public:
  Core(Database& file, Mailbox& box, Executor& lent, const Clock& time, const Limits& bounds)
      : database(file), mailbox(box), home(lent), clock(time), limits(bounds), timer(lent, time) {}

  void add(std::int64_t id, Time at) {
    due[id] = at;
    by_time.emplace(at, id);
  }
  void forget(std::int64_t id) {
    const auto found = due.find(id);
    if (found == due.end()) return;
    by_time.erase({found->second, id});
    due.erase(found);
  }

  void pump() {
    while (!by_time.empty() && by_time.begin()->first <= clock.now()) {
      const std::int64_t id = by_time.begin()->second;
      forget(id);
      fire(id);
    }
    if (by_time.empty()) return;
    timer.wake_at(by_time.begin()->first, [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->pump();
    });
  }

  /// The timer goes and its event comes in one transaction, so it happens once whatever dies when.
  void fire(std::int64_t id) {
    database.write<void>(
        WritePriority::kForeground,
        [self = shared_from_this(), id](Transaction& transaction) -> Status {
          ASSIGN_OR_RETURN(std::optional<Timer> taken, timer_store::take(transaction, id));
          if (!taken) return {};  // cancelled meanwhile
          const Result<Accepted> accepted = self->mailbox.accept(transaction, fired_event(std::move(*taken), id));
          return accepted.ok() ? Status() : Status(accepted.error());
        },
        home,
        [self = shared_from_this(), id](const Status& fired) {
          if (fired.ok()) return;
          if (is_hopeless(fired.error())) return self->drop(id, fired.error());
          self->add(id, self->clock.now() + kStoreRetry);
          self->pump();
        });
  }

  void drop(std::int64_t id, const Error& why) {
    database.write<void>(
        WritePriority::kForeground, [id](Transaction& transaction) { return timer_store::erase(transaction, id); },
        home,
        [self = shared_from_this(), id, why](const Status& dropped) {
          if (dropped.ok()) {
            return log_error("timers", "a timer that can never fire was dropped", {{"timer", id}, {"why", why.text()}});
          }
          self->add(id, self->clock.now() + kStoreRetry);
          self->pump();
        });
  }

  Database& database;
  Mailbox& mailbox;
  Executor& home;
  const Clock& clock;
  const Limits& limits;
  WakeTimer timer;
  std::map<std::int64_t, Time> due;
  std::set<std::pair<Time, std::int64_t>> by_time;
};

Timers::Timers(Database& database, Mailbox& mailbox, Executor& home, const Clock& clock, const Limits& limits)
    : core_(std::make_shared<Core>(database, mailbox, home, clock, limits)) {}

Timers::~Timers() = default;

Status Timers::recover() {
  ASSIGN_OR_RETURN(const std::vector<timer_store::IndexRow> rows,
                   core_->database.read<std::vector<timer_store::IndexRow>>(timer_store::load_index));
  for (const timer_store::IndexRow& row : rows) core_->add(row.id, row.at);
  core_->home.post([core = core_] { core->pump(); });
  return {};
}

Status Timers::set(Transaction& transaction, const Timer& timer) {
  if (timer.name.empty() || timer.event.agent.empty()) {
    return fail(ErrorCode::kInvalidArgument, "a timer needs a name and its event an agent");
  }
  // What the mailbox would refuse at its time is refused now, while somebody is there to hear it.
  constexpr std::int64_t kLongestNumber = std::numeric_limits<std::int64_t>::max();
  RETURN_IF_ERROR(check_event(fired_event(timer, kLongestNumber), core_->limits.event_bytes_max));
  ASSIGN_OR_RETURN(const timer_store::Inserted inserted, timer_store::insert(transaction, timer));
  transaction.after_commit([core = core_, inserted, at = timer.at] {
    core->home.post([core, inserted, at] {
      if (inserted.replaced) core->forget(*inserted.replaced);
      core->add(inserted.id, at);
      core->pump();
    });
  });
  return {};
}

Result<bool> Timers::cancel(Transaction& transaction, const std::string& tenant, const std::string& agent,
                            const std::string& key, const std::string& name) {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> id, timer_store::remove(transaction, tenant, agent, key, name));
  if (!id) return false;
  transaction.after_commit([core = core_, id = *id] { core->home.post([core, id] { core->forget(id); }); });
  return true;
}

Result<Timers::Erased> Timers::erase(Transaction& transaction, const Scope& scope, std::int64_t after, int rows_max) {
  Erased erased;
  ASSIGN_OR_RETURN(const std::vector<timer_store::NumberedTimer> found,
                   timer_store::of_tenant(transaction, scope.tenant, after, rows_max, erased.last));
  erased.done = erased.last == 0;
  const auto is_of = [](const std::string& wanted, const std::string& name) {
    return wanted.empty() || wanted == name;
  };
  std::vector<std::int64_t> removed;
  for (const timer_store::NumberedTimer& timer : found) {
    const Event& event = timer.event;
    if (!is_of(scope.agent, event.agent) || !is_of(scope.user, event.user) || !is_of(scope.session, event.key))
      continue;
    RETURN_IF_ERROR(timer_store::erase(transaction, timer.id));
    removed.push_back(timer.id);
  }
  erased.timers = static_cast<std::int64_t>(removed.size());
  transaction.after_commit([core = core_, removed] {
    core->home.post([core, removed] {
      for (const std::int64_t id : removed) core->forget(id);
    });
  });
  return erased;
}

void Timers::set(Timer timer, Executor& reply_to, std::function<void(Status)> on_done) {
  Timers* self = this;
  core_->database.write<void>(
      WritePriority::kForeground,
      [self, timer = std::move(timer)](Transaction& transaction) { return self->set(transaction, timer); }, reply_to,
      std::move(on_done));
}

std::size_t Timers::pending() const { return core_->due.size(); }

void Timers::check_integrity() {
  const auto rows = core_->database.read<std::vector<timer_store::IndexRow>>(timer_store::load_index);
  CHECK(rows.ok(), "the timers can be read");
  CHECK(rows->size() == core_->due.size() && core_->due.size() == core_->by_time.size(),
        "timers in memory are the rows");
  for (const timer_store::IndexRow& row : *rows) CHECK(core_->due.contains(row.id), "every row is waited for");
}

}  // namespace mnema
