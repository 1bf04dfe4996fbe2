#include "inference/tokenizer/special_tokens.hpp"

#include <gtest/gtest.h>

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

}  // namespace
}  // namespace mnema
