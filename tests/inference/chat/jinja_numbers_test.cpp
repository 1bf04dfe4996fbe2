#include "inference/chat/jinja_numbers.hpp"

#include <gtest/gtest.h>

#include "tests/inference/chat/rendered.hpp"

namespace mnema::jinja {
namespace {

TEST(JinjaNumbers, KeepAllDigitsOfIntegers) {
  EXPECT_EQ(rendered("{{ big }} {{ big + 1 }} {{ -big }} {{ big // 7 }} {{ big % 7 }} {{ big * big }}"),
            "12345678901234567890123 12345678901234567890124 -12345678901234567890123 1763668414462081127160 3 "
            "152415787532388367504942236884722755800955129");
  EXPECT_EQ(
      rendered("{{ 2 ** 64 }} {{ 9007199254740993 + 1 }} {{ 9223372036854775807 + 1 }} {{ -9223372036854775807 - 2 }}"),
      "18446744073709551616 9007199254740994 9223372036854775808 -9223372036854775809");
  EXPECT_EQ(rendered("{{ 10 ** 20 // 3 }} {{ -(10 ** 20) // 3 }} {{ -(10 ** 20) % 7 }} {{ (2 ** 70) / (2 ** 69) }}"),
            "33333333333333333333 -33333333333333333334 5 2.0");
  EXPECT_EQ(
      rendered("{{ big == big + 0.0 }} {{ 2 ** 53 + 1 == 2.0 ** 53 }} {{ 2 ** 63 > 2.0 ** 62 }} {{ big is integer }}"),
      "False False True True");
}

TEST(JinjaNumbers, DivideTowardsMinusInfinity) {
  EXPECT_EQ(rendered("{{ (10 ** 30 + 7) / 10 }} {{ -(10 ** 30) / (3 ** 40) }} {{ 7 / 10 ** 25 }}"),
            "1e+29 -82252633399.69958 7e-25");
  EXPECT_EQ(rendered("{{ 7 // 2 }} {{ -7 // 2 }} {{ 7 // -2 }} {{ 7 % 3 }} {{ -7 % 3 }} {{ 7 % -3 }}"),
            "3 -4 -4 1 2 -2");
  EXPECT_EQ(
      rendered("{{ 7.5 // 2 }} {{ -7.5 // 2 }} {{ -7.5 % 2 }} {{ 7.5 % -2 }} {{ 0.0 // -3 }} {{ 7 / 2 }} {{ 6 / 2 }}"),
      "3.0 -4.0 0.5 -0.5 -0.0 3.5 3.0");
  EXPECT_TRUE(fails("{{ 1 / 0 }}"));
  EXPECT_TRUE(fails("{{ 1 // 0 }}"));
  EXPECT_TRUE(fails("{{ 1.0 % 0 }}"));
}

TEST(JinjaNumbers, WriteFloatsAsPythonDoes) {
  EXPECT_EQ(rendered("{{ 1e20 }} {{ 1e16 }} {{ 1e15 }} {{ 123456789.0 }} {{ 0.1 + 0.2 }} {{ 1e-5 }} {{ 0.0001 }} {{ 1 "
                     "/ 3 }} {{ 1e300 * 1e10 }} {{ -1.0 }} {{ 2.5e-8 }}"),
            "1e+20 1e+16 1000000000000000.0 123456789.0 0.30000000000000004 1e-05 0.0001 0.3333333333333333 inf -1.0 "
            "2.5e-08");
  EXPECT_EQ(rendered("{{ '%s' % 1e22 }} {{ [1.0, 1e100] }}"), "1e+22 [1.0, 1e+100]");
}

TEST(JinjaNumbers, RaiseToPowers) {
  EXPECT_EQ(rendered("{{ 2 ** 10 }} {{ 2 ** -1 }} {{ 2 ** 0.5 }} {{ 2 ** 3 ** 2 }} {{ -2 ** 2 }} {{ (-2) ** 3 }} {{ 0 "
                     "** 0 }} {{ true + true }}"),
            "1024 0.5 1.4142135623730951 64 4 -8 1 2");
  EXPECT_TRUE(fails("{{ 0 ** -1 }}"));
  EXPECT_TRUE(fails("{{ 10.0 ** 400 }}"));
}

TEST(JinjaNumbers, RoundHalfToEven) {
  EXPECT_EQ(rendered("{{ 2.5|round }} {{ 3.5|round }} {{ -2.5|round }} {{ 2.675|round(2) }} {{ 5|round }} {{ "
                     "1234|round(-2) }} {{ 1250|round(-2) }} {{ 1350|round(-2) }}"),
            "2.0 4.0 -2.0 2.67 5 1200 1200 1400");
  EXPECT_EQ(rendered("{{ 2.1|round(0, 'ceil') }} {{ 2.19|round(1, 'floor') }} {{ 2|round(1, 'floor') }} {{ 42.55|round "
                     "}} {{ 1e300|round(2) }}"),
            "3.0 2.1 2.0 43.0 1e+300");
  EXPECT_EQ(rendered("{{ 3.410469764647108e18|round(-1) }} {{ 15.5|round(-1) }} {{ 25.0|round(-1) }} {{ 25.5|round(-1) "
                     "}} {{ -4.0|round(-1) }} {{ 296770343101350429640106293418|round(1, 'ceil') }}"),
            "3.410469764647108e+18 20.0 20.0 30.0 -0.0 2.967703431013504e+29");
  EXPECT_TRUE(fails("{{ 2.5|round(1, 'up') }}"));
  EXPECT_TRUE(fails("{{ 'a'|round }}"));
}

TEST(JinjaNumbers, ReadNumbersFromTexts) {
  EXPECT_EQ(rendered("{{ '12'|int + 1 }} {{ ' -7 '|int }} {{ '1_000'|int }} {{ 'x'|int(7) }} {{ '1.9'|int }} {{ "
                     "'1e3'|int }} {{ '0x1f'|int(base=16) }} {{ '1f'|int(0, 16) }} {{ '0b11'|int(0, 0) }} {{ nn|int }} "
                     "{{ 3.9|int }} {{ -3.9|int }} {{ t|int }}"),
            "13 -7 1000 7 1 1000 31 31 3 0 3 -3 1");
  EXPECT_EQ(rendered("{{ '1e3'|float }} {{ 'x'|float }} {{ 'x'|float(1.5) }} {{ ' 2 '|float }} {{ 'inf'|float }} {{ "
                     "'1_0.5'|float }} {{ 3|float }}"),
            "1000.0 0.0 1.5 2.0 inf 10.5 3.0");
  EXPECT_TRUE(fails("{{ x|int }}"));
  EXPECT_TRUE(fails("{{ x|float }}"));
  EXPECT_TRUE(fails("{{ 1e400|int }}"));
}

TEST(JinjaNumbers, ReadLiterals) {
  EXPECT_EQ(
      rendered(
          "{{ 0x1F }} {{ 1_000 }} {{ 0b11 }} {{ 0o17 }} {{ 1.5e3 }} {{ 1e3 }} {{ 12345678901234567890 }} {{ 00 }}"),
      "31 1000 3 15 1500.0 1000.0 12345678901234567890 0");
}

TEST(JinjaNumbers, HaveSigns) {
  EXPECT_EQ(
      rendered("{{ -5|abs }} {{ -n|abs }} {{ -2.5|abs }} {{ t|abs }} {{ +t }} {{ -t }} {{ - -n }} {{ (-big)|abs }}"),
      "5 5 2.5 1 1 -1 5 12345678901234567890123");
  EXPECT_TRUE(fails("{{ -'a' }}"));
  EXPECT_TRUE(fails("{{ 'a'|abs }}"));
}

}  // namespace
}  // namespace mnema::jinja
