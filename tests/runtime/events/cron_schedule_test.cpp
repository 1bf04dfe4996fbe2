#include "runtime/events/cron_schedule.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/events/event_deadline.hpp"

namespace mnema {
namespace {

Time utc(const char* text) { return *parse_rfc3339(text); }

/// The next `count` times, as RFC 3339 would begin them.
std::vector<Time> times(const char* expression, const char* zone, const char* after, int count) {
  const Result<CronSchedule> schedule = CronSchedule::parse(expression, zone);
  EXPECT_TRUE(schedule.ok()) << (schedule.ok() ? "" : schedule.error().text());
  std::vector<Time> found;
  Time at = utc(after);
  for (int i = 0; schedule.ok() && i < count; ++i) {
    const std::optional<Time> next = schedule->next(at);
    if (!next) break;
    EXPECT_GT(*next, at);
    found.push_back(at = *next);
  }
  return found;
}

std::vector<Time> list(std::initializer_list<const char*> texts) {
  std::vector<Time> all;
  for (const char* text : texts) all.push_back(utc(text));
  return all;
}

TEST(CronSchedule, FiresAtTheTimesOfItsFields) {
  EXPECT_EQ(times("0 9 * * MON", "UTC", "2026-11-26T10:00:00Z", 2),
            list({"2026-11-30T09:00:00Z", "2026-12-07T09:00:00Z"}));
  EXPECT_EQ(times("*/20 * * * *", "UTC", "2026-11-26T10:05:30Z", 3),
            list({"2026-11-26T10:20:00Z", "2026-11-26T10:40:00Z", "2026-11-26T11:00:00Z"}));
  EXPECT_EQ(times("30 2 1,15 jan-mar *", "UTC", "2026-03-01T02:30:00Z", 2),
            list({"2026-03-15T02:30:00Z", "2027-01-01T02:30:00Z"}))
      << "after, not at";
  EXPECT_EQ(times("5/25 8 * * *", "UTC", "2026-01-01T00:00:00Z", 3),
            list({"2026-01-01T08:05:00Z", "2026-01-01T08:30:00Z", "2026-01-01T08:55:00Z"}));
  EXPECT_EQ(times("0 0 29 2 *", "UTC", "2026-01-01T00:00:00Z", 1), list({"2028-02-29T00:00:00Z"}));
  EXPECT_EQ(times("0 12 13 * FRI", "UTC", "2026-11-26T10:00:00Z", 3),
            list({"2026-11-27T12:00:00Z", "2026-12-04T12:00:00Z", "2026-12-11T12:00:00Z"}))
      << "either day, where both are said";
  EXPECT_EQ(times("0 0 * * 7", "UTC", "2026-11-26T10:00:00Z", 1), times("@weekly", "UTC", "2026-11-26T10:00:00Z", 1));
  EXPECT_EQ(times("@hourly", "Asia/Kolkata", "2026-11-26T10:00:00Z", 1), list({"2026-11-26T10:30:00Z"}));
}

TEST(CronSchedule, FiresOnceForATimeThatIsSkippedWhenTheClocksHaveChanged) {
  // Zurich, 29 March 2026: from 02:00 +01:00 to 03:00 +02:00 at 01:00 UTC.
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-03-28T00:00:00Z", 3),
            list({"2026-03-28T01:30:00Z", "2026-03-29T01:00:00Z", "2026-03-30T00:30:00Z"}));
  EXPECT_EQ(times("*/10 2 * * *", "Europe/Zurich", "2026-03-28T20:00:00Z", 2),
            list({"2026-03-29T01:00:00Z", "2026-03-30T00:00:00Z"}))
      << "six times that are skipped are one instant";
  EXPECT_EQ(times("0 3 * * *", "Europe/Zurich", "2026-03-28T20:00:00Z", 1), list({"2026-03-29T01:00:00Z"}));
  EXPECT_EQ(times("*/30 * * * *", "Europe/Zurich", "2026-03-29T00:20:00Z", 3),
            list({"2026-03-29T00:30:00Z", "2026-03-29T01:00:00Z", "2026-03-29T01:30:00Z"}))
      << "every half hour is every half hour";
}

TEST(CronSchedule, FiresOnceForATimeThatComesTwiceUnlessItFollowsTheTimeThatPasses) {
  // Zurich, 25 October 2026: from 03:00 +02:00 back to 02:00 +01:00 at 01:00 UTC.
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-10-24T12:00:00Z", 2),
            list({"2026-10-25T00:30:00Z", "2026-10-26T01:30:00Z"}));
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-10-25T00:30:00Z", 1), list({"2026-10-26T01:30:00Z"}));
  EXPECT_EQ(times("30 2 * * *", "Europe/Zurich", "2026-10-25T01:10:00Z", 1), list({"2026-10-26T01:30:00Z"}))
      << "also when it is asked between the two";
  EXPECT_EQ(times("30 * * * *", "Europe/Zurich", "2026-10-25T00:00:00Z", 3),
            list({"2026-10-25T00:30:00Z", "2026-10-25T01:30:00Z", "2026-10-25T02:30:00Z"}));
  EXPECT_EQ(times("0 3 * * *", "Europe/Zurich", "2026-10-24T12:00:00Z", 1), list({"2026-10-25T02:00:00Z"}));
}

