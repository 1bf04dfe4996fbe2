#include "inference/grammar/number_range.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema::grammar {
namespace {

using testing::matcher_of;
using testing::whole;

Rules rules_of(Expression body) {
  Rules rules;
  rules.root = rules.declare("root");
  rules.rules[0].body = std::move(body);
  return rules;
}

TEST(NumberRange, HoldsExactlyTheIntegersBetweenItsBounds) {
  for (const auto& [first, last] : std::vector<std::pair<int, int>>{
           {0, 0}, {0, 9}, {5, 5}, {-7, 3}, {8, 12}, {99, 101}, {-120, -99}, {1, 1000}, {37, 642}}) {
    const auto matcher =
        matcher_of(rules_of(number_range({NumberBound{Decimal(first)}, NumberBound{Decimal(last)}, true, false})));
    ASSERT_TRUE(matcher.ok());
    for (int value = -1100; value <= 1100; ++value) {
      EXPECT_EQ(whole(**matcher, std::to_string(value)), value >= first && value <= last)
          << value << " in " << first << ".." << last;
    }
    EXPECT_FALSE(whole(**matcher, "007"));
  }
}

TEST(NumberRange, HoldsExactlyTheHundredthsBetweenItsBounds) {
  for (const auto& [first, last] : std::vector<std::pair<int, int>>{
           {0, 50}, {5, 5}, {-130, 270}, {99, 101}, {-205, -199}, {120, 125}, {-7, 0}, {149, 1000}}) {
    for (const bool excluded : {false, true}) {
      const auto bound = [&](int hundredths) {
        const std::string digits = std::to_string(std::abs(hundredths) + 1000);
        return NumberBound{*Decimal::parse((hundredths < 0 ? "-" : "") + std::to_string((std::abs(hundredths)) / 100) +
                                           "." + digits.substr(2)),
                           excluded};
      };
      const Expression range = number_range({bound(first), bound(last), false, false});
      if (first == last && excluded) {
        EXPECT_TRUE(is_never(range));
        continue;
      }
      const auto matcher = matcher_of(rules_of(range));
      ASSERT_TRUE(matcher.ok());
      for (int value = -300; value <= 1100; ++value) {
        const std::string digits = std::to_string(std::abs(value) + 1000);
        const std::string text =
            (value < 0 ? "-" : "") + std::to_string(std::abs(value) / 100) + "." + digits.substr(2);
        const bool in = excluded ? value > first && value < last : value >= first && value <= last;
        EXPECT_EQ(whole(**matcher, text), in) << text << " in " << first << ".." << last << " excluded " << excluded;
      }
    }
  }
}

}  // namespace
}  // namespace mnema::grammar
