// runtime/events/cron_schedule.hpp
//
// When a cron expression fires, in a time zone of the system's database (tzdata).
//
//   minute hour day-of-month month day-of-week
//   0      9    *            *     MON            every Monday at nine
//   */15   *    *            *     *              every quarter of an hour
//   30     2    1,15         1-6   *              half past two on the 1st and 15th, January to June
//
// A field is `*`, a number, a name (JAN, MON), a range, a list, each with a step after '/' where it spans several; 0
// and 7 are Sunday. Where both days are said, either fits (crontab(5)). Also @hourly, @daily, @weekly, @monthly,
// @yearly.
//
// Where clocks change, as Vixie's cron does it: an expression whose hours begin with '*' follows the time that passes,
// so it fires in both passes of an hour that comes twice and in none of an hour that is skipped. Any other fires once
// for each of its times: in the first pass, and, for a time that is skipped, when the clocks have changed.
//
// Threads: immutable; may be shared.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace date {
class time_zone;
}

namespace mnema {

class CronSchedule {
 public:
  /// `time_zone`: "UTC", "Europe/Zurich". Errors: `kInvalidArgument` (an expression that cannot be read, or never
  /// fires; an unknown time zone).
  [[nodiscard]] static Result<CronSchedule> parse(std::string_view expression, const std::string& time_zone = "UTC");

  /// The first time after `after`. None: not within ten years.
  [[nodiscard]] std::optional<Time> next(Time after) const;

 private:
  CronSchedule() = default;
  [[nodiscard]] std::optional<Time> next_of_clock(Time after) const;
  [[nodiscard]] std::optional<Time> next_of_passing(Time after) const;

  std::uint64_t minutes_ = 0;  // bit n: at minute n
  std::uint64_t hours_ = 0;
  std::uint64_t days_ = 0;  // of the month, from bit 1
  std::uint64_t months_ = 0;
  std::uint64_t weekdays_ = 0;
  bool either_day_ = false;                // both days are said
  bool follows_time_ = false;              // its hours begin with '*'
  const date::time_zone* zone_ = nullptr;  // of the database, which is never unloaded
};

}  // namespace mnema
