#include "inference/tokenizer/vocabulary.hpp"

#include <gtest/gtest.h>

#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace mnema {
namespace {

using testing::GgufBuilder;

Result<Vocabulary> read(const GgufBuilder& builder) {
  const std::vector<std::byte> bytes = builder.build();
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> file, GgufFile::parse(bytes, "small.gguf"));
  return Vocabulary::from_gguf(*file);
}

GgufBuilder three_tokens() {
  GgufBuilder file;
  file.string("tokenizer.ggml.model", "gpt2").strings("tokenizer.ggml.tokens", {"a", "<|im_end|>", "</s>"});
  return file;
}

void expect_corrupt(const GgufBuilder& file, const std::string& key) {
  const Result<Vocabulary> vocabulary = read(file);
  ASSERT_FALSE(vocabulary.ok());
  EXPECT_EQ(vocabulary.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(vocabulary.error().message.find(key), std::string::npos) << vocabulary.error().text();
}

TEST(Vocabulary, IsRefusedWithAKeyMissingShortOrOutOfRange) {
  expect_corrupt(GgufBuilder(), "tokenizer.ggml.tokens");
  expect_corrupt(GgufBuilder().strings("tokenizer.ggml.tokens", {}), "tokenizer.ggml.tokens");
  expect_corrupt(three_tokens().integers("tokenizer.ggml.token_type", {1, 1}), "tokenizer.ggml.token_type");
  expect_corrupt(three_tokens().numbers("tokenizer.ggml.scores", {1}), "tokenizer.ggml.scores");
  expect_corrupt(three_tokens().integer("tokenizer.ggml.bos_token_id", 3), "tokenizer.ggml.bos_token_id");
  expect_corrupt(three_tokens().integer("tokenizer.ggml.eos_token_id", 1000), "tokenizer.ggml.eos_token_id");
}

TEST(Vocabulary, TakesAMissingOrUnsetRoleAsNone) {
  EXPECT_EQ(read(three_tokens())->beginning, -1);
  EXPECT_EQ(read(three_tokens().integer("tokenizer.ggml.bos_token_id", UINT32_MAX))->beginning, -1);
}

TEST(Vocabulary, EndsATurnWithEveryTokenThatDoesAlthoughTheFileNamesOne) {
  const Result<Vocabulary> vocabulary =
      read(three_tokens().integers("tokenizer.ggml.token_type", {1, 3, 3}).integer("tokenizer.ggml.eos_token_id", 2));
  EXPECT_EQ(vocabulary->end_of_generation, (std::vector<TokenId>{2, 1}));
}

TEST(Vocabulary, DoesNotEndATurnWithAnOrdinaryTokenThatLooksLikeAnEnd) {
  EXPECT_TRUE(read(three_tokens().integers("tokenizer.ggml.token_type", {1, 1, 1}))->end_of_generation.empty());
}

TEST(Vocabulary, FindsTheFirstOfEqualTexts) {
  const Result<Vocabulary> vocabulary = read(GgufBuilder().strings("tokenizer.ggml.tokens", {"x", "y", "x"}));
  EXPECT_EQ(vocabulary->find("x"), 0);
  EXPECT_EQ(vocabulary->find("z"), -1);
}

}  // namespace
}  // namespace mnema
