#include "inference/tokenizer/spm.hpp"

#include <gtest/gtest.h>

#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace mnema {
namespace {

using testing::pieces;
using Texts = std::vector<std::string>;

class Spm : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> tokenizer_ = testing::tokenizer_of(testing::spm_file()).value();
};

TEST_F(Spm, MergesTheBestScoreFirst) {
  EXPECT_EQ(pieces(*tokenizer_, "abc"), (Texts{"abc"}));
  EXPECT_EQ(pieces(*tokenizer_, "abbc"), (Texts{"ab", "bc"}));
  EXPECT_EQ(pieces(*tokenizer_, "bcbc"), (Texts{"bc", "bc"}));
}

TEST_F(Spm, WritesBlanksAsItsOwnSignAndReadsThemBack) {
  EXPECT_EQ(pieces(*tokenizer_, "a  b"), (Texts{"a", "  ", "b"}));
  EXPECT_EQ(pieces(*tokenizer_, " a"), (Texts{" a"}));
}

TEST_F(Spm, WritesByBytesWhatHasNoToken) {
  EXPECT_EQ(pieces(*tokenizer_, "é"), (Texts{"é"}));
  EXPECT_EQ(pieces(*tokenizer_, "xé"), (Texts{"x", "é"}));
  EXPECT_EQ(pieces(*tokenizer_, "€"), (Texts{"\xe2", "\x82", "\xac"}));
  for (const std::string text : {"", " ", "日本語 ñ 😀", "tab\tnew\nline", "\x01\x7f"}) {
    EXPECT_EQ(*tokenizer_->decode(*tokenizer_->encode(text, false, false), true), text);
  }
}

TEST_F(Spm, PutsTheBeginningWhereTheFileSaysSo) {
  EXPECT_EQ(pieces(*tokenizer_, "a", true), (Texts{"<s>", "a"}));
  EXPECT_EQ(pieces(*tokenizer_, "a</s>", false, true), (Texts{"a", "</s>"}));
  EXPECT_EQ(tokenizer_->end_of_generation(), std::vector<TokenId>{2});
}

TEST_F(Spm, PutsABlankBeforeTheFirstWordAndAfterSpecialTokensWhereTheFileSaysSo) {
  const auto prefixed = testing::tokenizer_of(testing::spm_file(true)).value();
  EXPECT_EQ(pieces(*prefixed, "a"), (Texts{" a"}));
  EXPECT_EQ(pieces(*prefixed, "a<s>a", false, true), (Texts{" a", "<s>", " a"}));
}

TEST(SpmFile, IsRefusedWithoutScores) {
  testing::GgufBuilder file;
  file.string("tokenizer.ggml.model", "llama").strings("tokenizer.ggml.tokens", {"a"});
  const auto tokenizer = testing::tokenizer_of(file);
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_NE(tokenizer.error().message.find("tokenizer.ggml.scores"), std::string::npos);
}

}  // namespace
}  // namespace mnema
