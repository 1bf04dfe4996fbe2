#include "inference/tokenizer/pre_tokenizer.hpp"

#include <gtest/gtest.h>

#include <string>

namespace mnema {
namespace {

using Words = std::vector<std::string_view>;

Words cut(std::string_view name, std::string_view text) {
  const Result<PreTokenizer> tokenizer = PreTokenizer::create(name);
  EXPECT_TRUE(tokenizer.ok());
  return tokenizer->words(text).value();
}

TEST(PreTokenizer, CutsAsEachModelWasTrained) {
  EXPECT_EQ(cut("gpt-2", "I'm 1234  x"), (Words{"I", "'m", " 1234", " ", " x"}));
  EXPECT_EQ(cut("smollm", "a 123"), (Words{"a", " ", "1", "2", "3"}));
  EXPECT_EQ(cut("qwen2", "I'M 123\n\nx"), (Words{"I", "'M", " ", "1", "2", "3", "\n\n", "x"}));
  EXPECT_EQ(cut("llama-bpe", "12345 a.b"), (Words{"123", "45", " a", ".b"}));
}

TEST(PreTokenizer, LosesNothing) {
  const std::string text = "  Zwölf Boxkämpfer\tjagen Viktor 😀 quer — über 12 Sylter\r\n\r\nDeiche!  ";
  for (const char* name : {"gpt-2", "smollm", "qwen2", "llama-bpe"}) {
    std::string together;
    for (const std::string_view word : cut(name, text)) {
      EXPECT_FALSE(word.empty());
      together += word;
    }
    EXPECT_EQ(together, text) << name;
  }
}

TEST(PreTokenizer, SaysWhichNamesItKnows) {
  const Result<PreTokenizer> unknown = PreTokenizer::create("tekken");
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(unknown.error().hint.find("qwen2"), std::string::npos);
}

}  // namespace
}  // namespace mnema
