#include "memory/text_terms.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"

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

TEST(TextTerms, FindAWordThatMarksOrSoftHyphensStandIn) {
  for (const char* written : {"un**believ**able", "un<mark>believ</mark>able", "un\u00ADbeliev\u00ADable"}) {
    EXPECT_TRUE(contains(terms(written), terms("unbelievable").front())) << written;
  }
  EXPECT_EQ(terms("نمی\u200Cخواهم").size(), 1U) << "a joiner ends no word";
  EXPECT_EQ(terms("a \u00AD c\u00AD"), terms("c")) << "alone it is nothing";
}

TEST(TextTerms, KeepNotButNotTheAuxiliary) {
  EXPECT_EQ(terms("Do not enter"), (Terms{"not", "enter"}));
  EXPECT_EQ(terms("You can't enter; it isn’t open. Don't."), (Terms{"not", "enter", "not", "open", "not"}));
  EXPECT_EQ(terms("can'two"), (Terms{"two"})) << "no negation";
}

TEST(TextTerms, CutJapaneseByWordAndFoldHalfWidth) {
  const Terms found = terms("東京タワーへ");
  for (const char* word : {"東京", "タワー", "東", "京"}) EXPECT_TRUE(contains(found, word)) << word;
  EXPECT_EQ(terms("ﾀﾜｰ"), terms("タワー"));
  EXPECT_EQ(terms("ＡＰＩ１２"), terms("api12"));
  EXPECT_TRUE(contains(terms("東京都"), "京")) << "a character of another word is found too";
}

TEST(TextTerms, CutScriptsWithoutBlanks) {
  for (const auto& [sentence, word] :
       {std::pair{"การประชุมจัดขึ้นทุกเดือน", "ประชุม"}, std::pair{"ທຸກຄົນມາປະຊຸມ", "ປະຊຸມ"}, std::pair{"ប្រជុំនៅថ្ងៃនេះ", "ប្រជុំ"},
        std::pair{"法定人数政策需要五个成员", "政策"}}) {
    const Terms found = terms(sentence);
    EXPECT_GE(found.size(), 3U) << sentence;
    const Terms asked = terms(word);
    ASSERT_FALSE(asked.empty());
    for (const std::string& term : asked) EXPECT_TRUE(contains(found, term)) << term << " in " << sentence;
  }
  std::string page;
  for (int i = 0; i < 2'000; ++i) page += "การประชุมจัดขึ้นทุกเดือน";
  EXPECT_GE(terms(page).size(), 8'000U) << "however long a run is";
}

TEST(TextTerms, FindAKoreanWordWhateverParticleIsWrittenOntoIt) {
  for (const char* noun : {"회의", "예산", "서버", "문서", "물", "집", "서울", "고속도로", "국가"}) {
    const Terms asked = terms(noun);
    for (const char* particle : {"에서", "에서는", "의", "도", "까지", "부터"}) {
      const Terms found = terms(std::string(noun) + particle);
      for (const std::string& term : asked) EXPECT_TRUE(contains(found, term)) << noun << particle;
    }
  }
  EXPECT_TRUE(contains(terms("회의가 열립니다"), "회의"));
  EXPECT_TRUE(contains(terms("예산을"), "예산"));
  EXPECT_TRUE(contains(terms("물이"), "물"));
  EXPECT_EQ(terms("API를"), terms("API"));
  EXPECT_EQ(terms("2025년"), (Terms{"2025", "년"}));
}

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
