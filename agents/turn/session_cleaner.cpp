#include "agents/turn/session_cleaner.hpp"

#include <atomic>
#include <utility>

#include "agents/turn/session_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {

class SessionCleaner::Core : public std::enable_shared_from_this<SessionCleaner::Core> {
 public:
  Core(Database& rows, Executor& lent, const Clock& time, const Limits& bounds)
      : database(rows), home(lent), clock(time), limits(bounds) {}

  void look() {
    if (stopped) return;
    const int most = limits.journal_purge_turns_max;
    database.write<int>(
        WritePriority::kBackground,
        [now = clock.now(), most](Transaction& transaction) { return expire_states(transaction, now, most); }, home,
        [self = shared_from_this(), most](const Result<int>& removed) {
          if (!removed.ok())
            log_warning("sessions", "expired states were not removed", {{"why", removed.error().text()}});
          if (removed.ok() && *removed == most) return self->look();  // there may be more
          self->rest();
        });
  }

  void rest() {
    if (stopped) return;
    home.post_after(std::chrono::milliseconds(limits.journal_purge_interval_ms), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    });
  }

  Database& database;
  Executor& home;
  const Clock& clock;
  const Limits& limits;
  bool started = false;
  std::atomic<bool> stopped = false;  // `stop` may come from the thread that closes
};

SessionCleaner::SessionCleaner(Database& database, Executor& home, const Clock& clock, const Limits& limits)
    : core_(std::make_shared<Core>(database, home, clock, limits)) {}

SessionCleaner::~SessionCleaner() { stop(); }

void SessionCleaner::start() {
  if (std::exchange(core_->started, true)) return;
  core_->home.post([weak = std::weak_ptr(core_)] {
    if (const auto core = weak.lock()) core->look();
  });
}

void SessionCleaner::stop() { core_->stopped = true; }

}  // namespace mnema
