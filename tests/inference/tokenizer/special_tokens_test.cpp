#include "inference/tokenizer/special_tokens.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/base/random.hpp"
#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace mnema {
namespace {

using Pieces = std::vector<std::pair<std::string, TokenId>>;

class SpecialTokensOf : public ::testing::Test {
 protected:
  SpecialTokensOf() {
    const std::vector<std::byte> bytes =
        testing::GgufBuilder()
            .strings("tokenizer.ggml.tokens", {"ordinary", "<a>", "<a><b>", "<c>", "<b><c>", ""})
            .integers("tokenizer.ggml.token_type", {1, 3, 3, 4, 4, 3})
            .build();
    vocabulary_ =
        std::make_unique<Vocabulary>(Vocabulary::from_gguf(*GgufFile::parse(bytes, "small.gguf").value()).value());
  }
  Pieces split(std::string_view text, bool parse_special) const {
    Pieces out;
    for (const TextPiece& piece : SpecialTokens(*vocabulary_).split(text, parse_special))
      out.emplace_back(piece.text, piece.id);
    return out;
  }
  std::unique_ptr<const Vocabulary> vocabulary_;
};

TEST_F(SpecialTokensOf, AreTakenWholeAndNothingIsEmpty) {
  EXPECT_EQ(split("x<a>y", true), (Pieces{{"x", -1}, {"<a>", 1}, {"y", -1}}));
  EXPECT_EQ(split("<a>", true), (Pieces{{"<a>", 1}}));
  EXPECT_EQ(split("", true), Pieces{});
  EXPECT_EQ(split("ordinary", true), (Pieces{{"ordinary", -1}}));
}

TEST_F(SpecialTokensOf, GoToTheLongerThenToTheOneFurtherLeft) {
  EXPECT_EQ(split("<a><b>", true), (Pieces{{"<a><b>", 2}}));
  EXPECT_EQ(split("<a><b><c>", true), (Pieces{{"<a><b>", 2}, {"<c>", 3}}));
}

TEST_F(SpecialTokensOf, AreTextWhereControlTokensAreNotAskedFor) {
  EXPECT_EQ(split("<a><c>", false), (Pieces{{"<a>", -1}, {"<c>", 3}}));
  EXPECT_EQ(split("<a><b><c>", false), (Pieces{{"<a>", -1}, {"<b><c>", 4}}));
}

/// The rule, as a person would apply it: the longest token first, over the whole text, then the next.
Pieces by_the_rule(std::string_view text, std::vector<std::pair<std::string, TokenId>> tokens) {
  std::stable_sort(tokens.begin(), tokens.end(),
                   [](const auto& a, const auto& b) { return a.first.size() > b.first.size(); });
  Pieces pieces{{std::string(text), -1}};
  for (std::size_t first = 0; first < tokens.size();) {
    std::size_t last = first;  // tokens of one length compete for the place further left
    while (last < tokens.size() && tokens[last].first.size() == tokens[first].first.size()) ++last;
    Pieces cut;
    for (const auto& [piece, id] : pieces) {
      if (id >= 0) {
        cut.emplace_back(piece, id);
        continue;
      }
      std::size_t done = 0;
      for (std::size_t at = 0; at < piece.size();) {
        const auto token = std::find_if(tokens.begin() + static_cast<std::ptrdiff_t>(first),
                                        tokens.begin() + static_cast<std::ptrdiff_t>(last),
                                        [&](const auto& t) { return piece.compare(at, t.first.size(), t.first) == 0; });
        if (token == tokens.begin() + static_cast<std::ptrdiff_t>(last)) {
          ++at;
          continue;
        }
        if (at > done) cut.emplace_back(piece.substr(done, at - done), -1);
        cut.emplace_back(token->first, token->second);
        done = at += token->first.size();
      }
      if (done < piece.size()) cut.emplace_back(piece.substr(done), -1);
    }
    pieces = std::move(cut);
    first = last;
  }
  if (pieces.size() == 1 && pieces[0].first.empty()) pieces.clear();
  return pieces;
}

TEST(SpecialTokens, FollowTheRuleOnTextsThatOverlapThemEverywhere) {
  const std::vector<std::pair<std::string, TokenId>> tokens{{"a", 0},  {"ab", 1},  {"ba", 2},  {"aba", 3},
                                                            {"bb", 4}, {"aaa", 5}, {"cab", 6}, {"bcab", 7}};
  std::vector<std::string> texts;
  for (const auto& [text, id] : tokens) texts.push_back(text);
  const std::vector<std::byte> bytes = testing::GgufBuilder()
                                           .strings("tokenizer.ggml.tokens", texts)
                                           .integers("tokenizer.ggml.token_type", {4, 3, 4, 3, 4, 3, 4, 4})
                                           .build();
  const Vocabulary vocabulary = Vocabulary::from_gguf(*GgufFile::parse(bytes, "small.gguf").value()).value();
  const SpecialTokens special(vocabulary);
  SeededRandom random(7);
  for (int round = 0; round < 3000; ++round) {
    std::string text;
    for (std::uint64_t length = random.below(24); text.size() < length;) text += "abc"[random.below(3)];
    for (const bool parse_special : {true, false}) {
      std::vector<std::pair<std::string, TokenId>> counting;
      for (const auto& token : tokens) {
        if (parse_special || vocabulary.kind(token.second) == TokenKind::kUserDefined) counting.push_back(token);
      }
      Pieces pieces;
      for (const TextPiece& piece : special.split(text, parse_special)) pieces.emplace_back(piece.text, piece.id);
      ASSERT_EQ(pieces, by_the_rule(text, counting)) << text;
    }
  }
}

TEST(SpecialTokens, AreFoundInLongRunsWithATokenForEachLength) {
  std::vector<std::string> texts;
  for (std::size_t length = 1; length <= 31; ++length) texts.emplace_back(length, '\n');
  for (int number = 0; number < 6000; ++number) texts.push_back("<unused" + std::to_string(number) + ">");
  const std::vector<std::byte> bytes =
      testing::GgufBuilder()
          .strings("tokenizer.ggml.tokens", texts)
          .integers("tokenizer.ggml.token_type", std::vector<std::int32_t>(texts.size(), 4))
          .build();
  const Vocabulary vocabulary = Vocabulary::from_gguf(*GgufFile::parse(bytes, "small.gguf").value()).value();
  const SpecialTokens special(vocabulary);
  // Whoever looks each of them up at each place is still at it when the test's time is over.
  const std::vector<TextPiece> breaks = special.split(std::string(1 << 20, '\n'), false);
  EXPECT_EQ(breaks.size(), (1U << 20) / 31 + 1);
  const std::string angles(1 << 20, '<');
  EXPECT_EQ(special.split(angles, false).size(), 1U);
}

}  // namespace
}  // namespace mnema