TEST(CronSchedule, FollowsZonesWhoseClocksChangeOtherwise) {
  // Lord Howe: half an hour, on 4 October 2026 at 02:00 local, to 02:30.
  EXPECT_EQ(times("15 2 * * *", "Australia/Lord_Howe", "2026-10-03T00:00:00Z", 1), list({"2026-10-03T15:30:00Z"}));
  // Samoa left out the whole of 30 December 2011.
  EXPECT_EQ(times("0 9 30 12 *", "Pacific/Apia", "2011-12-29T12:00:00Z", 1), list({"2011-12-30T10:00:00Z"}));
}

TEST(CronSchedule, AgreesWithEveryMinuteAskedOneByOne) {
  SeededRandom random(7);
  const char* const zones[] = {"UTC", "Europe/Zurich", "America/New_York", "Australia/Lord_Howe"};
  for (int i = 0; i < 40; ++i) {
    const std::string expression = std::to_string(random.below(60)) + " " +
                                   (random.below(2) == 0 ? "*" : "*/" + std::to_string(random.below(5) + 1)) + " * * " +
                                   (random.below(2) == 0 ? "*" : std::to_string(random.below(7)));
    const char* zone = zones[random.below(4)];
    const CronSchedule schedule = *CronSchedule::parse(expression, zone);
    const Time from = utc("2026-01-01T00:00:00Z") + std::chrono::minutes(random.below(366 * 24 * 60));
    const Time next = *schedule.next(from);
    for (Time at = from; at < next; at += std::chrono::minutes(7)) {
      ASSERT_EQ(*schedule.next(at), next) << expression << " in " << zone;
    }
  }
}

TEST(CronSchedule, RefusesWhatCannotBeReadOrNeverFires) {
  for (const char* wrong : {"",
                            "* * * *",
                            "* * * * * *",
                            "60 * * * *",
                            "* 24 * * *",
                            "* * 0 * *",
                            "* * 32 * *",
                            "* * * 13 *",
                            "* * * * 8",
                            "5-1 * * * *",
                            "*/0 * * * *",
                            "*/x * * * *",
                            "1- * * * *",
                            "-1 * * * *",
                            "1,,2 * * * *",
                            "* * * FOO *",
                            "MON * * * *",
                            "0 0 30 2 *",
                            "@reboot",
                            "99999999999 * * * *",
                            "1/2/3 * * * *"}) {
    const auto schedule = CronSchedule::parse(wrong);
    ASSERT_FALSE(schedule.ok()) << wrong;
    EXPECT_EQ(schedule.error().code, ErrorCode::kInvalidArgument);
  }
  for (const char* zone : {"", "Mars/Olympus", "../../etc/passwd"}) {
    EXPECT_FALSE(CronSchedule::parse("* * * * *", zone).ok()) << zone;
  }
}

}  // namespace
}  // namespace mnema
