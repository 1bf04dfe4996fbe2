#include "connectors/http/date.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

const Time kNow = from_micros(1'790'000'000'000'000);  // 2026-09-21

TEST(HttpDate, WritesAndReadsTheFormOfTheStandard) {
  Time time = from_micros(784'111'777'000'000);
  EXPECT_EQ(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT", kNow), time);
}

TEST(HttpDate, ReadsTheObsoleteFormsToo) {
  Time time = from_micros(784'111'777'000'000);
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-94 08:49:37 GMT", kNow), time);
  EXPECT_EQ(parse_http_date("Sun Nov  6 08:49:37 1994", kNow), time);
  EXPECT_EQ(parse_http_date("Wed Nov 16 08:49:37 1994", kNow), time + std::chrono::days(10));
  EXPECT_EQ(parse_http_date("Wednesday, 16-Nov-94 08:49:37 GMT", kNow), time + std::chrono::days(10));
}

TEST(HttpDate, TakesAYearOfTwoDigitsForTheNearestThatIsNotFarAhead) {
  EXPECT_EQ(parse_http_date("Monday, 06-Nov-28 00:00:00 GMT", kNow),
            parse_http_date("Mon, 06 Nov 2028 00:00:00 GMT", kNow));
  EXPECT_EQ(parse_http_date("Friday, 06-Nov-76 00:00:00 GMT", kNow),
            parse_http_date("Fri, 06 Nov 2076 00:00:00 GMT", kNow));
  EXPECT_EQ(parse_http_date("Sunday, 06-Nov-77 00:00:00 GMT", kNow),
            parse_http_date("Sun, 06 Nov 1977 00:00:00 GMT", kNow));
}

TEST(HttpDate, KeepsEveryDayOfALeapYear) {
  for (int day = 0; day < 366; ++day) {
    Time time = from_micros(1'709'164'800'000'000LL + day * 86'400'000'000LL);  // from 2024-02-29
    EXPECT_EQ(parse_http_date(http_date(time), kNow), time);
  }
}

TEST(HttpDate, RefusesWhatIsNoDate) {
  for (std::string_view text :
       {"", "now", "Sun, 31 Feb 2024 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT", "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sunday, 06-Nov-94 08:49:37", "Sun Nov 31 08:49:37 1994", "Sun Nov  6 08.49.37 1994",
        "Sunday, -6-Nov-94 08:49:37 GMT", "Sunday,", ","}) {
    EXPECT_EQ(parse_http_date(text, kNow), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mnema
