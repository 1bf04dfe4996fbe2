#include "connectors/http/date.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(HttpDate, WritesAndReadsTheFormOfTheStandard) {
  Time time = from_micros(784'111'777'000'000);
  EXPECT_EQ(http_date(time), "Sun, 06 Nov 1994 08:49:37 GMT");
  EXPECT_EQ(parse_http_date("Sun, 06 Nov 1994 08:49:37 GMT"), time);
}

TEST(HttpDate, KeepsEveryDayOfALeapYear) {
  for (int day = 0; day < 366; ++day) {
    Time time = from_micros(1'709'164'800'000'000LL + day * 86'400'000'000LL);  // from 2024-02-29
    EXPECT_EQ(parse_http_date(http_date(time)), time);
  }
}

TEST(HttpDate, RefusesWhatIsNoDate) {
  for (std::string_view text : {"", "now", "Sun, 31 Feb 2024 00:00:00 GMT", "Sun, 06 Nov 1994 24:00:00 GMT",
                                "Sun, 06 Nov 1994 08:49:37 UTC", "Sunday, 06-Nov-94 08:49:37 GMT"}) {
    EXPECT_EQ(parse_http_date(text), std::nullopt) << text;
  }
}

}  // namespace
}  // namespace mnema
