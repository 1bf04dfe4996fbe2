#include "runtime/base/code_points.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(CodePoints, SetsAreSortedMergedAndTakenFromOneAnother) {
  EXPECT_EQ(normalised({{5, 9}, {1, 3}, {4, 4}, {20, 30}}), (CodePointRanges{{1, 9}, {20, 30}}));
  EXPECT_EQ(subtract({{0, 10}, {12, 20}}, {{3, 4}, {9, 15}}), (CodePointRanges{{0, 2}, {5, 8}, {16, 20}}));
  EXPECT_EQ(subtract({{0, 3}}, {{0, 3}}), CodePointRanges{});
  EXPECT_EQ(all_code_points_but({{'a', kCodePointMax}}), (CodePointRanges{{0, '`'}}));
}

TEST(CodePoints, PropertiesHaveTheirCharacters) {
  const auto has = [](std::string_view property, std::uint32_t c) {
    const auto ranges = unicode_property(property);
    return ranges && subtract({{c, c}}, *ranges).empty();
  };
  EXPECT_TRUE(has("L", 0xe9));
  EXPECT_TRUE(has("Letter", 'a'));
  EXPECT_TRUE(has("gc=Lu", 'A'));
  EXPECT_FALSE(has("Lu", 'a'));
  EXPECT_TRUE(has("Script=Greek", 0x3a9));
  EXPECT_TRUE(has("Nd", 0x663));
  EXPECT_FALSE(unicode_property("Nonsense"));
  EXPECT_FALSE(unicode_property("L}\\p{N"));
}

TEST(CodePoints, Utf8GoesThereAndBack) {
  const std::string text = "a\u00e9\u65e5\U0001f600";
  const auto decoded = decode_utf8(text);
  ASSERT_TRUE(decoded);
  EXPECT_EQ(*decoded, U"a\u00e9\u65e5\U0001f600");
  std::string again;
  for (const char32_t c : *decoded) append_utf8(again, c);
  EXPECT_EQ(again, text);
  EXPECT_FALSE(decode_utf8("\xff"));
}

}  // namespace
}  // namespace mnema
