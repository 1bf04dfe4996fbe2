#include "memory/text_terms.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/random.hpp"
#include "runtime/utf8.hpp"

namespace mnema {
namespace {

using Terms = std::vector<std::string>;

Terms terms(std::string_view text, const std::string& language = "english") {
  return TermMaker::make(language).value().terms(text);
}

bool contains(const Terms& found, const std::string& term) {
  return std::find(found.begin(), found.end(), term) != found.end();
}

TEST(TextTerms, AreFoldedStemmedAndWithoutWordsThatSayNothing) {
  EXPECT_EQ(terms("The Connections were CONNECTED"), (Terms{"connect", "connect"}));
  EXPECT_EQ(terms("Café, naïve"), terms("cafe NAIVE"));
  EXPECT_EQ(terms("ﬁnance"), terms("finance"));
}

TEST(TextTerms, FindAnIdentifierByItsPartsAndAsAWhole) {
  const Terms found = terms("kMailboxFull");
  for (const std::string& word : terms("mailbox full kmailboxfull")) EXPECT_TRUE(contains(found, word)) << word;
}

TEST(TextTerms, CountHanAndKanaByTheCharacter) { EXPECT_EQ(terms("東京タワー"), terms("東 京 タ ワ ー")); }

TEST(TextTerms, LeaveOutWhatIsDataAndNoWord) { EXPECT_TRUE(terms(std::string(300, 'x')).empty()); }

TEST(TextTerms, FollowTheLanguage) {
  EXPECT_EQ(terms("Häuser", "german"), terms("Haus", "german"));
  const Result<TermMaker> none = TermMaker::make("klingon");
  ASSERT_FALSE(none.ok());
  EXPECT_NE(none.error().text().find("english"), std::string::npos) << "says what there is";
  EXPECT_NE(TermMaker::make("german").value().format(), TermMaker::make("english").value().format());
}

TEST(TextTerms, OfAQueryAreDistinctAndBounded) {
  const TermMaker maker = TermMaker::make("english").value();
  EXPECT_EQ(maker.distinct("cat dog cat bird", 2), (Terms{"cat", "dog"}));
}

// A term stands between quotes in an FTS5 query: whatever people write, none may hold a sign that means something
// there.
TEST(TextTerms, HoldNothingButLettersAndDigitsWhateverIsWritten) {
  const TermMaker maker = TermMaker::make("english").value();
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SeededRandom random(seed);
    std::string text;
    for (std::uint64_t left = random.below(80); left > 0; --left) text += static_cast<char>(random.below(256));
    text += "\" OR * NEAR( AND -col:^ ';--";
    for (const std::string& term : maker.terms(text)) {
      EXPECT_TRUE(is_valid_utf8(term)) << "seed " << seed;
      for (const char c : term) {
        const auto byte = static_cast<unsigned char>(c);
        EXPECT_TRUE(byte >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z'))
            << "seed " << seed << ": " << term;
      }
    }
  }
}

TEST(ValidUtf8, KeepsWhatIsTextAndMarksWhatIsNot) {
  EXPECT_EQ(valid_utf8("plain é 語 😀"), "plain é 語 😀");
  EXPECT_EQ(valid_utf8("a\xff\xfe"
                       "b"),
            "a\xEF\xBF\xBD\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(valid_utf8(std::string_view("a\0b", 3)),
            "a\xEF\xBF\xBD"
            "b");
  EXPECT_EQ(valid_utf8("cut \xe8\xaa"), "cut \xEF\xBF\xBD\xEF\xBF\xBD");
  EXPECT_EQ(valid_utf8("\xed\xa0\x80"), "\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBD") << "half a surrogate pair";
}

}  // namespace
}  // namespace mnema
