#include <gtest/gtest.h>

#include <cmath>

#include "inference/loading/model_loader.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

/// The encoder as an engine has it.
class CpuTextEncoder : public ::testing::Test {
 protected:
  void SetUp() override {
    options_.threads = 2;
    loader_ = cpu_model_loader(options_, limits_);
    const Result<ModelFile> file = loader_->locate("all-minilm-l6-v2");
    if (!file.ok()) GTEST_SKIP() << "the encoder's files are not here; run `mnema models pull all-minilm-l6-v2`";
    Result<std::unique_ptr<ModelCompute>> compute = loader_->load_compute(*file);
    ASSERT_TRUE(compute.ok()) << compute.error().text();
    compute_ = std::move(*compute);
  }
  struct Made {
    std::vector<std::vector<float>> vectors;
    int tokens = 0;
    std::vector<TokenVectors> token_vectors;
  };
  Made embed(const std::vector<EmbeddingInput>& inputs, std::size_t rows_max = 64, EncodingOptions options = {}) {
    const std::unique_ptr<Encoding> encoding = std::move(*compute_->encoder->begin(inputs, options));
    while (!encoding->done()) EXPECT_GT(encoding->advance(rows_max), 0U);
    EXPECT_EQ(encoding->advance(rows_max), 0U);
    return {encoding->take_vectors(), encoding->tokens(), encoding->take_token_vectors()};
  }
  static std::string words(int count, const std::string& last) {
    std::string text;
    for (int i = 1; i < count; ++i) text += i % 3 == 0 ? "payment " : i % 3 == 1 ? "failed " : "again ";
    return text + last;
  }
  const Limits limits_;
  EngineOptions options_;
  std::shared_ptr<ModelLoader> loader_;
  std::unique_ptr<ModelCompute> compute_;
};

double dot(const std::vector<float>& a, const std::vector<float>& b) {
  double sum = 0;
  for (std::size_t i = 0; i < a.size(); ++i) sum += static_cast<double>(a[i]) * b[i];
  return sum;
}

TEST_F(CpuTextEncoder, NoPartOfALongTextIsWithoutWeightInItsVector) {
  for (const int count : {300, 3000}) {
    const Made one = embed({words(count, "bananas")}), other = embed({words(count, "elephants")});
    EXPECT_LT(dot(one.vectors[0], other.vectors[0]), 1 - 1e-6) << count << " words that differ in the last one";
    EXPECT_NEAR(dot(one.vectors[0], one.vectors[0]), 1, 1e-5);
    EXPECT_GE(one.tokens, count) << "all of it was read";
  }
}

TEST_F(CpuTextEncoder, ATextHasTheSameBitsBesideLongOnesAndHoweverItIsCut) {
  const std::vector<EmbeddingInput> inputs{"The payment failed.", words(900, "bananas"), "Bananas are yellow."};
  const Made together = embed(inputs);
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    EXPECT_EQ(embed({inputs[i]}).vectors[0], together.vectors[i]) << i;
  }
  EXPECT_EQ(embed(inputs, 1'000'000).vectors, together.vectors);
}

TEST_F(CpuTextEncoder, TakesIdsForTheTextThatTheyAreOf) {
  const std::shared_ptr<const ModelText> text = *loader_->load_text(*loader_->locate("all-minilm-l6-v2"));
  const std::vector<TokenId> ids = *text->tokenizer->encode("The payment failed.", true, false);
  EXPECT_EQ(embed({ids}).vectors, embed({"The payment failed."}).vectors);
  EXPECT_EQ(embed({ids}).tokens, static_cast<int>(ids.size()));
}

TEST_F(CpuTextEncoder, GivesTheVectorsOfATextsTokensBesideItsOwn) {
  const std::vector<EmbeddingInput> inputs{"The payment failed.", words(900, "bananas"), ""};
  const Made plain = embed(inputs), made = embed(inputs, 64, {.token_vectors = true});
  EXPECT_EQ(made.vectors, plain.vectors);
  EXPECT_TRUE(plain.token_vectors.empty());
  ASSERT_EQ(made.token_vectors.size(), inputs.size());
  for (std::size_t i = 0; i < inputs.size(); ++i) {
    const std::string& text = std::get<std::string>(inputs[i]);
    const TokenVectors& of_text = made.token_vectors[i];
    ASSERT_EQ(of_text.vectors.size(), of_text.tokens.ids.size() * 384) << i;
    EXPECT_EQ(of_text.tokens.spans.size(), of_text.tokens.ids.size());
    for (const TokenSpan& span : of_text.tokens.spans) EXPECT_TRUE(span.begin < span.end && span.end <= text.size());
    for (std::size_t at = 0; at < of_text.vectors.size(); at += 384) {
      double square = 0;
      for (std::size_t d = 0; d < 384; ++d) square += of_text.vectors[at + d] * of_text.vectors[at + d];
      EXPECT_NEAR(square, 1, 1e-4);
    }
  }
  EXPECT_EQ(made.token_vectors[1].tokens.ids.size(), 900U) << "of all parts of a long text, no marks among them";
  const std::vector<TokenId> ids = *(*loader_->load_text(*loader_->locate("all-minilm-l6-v2")))
                                        ->tokenizer->encode("The payment failed.", true, false);
  const Made of_ids = embed({ids}, 64, {.token_vectors = true});
  EXPECT_EQ(of_ids.token_vectors[0].vectors, made.token_vectors[0].vectors);
  EXPECT_EQ(of_ids.token_vectors[0].tokens.ids, made.token_vectors[0].tokens.ids);
}

}  // namespace
}  // namespace mnema
