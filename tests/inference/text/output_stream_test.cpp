#include "inference/text/output_stream.hpp"

#include <gtest/gtest.h>

#include "tests/inference/grammar/matching.hpp"

namespace mnema {
namespace {

using grammar::testing::SmallTokenizer;

/// All that a client hears of these tokens, and of each delta whether its text and its tokens agree.
struct Heard {
  std::string text;
  std::vector<TokenLogprob> logprobs;
  bool stopped = false;
  [[nodiscard]] std::string bytes() const {
    std::string all;
    for (const TokenLogprob& token : logprobs) all += token.bytes;
    return all;
  }
};

class OutputStreamTest : public ::testing::Test {
 protected:
  Heard hear(const std::vector<std::string>& tokens, std::vector<std::string> stop = {}, bool cut = false) {
    OutputStream stream(tokenizer_, std::move(stop), {});
    Heard all;
    const auto add = [&](const Delta& delta) {
      all.text += delta.text;
      all.logprobs.insert(all.logprobs.end(), delta.logprobs.begin(), delta.logprobs.end());
    };
    for (const std::string& text : tokens) {
      TokenLogprob logprob;
      logprob.id = tokenizer_->find(text);
      EXPECT_GE(logprob.id, 0) << text;
      logprob.bytes = text;
      logprob.logprob = -1;
      Delta delta;
      const bool goes_on = stream.push(logprob.id, logprob, delta);
      add(delta);
      EXPECT_EQ(all.text, all.bytes()) << "after each token";
      if (!goes_on) {
        all.stopped = true;
        break;
      }
    }
    Delta last;
    stream.finish(last, cut);
    add(last);
    return all;
  }
  const std::shared_ptr<const Tokenizer> tokenizer_ = std::make_shared<SmallTokenizer>(
      std::vector<std::string>{" four", " five", "five", " six", " ", "fi", "ve s", "\xf0\x9f", "\x98\x80", "!"});
};

TEST_F(OutputStreamTest, TellsTheSameInTextAndTokensWhereAStopStringCuts) {
  const Heard within = hear({" four", " five", " six"}, {"five"});
  EXPECT_TRUE(within.stopped);
  EXPECT_EQ(within.text, " four ");
  EXPECT_EQ(within.bytes(), " four ");
  ASSERT_EQ(within.logprobs.size(), 2U);
  EXPECT_EQ(within.logprobs[1].bytes, " ") << "the token in which it begins is cut there";
}

TEST_F(OutputStreamTest, TakesTokensBackThatTurnOutToBeAStopString) {
  for (const std::string stop : {"five s", " five s", "fi", "e s", "five"}) {
    const std::vector<std::string> tokens{" four", " ", "fi", "ve s", "!"};
    const std::string whole = " four five s!";
    const Heard all = hear(tokens, {stop});
    EXPECT_TRUE(all.stopped) << stop;
    EXPECT_EQ(all.text, whole.substr(0, whole.find(stop)));
    EXPECT_EQ(all.bytes(), all.text) << stop;
  }
}

TEST_F(OutputStreamTest, GivesWhatLookedLikeAStopStringAndWasNone) {
  const Heard all = hear({" four", " ", "fi"}, {"five"});
  EXPECT_EQ(all.text, " four fi");
  EXPECT_EQ(all.bytes(), " four fi");
}

TEST_F(OutputStreamTest, DropsACharacterThatTheEndHasCutAndKeepsTheBytesOfItsTokens) {
  for (const bool cut : {true, false}) {
    const Heard all = hear({" four", "\xf0\x9f"}, {}, cut);
    EXPECT_EQ(all.text, " four");
    EXPECT_EQ(all.bytes(), " four\xf0\x9f");
  }
  EXPECT_EQ(hear({" four", "\xf0\x9f", "\x98\x80"}).text, " four\xf0\x9f\x98\x80");
  EXPECT_EQ(hear({" four", "\xc3"}, {}, true).text, " four");
}

TEST_F(OutputStreamTest, DropsACharacterThatAStopStringHasCut) {
  const Heard all = hear({" four", "\xf0\x9f", "five"}, {"five"});
  EXPECT_TRUE(all.stopped);
  EXPECT_EQ(all.text, " four");
}

TEST_F(OutputStreamTest, TakesBytesThatAreNoCharacterForOneEach) {
  OutputStream stream(tokenizer_, {}, {});
  Delta delta;
  static_cast<void>(stream.push(tokenizer_->find("\xf0\x9f"), std::nullopt, delta));
  static_cast<void>(stream.push(tokenizer_->find("!"), std::nullopt, delta));
  stream.finish(delta, false);
  EXPECT_EQ(delta.text, "\xEF\xBF\xBD\xEF\xBF\xBD!");
}

}  // namespace
}  // namespace mnema
