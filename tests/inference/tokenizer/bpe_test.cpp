#include "inference/tokenizer/bpe.hpp"

#include <gtest/gtest.h>

#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace mnema {
namespace {

using testing::pieces;
using Texts = std::vector<std::string>;

class Bpe : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> tokenizer_ = testing::tokenizer_of(testing::bpe_file()).value();
};

TEST_F(Bpe, MergesTheEarliestRuleFirstAndLeftBeforeRight) {
  EXPECT_EQ(pieces(*tokenizer_, "hello"), (Texts{"hello"}));
  EXPECT_EQ(pieces(*tokenizer_, "hell"), (Texts{"hell"}));
  EXPECT_EQ(pieces(*tokenizer_, "aaaa"), (Texts{"aa", "aa"}));
  EXPECT_EQ(pieces(*tokenizer_, "aaa"), (Texts{"aaa"}));
  EXPECT_EQ(pieces(*tokenizer_, "aaaaa"), (Texts{"aa", "aaa"}));
}

TEST_F(Bpe, NeverMergesAcrossWords) { EXPECT_EQ(pieces(*tokenizer_, "he llo"), (Texts{"he", " ", "ll", "o"})); }

TEST_F(Bpe, SaysEveryTextByItsBytes) {
  EXPECT_EQ(pieces(*tokenizer_, "é"), (Texts{"é"}));
  EXPECT_EQ(pieces(*tokenizer_, "€"), (Texts{"\xe2", "\x82", "\xac"}));
  for (const std::string text : {"", " ", "\n\n\t x", "日本語 ñ 😀", "it's 12345 o'clock", "\x01\x7f"}) {
    EXPECT_EQ(*tokenizer_->decode(*tokenizer_->encode(text, false, false), true), text);
  }
}

TEST_F(Bpe, TakesUserDefinedTokensAlwaysAndControlTokensWhenAsked) {
  EXPECT_EQ(pieces(*tokenizer_, "a<tool>b"), (Texts{"a", "<tool>", "b"}));
  EXPECT_EQ(pieces(*tokenizer_, "a<|end|>", false, true), (Texts{"a", "<|end|>"}));
  EXPECT_EQ(pieces(*tokenizer_, "a<|end|>").size(), 8U);
}

TEST_F(Bpe, RefusesInvalidUtf8AndSaysAtWhichByte) {
  const auto ids = tokenizer_->encode("ab\xc3(", false, false);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(ids.error().message.find("byte 2"), std::string::npos);
}

TEST(BpeFile, IsRefusedWithoutMergesOrWithOneThatIsNoPair) {
  testing::GgufBuilder none;
  none.string("tokenizer.ggml.model", "gpt2")
      .string("tokenizer.ggml.pre", "qwen2")
      .strings("tokenizer.ggml.tokens", {"a"});
  EXPECT_EQ(testing::tokenizer_of(none).error().code, ErrorCode::kCorrupt);
  none.strings("tokenizer.ggml.merges", {"a b", "ab"});
  const auto broken = testing::tokenizer_of(none);
  ASSERT_FALSE(broken.ok());
  EXPECT_NE(broken.error().message.find("merge 1"), std::string::npos) << broken.error().text();
}

TEST(BpeFile, IsRefusedWithAPreTokenizerThatIsNotKnown) {
  const auto unknown = testing::tokenizer_of(testing::bpe_file("tekken"));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(unknown.error().message.find("tekken"), std::string::npos);
}

}  // namespace
}  // namespace mnema
