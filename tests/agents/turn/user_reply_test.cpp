#include "agents/turn/user_reply.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(UserReply, IsACorrectionWherePeopleSayThatItWasWrong) {
  for (const char* text : {"No, the other one", "that’s wrong!", " Undo that please", "I meant order 5", "Nope."}) {
    EXPECT_TRUE(is_correction(text, "It is refunded.")) << text;
  }
  for (const char* text : {"Nobody knows", "Notify Anna", "Now refund it", "", "What is wrong with it?"}) {
    EXPECT_FALSE(is_correction(text, "It is refunded.")) << text;
  }
}

TEST(UserReply, IsNoCorrectionWhereANoAnswersAQuestionOrComesWithThanks) {
  EXPECT_FALSE(is_correction("No, thanks.", "It is refunded."));
  EXPECT_FALSE(is_correction("No. That's all.", "It is refunded."));
  EXPECT_FALSE(is_correction("No, only the first one.", "It is refunded. Shall I do the second, too?"));
  EXPECT_TRUE(is_correction("That's wrong", "Anything else?")) << "not a word that answers";
}

TEST(UserReply, IsAnAnswerBehindAQuestionOrWhereItBeginsLikeOne) {
  EXPECT_TRUE(is_answer("Number 17", "Which order do you mean?"));
  EXPECT_TRUE(is_answer("Number 17", "Which order do you mean? "));
  for (const char* text : {"Yes, please go ahead", "ok", "Sure!", "No", "Go ahead.", "Do it"}) {
    EXPECT_TRUE(is_answer(text, "I will refund it when you confirm.")) << text;
  }
  for (const char* text : {"Please refund order A-17", "Yesterday's order is late", "Okra is out of stock", ""}) {
    EXPECT_FALSE(is_answer(text, "It is refunded.")) << text;
  }
  EXPECT_FALSE(is_answer("Please refund order A-17", ""));
}

}  // namespace
}  // namespace mnema
