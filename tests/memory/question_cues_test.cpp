#include "memory/question_cues.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

Time on(int year, unsigned month, unsigned day) {
  return std::chrono::sys_days(std::chrono::year(year) / static_cast<int>(month) / static_cast<int>(day));
}

TEST(QuestionCues, KnowTheDateThatAQuestionNames) {
  const QuestionCues whole = cues_of_question("What did Ann bake on 5 March, 2023?");
  EXPECT_EQ(whole.year, 2023);
  EXPECT_EQ(whole.month, 3U);
  EXPECT_EQ(whole.day, 5U);
  EXPECT_EQ(cues_of_question("the 21st of October").day, 21U);
  EXPECT_EQ(cues_of_question("on July 3rd").day, 3U);
  EXPECT_EQ(cues_of_question("in June 2021").day, std::nullopt) << "a year is no day";
  EXPECT_FALSE(cues_of_question("When did Ann bake 12 cakes?").names_time());
}

TEST(QuestionCues, TellTheMonthFromTheVerbMay) {
  EXPECT_EQ(cues_of_question("What happened in May?").month, 5U);
  EXPECT_EQ(cues_of_question("on May 4").month, 5U);
  EXPECT_EQ(cues_of_question("What may Ann like?").month, std::nullopt);
  EXPECT_EQ(cues_of_question("may I ask you").month, std::nullopt);
}

TEST(QuestionCues, KnowWhatIsAskedFor) {
  EXPECT_TRUE(cues_of_question("When did it start?").asks_when);
  EXPECT_TRUE(cues_of_question("Which year was it?").asks_when);
  EXPECT_TRUE(cues_of_question("How long ago was that?").asks_when);
  EXPECT_FALSE(cues_of_question("What did Ann do when Bob came?").asks_when);
  EXPECT_TRUE(cues_of_question("How many cats are there?").asks_number);
  EXPECT_TRUE(cues_of_question("What is my dog's name?").about_asker);
  EXPECT_FALSE(cues_of_question("").about_asker);
}

TEST(QuestionCues, MatchADateByDayByMonthAndByYear) {
  const QuestionCues day = cues_of_question("on 5 March 2023");
  EXPECT_EQ(date_match(day, on(2023, 3, 6)), 2);
  EXPECT_EQ(date_match(day, on(2023, 3, 11)), 1.5);
  EXPECT_EQ(date_match(day, on(2023, 3, 30)), 1);
  EXPECT_EQ(date_match(day, on(2022, 3, 5)), 0);
  const QuestionCues end = cues_of_question("on 30 March 2023");
  EXPECT_EQ(date_match(end, on(2023, 4, 2)), 0.7) << "told a few days later";
  EXPECT_EQ(date_match(cues_of_question("in March"), on(2019, 3, 1)), 1);
  EXPECT_EQ(date_match(cues_of_question("in March"), on(2019, 4, 2)), 0.3);
  EXPECT_EQ(date_match(cues_of_question("in 2019"), on(2019, 4, 2)), 0.5);
  EXPECT_EQ(date_match(cues_of_question("who?"), on(2019, 4, 2)), 0);
}

TEST(QuestionCues, SayWithinWhichTimesADateWasTold) {
  const auto month = told_within(cues_of_question("in December 2022"));
  ASSERT_TRUE(month);
  EXPECT_EQ(month->from, on(2022, 12, 1));
  EXPECT_EQ(month->to, on(2023, 1, 11));
  EXPECT_FALSE(told_within(cues_of_question("in December"))) << "of any year";
}

TEST(TurnCues, KnowAQuestionWhateverStandsInBracketsBehindIt) {
  const TurnCues turn = cues_of_turn("Did you see 3 of them yesterday? [photo: two cats]");
  EXPECT_TRUE(turn.asks);
  EXPECT_TRUE(turn.has_photo);
  EXPECT_TRUE(turn.has_number);
  EXPECT_TRUE(turn.tells_time);
  EXPECT_EQ(turn.words, 10);
  const TurnCues told = cues_of_turn("I saw them. Did you? No.");
  EXPECT_FALSE(told.asks);
  EXPECT_FALSE(told.has_photo);
  EXPECT_FALSE(cues_of_turn("[sic]").has_photo);
  EXPECT_EQ(cues_of_turn("").words, 0);
}

}  // namespace
}  // namespace mnema
