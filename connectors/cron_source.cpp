#include "connectors/cron_source.hpp"

#include <fmt/chrono.h>
#include <fmt/format.h>

#include <atomic>
#include <boost/json.hpp>
#include <deque>

#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"
#include "runtime/events/cron_store.hpp"
#include "runtime/exec/wake_timer.hpp"

namespace mnema {
namespace {

constexpr Duration kRetry = std::chrono::seconds(1);

std::string utc(Time time) {
  const auto seconds = std::chrono::floor<std::chrono::seconds>(time);
  return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

}  // namespace

std::optional<MissedFires> missed_fires_of(std::string_view name) {
  if (name == "skip") return MissedFires::kSkip;
  if (name == "once") return MissedFires::kOnce;
  if (name == "all") return MissedFires::kAll;
  return std::nullopt;
}

class CronSource::Core : public std::enable_shared_from_this<Core> {
 public:
  Core(CronOptions how, CronSchedule when, Parts lent)
      : options(std::move(how)), schedule(when), parts(lent), timer(lent.home, lent.clock) {}

  /// What a row of another schedule would not be.
  [[nodiscard]] std::string stored_schedule() const { return options.expression + " " + options.time_zone; }

  void pump() {
    if (stopped || paused || busy || !next) return;
    const Time now = parts.clock.now();
    if (*next > now) {
      return timer.wake_at(*next, [weak = weak_from_this()] {
        if (const auto self = weak.lock()) self->pump();
      });
    }
    const Duration late = std::chrono::milliseconds(parts.limits.cron_late_ms);
    if (now - *next <= late) return fire(*next, schedule.next(*next));
    switch (options.missed) {
      case MissedFires::kSkip: {
        // The last one may be in time.
        const std::optional<Time> in_time = schedule.next(now - late);
        log_info("cron", "missed times are skipped", {{"source", options.name}, {"since", utc(*next)}});
        ++missed;
        return fire(std::nullopt, in_time);
      }
      case MissedFires::kOnce: {
        const std::deque<Time> times = missed_times(now, 1);
        return fire(times.back(), schedule.next(times.back()));
      }
      case MissedFires::kAll: {
        if (backlog_known) return fire(*next, schedule.next(*next));
        backlog_known = true;
        next = missed_times(now, parts.limits.cron_missed_max).front();
        return fire(*next, schedule.next(*next));
      }
    }
  }

  /// The last `count_max` times from `next` to `now`; at least one.
  [[nodiscard]] std::deque<Time> missed_times(Time now, int count_max) {
    std::deque<Time> times;
    std::int64_t left_out = 0;
    for (std::optional<Time> at = next; at && *at <= now; at = schedule.next(*at)) {
      times.push_back(*at);
      if (static_cast<int>(times.size()) <= count_max) continue;
      times.pop_front();
      ++left_out;
    }
    if (left_out > 0) {
      missed += left_out;
      log_warning("cron", "missed times make no events of their own",
                  {{"source", options.name}, {"times", left_out}, {"since", utc(*next)}});
    }
    return times;
  }

  /// Stores the event of `at`, if any, and in the same transaction which time follows.
  void fire(std::optional<Time> at, std::optional<Time> following) {
    busy = true;
    EventBatch batch;
    batch.dedupe = Dedupe::kByOffset;
    batch.key_template = options.key_template;
    if (at) batch.events.emplace_back(event_of(*at));
    // A schedule that never fires again is asked again in ten years.
    const Time stored = following.value_or(Time::max());
    batch.hook = [name = options.name, schedule_text = stored_schedule(), stored](
                     Transaction& transaction, const AcceptResults& results) -> Status {
      for (const auto& result : results) {
        if (!result.ok()) {
          log_error("cron", "nobody takes the event of a schedule",
                    {{"source", name}, {"error", result.error().text()}});
        }
      }
      return cron_store::set_next(transaction, name, schedule_text, stored);
    };
    accept(std::move(batch), [self = shared_from_this(), following, at](const Result<AcceptResults>& results) {
      self->parts.home.post([self, following, at, ok = results.ok()] {
        self->busy = false;
        if (ok) {
          self->next = following;
          if (at) ++self->fired;
          if (following && *following > self->parts.clock.now()) self->backlog_known = false;
          return self->pump();
        }
        // The mailbox is full or the disk is: the same time again, or what was to be written before the first one.
        self->parts.home.post_after(kRetry, [weak = self->weak_from_this(), following, at] {
          const auto core = weak.lock();
          if (!core || core->stopped || core->busy) return;
          if (core->next) return core->pump();
          core->fire(at, following);
        });
      });
    });
  }

  [[nodiscard]] Event event_of(Time at) const {
    Event event;
    event.id = utc(at);
    event.source = "cron:" + options.name;
    event.type = (options.type_prefix.empty() ? "cron" : options.type_prefix) + "." + options.name;
    event.time = at;
    event.tenant = options.tenant;
    event.agent = options.agent;
    event.trust = Trust::kOperator;
    event.data = options.data.empty()
                     ? boost::json::serialize(boost::json::object{{"name", options.name}, {"scheduled_at", event.id}})
                     : options.data;
    return event;
  }

  const CronOptions options;
  const CronSchedule schedule;
  const Parts parts;
  WakeTimer timer;
  Accept accept;
  std::optional<Time> next;  // none: never
  bool busy = false;
  bool paused = false;
  bool backlog_known = false;  // of missed times that all fire: those that are too many are left out
  std::atomic<bool> stopped = false;
  std::atomic<std::int64_t> fired = 0;
  std::atomic<std::int64_t> missed = 0;
};

Result<std::unique_ptr<CronSource>> CronSource::open(CronOptions options, Parts parts) {
  ASSIGN_OR_RETURN(const CronSchedule schedule, CronSchedule::parse(options.expression, options.time_zone));
  if (!options.data.empty()) {
    if (const auto parsed = parse_bounded_json(options.data, "data"); !parsed.ok()) return parsed.error();
  }
  return std::unique_ptr<CronSource>(new CronSource(std::make_shared<Core>(std::move(options), schedule, parts)));
}

CronSource::~CronSource() { stop(); }

std::string CronSource::name() const { return "cron:" + core_->options.name; }
std::optional<std::string> CronSource::tenant() const { return core_->options.tenant; }

Status CronSource::start(Accept accept) {
  Core& core = *core_;
  ASSIGN_OR_RETURN(std::optional<Time> stored,
                   core.parts.database.read<std::optional<Time>>([&core](Transaction& transaction) {
                     return cron_store::next_at(transaction, core.options.name, core.stored_schedule());
                   }));
  core.accept = std::move(accept);
  core.parts.home.post([core = core_, stored] {
    if (stored) {
      core->next = *stored == Time::max() ? std::nullopt : stored;
      return core->pump();
    }
    // Written before its first time, so that the time is known even if the program is down by then.
    core->fire(std::nullopt, core->schedule.next(core->parts.clock.now()));
  });
  return {};
}

void CronSource::pause() {
  core_->parts.home.post([core = core_] { core->paused = true; });
}

void CronSource::resume() {
  core_->parts.home.post([core = core_] {
    core->paused = false;
    core->pump();
  });
}

void CronSource::drain() { core_->stopped = true; }
void CronSource::stop() { drain(); }

void CronSource::report(MetricsReport& metrics) const {
  metrics.counter("mnema_cron_fires_total", "Events made by schedules", static_cast<double>(core_->fired),
                  {{"result", "fired"}});
  metrics.counter("mnema_cron_fires_total", "Events made by schedules", static_cast<double>(core_->missed),
                  {{"result", "missed"}});
}

}  // namespace mnema
