// connectors/cron_source.hpp
//
// Events by the clock. Each time of its schedule (runtime/events/cron_schedule.hpp) is one event, `cron:NAME` with that
// time as its id; the time that follows is stored in the event's own transaction, so none is sent twice or forgotten,
// whatever dies when. A schedule that is new, or was changed, begins with its first time after the start.
//
// A time is missed if its event is made later than `limits.cron_late_ms` after it: the program was down, the machine
// slept, the mailbox was full. Then `missed` decides:
//
//   skip   no event; the schedule goes on with its next time
//   once   one event, for the last of the missed times
//   all    one for each, of more than `limits.cron_missed_max` the last ones, with a line in the log
//
// Threads:   confined to `home`, but for `start` (which reads the database) and what says otherwise in connector.hpp.
// Ownership: the registry owns it; borrows its parts. What is in flight keeps what it needs.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/events/cron_schedule.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

enum class MissedFires { kSkip, kOnce, kAll };
/// "skip", "once", "all". None: there is no such name.
[[nodiscard]] std::optional<MissedFires> missed_fires_of(std::string_view name);

struct CronOptions {
  std::string name;        // of the source; what its next time is stored under
  std::string expression;  // "0 9 * * MON"
  std::string time_zone = "UTC";
  MissedFires missed = MissedFires::kOnce;
  std::string tenant = "local";
  std::string agent;         // "" = the router decides
  std::string key_template;  // "" = that of the agent
  std::string type_prefix;   // of the type "cron.NAME"; "" = "cron"
  std::string data;          // JSON; "" = {"name", "scheduled_at"}
};

class CronSource final : public Source {
 public:
  struct Parts {
    Database& database;
    Executor& home;
    const Clock& clock;
    const Limits& limits;
  };
  /// Errors: `kInvalidArgument` (the schedule; data that is no JSON).
  [[nodiscard]] static Result<std::unique_ptr<CronSource>> open(CronOptions options, Parts parts);
  ~CronSource() override;

  [[nodiscard]] std::string name() const override;  // "cron:NAME"
  [[nodiscard]] std::optional<std::string> tenant() const override;
  /// Errors: those of Database::read.
  [[nodiscard]] Status start(Accept accept) override;
  void pause() override;
  void resume() override;
  void drain() override;
  void stop() override;
  void report(MetricsReport& metrics) const override;

 private:
  class Core;
  explicit CronSource(std::shared_ptr<Core> core) : core_(std::move(core)) {}
  const std::shared_ptr<Core> core_;
};

}  // namespace mnema
