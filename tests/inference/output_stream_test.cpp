#include "inference/output_stream.hpp"

#include <gtest/gtest.h>

#include "runtime/utf8.hpp"
#include "tests/inference/piece_tokenizer.hpp"

namespace mnema {
namespace {

using testing::PieceTokenizer;

struct Heard {
  std::string text, reasoning;
  std::vector<ToolCall> calls;
  std::size_t tokens_taken = 0;
};

/// What comes out when a model writes `pieces`, one token each. Every delta must be whole characters.
Heard heard(const std::vector<std::string>& pieces, std::vector<std::string> stop, OutputParser::Options parser = {}) {
  OutputStream stream(std::make_shared<PieceTokenizer>(pieces), std::move(stop), std::move(parser));
  Heard all;
  const auto add = [&all](const Delta& delta) {
    EXPECT_TRUE(is_valid_utf8(delta.text)) << "half a character came out";
    EXPECT_TRUE(is_valid_utf8(delta.reasoning));
    all.text += delta.text;
    all.reasoning += delta.reasoning;
  };
  for (TokenId id = 0; id < static_cast<TokenId>(pieces.size()); ++id) {
    Delta delta;
    ++all.tokens_taken;
    const bool goes_on = stream.push(id, delta);
    add(delta);
    if (!goes_on) break;
  }
  Delta last;
  stream.finish(last);
  add(last);
  all.calls = stream.calls();
  return all;
}

/// `text` in three pieces, cut at every pair of bytes.
template <class Check>
void at_every_split(const std::string& text, const Check& check) {
  for (std::size_t first = 0; first <= text.size(); ++first) {
    for (std::size_t second = first; second <= text.size(); ++second) {
      check({text.substr(0, first), text.substr(first, second - first), text.substr(second)});
      if (::testing::Test::HasFailure()) return;
    }
  }
}

TEST(OutputStream, GivesWholeCharactersHoweverTheTokensCutThem) {
  const std::string text = "aé中🙂z";
  at_every_split(text, [&](const std::vector<std::string>& pieces) { EXPECT_EQ(heard(pieces, {}).text, text); });
}

TEST(OutputStream, MeetsAStopStringAcrossTokenBordersAndGivesNothingOfIt) {
  at_every_split("one é STOP two",
                 [](const std::vector<std::string>& pieces) { EXPECT_EQ(heard(pieces, {"STOP"}).text, "one é "); });
}

TEST(OutputStream, TheFirstOfSeveralStopStringsCounts) {
  at_every_split("ab;cd\n\nef", [](const std::vector<std::string>& pieces) {
    EXPECT_EQ(heard(pieces, {"\n\n", "ef", ";c"}).text, "ab");
  });
}

TEST(OutputStream, WhatOnlyBeganLikeAStopStringComesOut) {
  at_every_split("a STO b ST", [](const std::vector<std::string>& pieces) {
    const Heard all = heard(pieces, {"STOP"});
    EXPECT_EQ(all.text, "a STO b ST");
    EXPECT_EQ(all.tokens_taken, pieces.size());
  });
}

TEST(OutputStream, AStopStringThatOverlapsItselfIsFound) {
  at_every_split("xaabaabaaby",
                 [](const std::vector<std::string>& pieces) { EXPECT_EQ(heard(pieces, {"aabaaby"}).text, "xaab"); });
}

TEST(OutputStream, AStopStringOfSeveralBytesPerCharacterIsFound) {
  at_every_split("ab中文cd",
                 [](const std::vector<std::string>& pieces) { EXPECT_EQ(heard(pieces, {"文c"}).text, "ab中"); });
}

TEST(OutputStream, TakesNoTokenAfterTheStopString) {
  const Heard all = heard({"a", "b", "c", "d"}, {"bc"});
  EXPECT_EQ(all.text, "a");
  EXPECT_EQ(all.tokens_taken, 3U);
}

TEST(OutputStream, AnEmptyStopStringStopsNothing) { EXPECT_EQ(heard({"a", "b"}, {""}).text, "ab"); }

TEST(OutputStream, BytesThatAreNoCharacterBecomeTheReplacementCharacter) {
  EXPECT_EQ(heard({"a\xff", "b"}, {}).text,
            "a\xef\xbf\xbd"
            "b");
  EXPECT_EQ(heard({"a\xe4\xb8"}, {}).text.substr(0, 4), "a\xef\xbf\xbd") << "cut off within a character";
}

TEST(OutputStream, TakesReasoningCallsAndStopApartAtEverySplit) {
  OutputParser::Options parser;
  parser.reasoning = parser.tool_calls = true;
  parser.call_id_prefix = "call_";
  const std::string call = "<tool_call>\n{\"name\": \"f\", \"arguments\": {\"é\": 1}}\n</tool_call>";
  at_every_split("<think>é?</think>Ja. " + call + " END x", [&](const std::vector<std::string>& pieces) {
    const Heard all = heard(pieces, {"END"}, parser);
    EXPECT_EQ(all.reasoning, "é?");
    EXPECT_EQ(all.text.substr(0, 4), "Ja. ");
    ASSERT_EQ(all.calls.size(), 1U);
    EXPECT_EQ(all.calls[0].arguments, "{\"é\": 1}");
  });
}

}  // namespace
}  // namespace mnema
