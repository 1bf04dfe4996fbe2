#include "runtime/events/retention_cleaner.hpp"

#include <utility>

namespace mnema {

class RetentionCleaner::Core : public std::enable_shared_from_this<RetentionCleaner::Core> {
 public:
  Core(What described, Purge remover, Executor& lent, const Limits& bounds)
      : what(std::move(described)), purge(std::move(remover)), home(lent), limits(bounds) {}

  void look() {
    if (stopped) return;
    const int most = limits.journal_purge_turns_max;
    purge(most, home, [self = shared_from_this(), most](const Result<int>& removed) {
      if (!removed.ok()) {
        log_warning(self->what.component, self->what.things + " whose retention is over were not removed",
                    {{"why", removed.error().text()}});
        return self->rest();
      }
      self->removed_now += *removed;
      if (*removed == most) return self->look();  // there may be more
      self->rest();
    });
  }

  void rest() {
    if (const std::int64_t removed = std::exchange(removed_now, 0); removed > 0) {
      write_log(what.level, what.component, what.things + " whose retention was over were removed",
                {{"removed", removed}});
    }
    if (stopped) return;
    home.post_after(std::chrono::milliseconds(limits.journal_purge_interval_ms), [weak = weak_from_this()] {
      if (const auto self = weak.lock()) self->look();
    });
  }

  const What what;
  const Purge purge;
  Executor& home;
  const Limits& limits;
  std::int64_t removed_now = 0;  // since it last rested
  bool started = false;
  bool stopped = false;
};

RetentionCleaner::RetentionCleaner(What what, Purge purge, Executor& home, const Limits& limits)
    : core_(std::make_shared<Core>(std::move(what), std::move(purge), home, limits)) {}

RetentionCleaner::~RetentionCleaner() { stop(); }

void RetentionCleaner::start() {
  if (std::exchange(core_->started, true)) return;
  core_->home.post([weak = std::weak_ptr(core_)] {
    if (const auto core = weak.lock()) core->look();
  });
}

void RetentionCleaner::stop() { core_->stopped = true; }

}  // namespace mnema
