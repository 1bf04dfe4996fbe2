#include "runtime/base/utf8.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(Utf8, AcceptsEveryLengthOfCharacter) {
  EXPECT_TRUE(is_valid_utf8(""));
  EXPECT_TRUE(is_valid_utf8("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80"));
  EXPECT_TRUE(is_valid_utf8("\xed\x9f\xbf\xf4\x8f\xbf\xbf"));
}

TEST(Utf8, SaysWhereItStopsBeingValid) {
  EXPECT_EQ(valid_utf8_prefix("ab\xff"), 2U);
  EXPECT_EQ(valid_utf8_prefix("ab\xc3"), 2U);
  EXPECT_EQ(valid_utf8_prefix("\xc0\x80"), 0U);          // overlong
  EXPECT_EQ(valid_utf8_prefix("x\xe0\x80\x80"), 1U);     // overlong
  EXPECT_EQ(valid_utf8_prefix("\xed\xa0\x80"), 0U);      // surrogate
  EXPECT_EQ(valid_utf8_prefix("\xf4\x90\x80\x80"), 0U);  // above U+10FFFF
  EXPECT_EQ(valid_utf8_prefix("\x80"), 0U);
}

TEST(Utf8, PutsOneReplacementForEachByteThatBelongsToNoCharacter) {
  EXPECT_EQ(to_utf8("a\xc3\xa9"), "a\xc3\xa9");
  EXPECT_EQ(to_utf8("a\xff\x80"
                    "b\xe2\x82"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b\xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(to_utf8(""), "");
}

}  // namespace
}  // namespace mnema
