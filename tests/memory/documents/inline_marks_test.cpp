#include "memory/documents/inline_marks.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mnema {
namespace {

std::vector<std::string> words(std::string_view text) {
  std::vector<std::string> found;
  each_word_with_marks(text, [&](std::string_view word) { found.emplace_back(word); });
  return found;
}
using Words = std::vector<std::string>;

TEST(InlineMarks, AreNoEndOfTheWordThatTheyStandIn) {
  EXPECT_EQ(words("an un**believ**able un<mark>believ</mark>able, a<wbr>b ~~c~~d"),
            (Words{"unbelievable", "unbelievable", "ab", "cd"}));
  EXPECT_EQ(words("H<sub>2</sub>O and <b>cus</b>tom <a href=\"x.html\">C</a>afé"), (Words{"H2O", "custom", "Café"}));
  EXPECT_EQ(words("über**grö<i>ß</i>e**"), (Words{"übergröße"}));
}

TEST(InlineMarks, DoNotJoinWordsThatStandApart) {
  EXPECT_EQ(words("two **big** words, 2 * 3, a <b>c</b>, vector<int>x, a<b, <, ** **, x<p>y"), Words{});
  EXPECT_EQ(words(std::string(1'000, 'a') + "*b"), Words{});
  EXPECT_EQ(words("a*" + std::string(1'000, 'b') + " c*d"), (Words{"cd"}));
}

TEST(InlineMarks, TakeTimeThatGrowsWithTheText) {
  std::string hostile;
  for (int i = 0; i < 200'000; ++i) hostile += "*a<b x";
  EXPECT_EQ(words(hostile).size(), 199'999U) << "xa, xa, ...";
}

}  // namespace
}  // namespace mnema
