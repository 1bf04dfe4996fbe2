#include "runtime/base/decimal.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Decimal decimal(std::string_view text) { return Decimal::parse(text).value(); }

TEST(Decimal, IsWrittenInItsShortestForm) {
  EXPECT_EQ(decimal("0.50").text(), "0.5");
  EXPECT_EQ(decimal("5E-1").text(), "0.5");
  EXPECT_EQ(decimal("1.0").text(), "1");
  EXPECT_EQ(decimal("-12e2").text(), "-1200");
  EXPECT_EQ(decimal("-0.0").text(), "0");
  EXPECT_EQ(decimal("123456789012345678901234567890").text(), "123456789012345678901234567890");
  EXPECT_EQ(decimal("1.5e300").text(), "1.5e300");
  EXPECT_EQ(decimal("2e-300").text(), "2e-300");
  EXPECT_EQ(Decimal::of(boost::json::value(0.1))->text(), "0.1");
  EXPECT_EQ(Decimal::of(boost::json::value(std::uint64_t{18446744073709551615ULL}))->text(), "18446744073709551615");
  EXPECT_EQ(Decimal(std::numeric_limits<std::int64_t>::min()).text(), "-9223372036854775808");
  for (const char* wrong : {"", "-", "1.", ".5", "1e", "1e999999999999", "0x1", "1 "}) {
    EXPECT_FALSE(Decimal::parse(wrong)) << wrong;
  }
  EXPECT_FALSE(Decimal::of(boost::json::value("1")));
}

TEST(Decimal, IsComparedDigitByDigit) {
  const std::vector<std::string> sorted = {
      "-1e20", "-10", "-9.5", "-0.001", "0", "1e-30", "0.1", "0.11", "1", "9007199254740992", "9007199254740993",
      "1e17"};
  for (std::size_t i = 0; i < sorted.size(); ++i) {
    for (std::size_t k = 0; k < sorted.size(); ++k) {
      EXPECT_EQ(decimal(sorted[i]).compare(decimal(sorted[k])), i < k ? -1 : i > k ? 1 : 0) << sorted[i] << sorted[k];
    }
  }
}

TEST(Decimal, KnowsItsMultiplesWithoutRounding) {
  EXPECT_TRUE(decimal("0.3").is_multiple_of(decimal("0.1")));
  EXPECT_TRUE(decimal("1e300").is_multiple_of(decimal("3e298")) == false);
  EXPECT_TRUE(decimal("9007199254740994").is_multiple_of(decimal("2")));
  EXPECT_FALSE(decimal("9007199254740993").is_multiple_of(decimal("2")));
  EXPECT_TRUE(decimal("-4.5").is_multiple_of(decimal("1.5")));
  EXPECT_FALSE(decimal("0.005").is_multiple_of(decimal("0.01")));
  EXPECT_TRUE(decimal("0").is_multiple_of(decimal("7")));
  EXPECT_TRUE(decimal("12345678901234567890123").is_multiple_of(decimal("12345678901234567890123")));
}

}  // namespace
}  // namespace mnema
