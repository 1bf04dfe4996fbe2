#include "runtime/journal_cleaner.hpp"

#include <utility>

#include "runtime/log.hpp"

namespace mnema {

class JournalCleaner::Core : public std::enable_shared_from_this<JournalCleaner::Core> {
 public:
  Core(TurnJournal& turns, Executor& lent, const Limits& bounds) : journal(turns), home(lent), limits(bounds) {}

  void look() {
    if (stopped) return;
    const int most = limits.journal_purge_turns_max;
    journal.purge(most, home, [self = shared_from_this(), most](const Result<int>& gone) {
      if (!gone.ok()) log_warning("journal", "ended turns were not erased", {{"why", gone.error().text()}});
      if (gone.ok() && *gone == most) return self->look();  // there may be more
      self->rest();
    });
  }

  void rest() {
    if (stopped) return;
    home.post_after(std::chrono::milliseconds(limits.journal_purge_interval_ms), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    });
  }

  TurnJournal& journal;
  Executor& home;
  const Limits& limits;
  bool started = false;
  bool stopped = false;
};

JournalCleaner::JournalCleaner(TurnJournal& journal, Executor& home, const Limits& limits)
    : core_(std::make_shared<Core>(journal, home, limits)) {}

JournalCleaner::~JournalCleaner() { stop(); }

void JournalCleaner::start() {
  if (std::exchange(core_->started, true)) return;
  core_->home.post([weak = std::weak_ptr(core_)] {
    if (const auto core = weak.lock()) core->look();
  });
}

void JournalCleaner::stop() { core_->stopped = true; }

}  // namespace mnema
