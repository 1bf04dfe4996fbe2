#include "inference/text/embedding_reader.hpp"

#include <gtest/gtest.h>

#include "inference/tokenizer/wordpiece.hpp"

namespace mnema {
namespace {

using Ids = std::vector<TokenId>;
using Longer = EmbeddingRequest::Longer;

/// [CLS] 0, [SEP] 1, [UNK] 2, a 3, b 4.
std::shared_ptr<const Tokenizer> tokenizer() {
  return *WordPieceTokenizer::from_text("[CLS]\n[SEP]\n[UNK]\na\nb\n", "small");
}

class EmbeddingReaderTest : public ::testing::Test {
 protected:
  Result<int> read(EmbeddingInput& input, Longer longer, int tokens_max = 0) {
    return EmbeddingReader(*tokenizer_, 5, longer, tokens_max).read(input, 7);
  }
  Ids ids_of(EmbeddingInput input, Longer longer = Longer::kRefuse) {
    const Result<int> cut = read(input, longer);
    EXPECT_TRUE(cut.ok()) << cut.error().text();
    return std::get<Ids>(input);
  }
  const std::shared_ptr<const Tokenizer> tokenizer_ = tokenizer();
};

TEST_F(EmbeddingReaderTest, PutsTheMarksAroundTextsAndIds) {
  EXPECT_EQ(ids_of("a b"), (Ids{0, 3, 4, 1}));
  EXPECT_EQ(ids_of(Ids{3, 4}), (Ids{0, 3, 4, 1}));
  EXPECT_EQ(ids_of(Ids{0, 3, 4, 1}), (Ids{0, 3, 4, 1})) << "they are there already";
}

TEST_F(EmbeddingReaderTest, RefusesWhatIsTooLongAndSaysHowLongItIs) {
  EXPECT_EQ(ids_of("a b a").size(), 5U);
  for (EmbeddingInput input : {EmbeddingInput("a b a b"), EmbeddingInput(Ids{3, 4, 3, 4})}) {
    const Result<int> refused = read(input, Longer::kRefuse);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kContextLengthExceeded);
    EXPECT_NE(refused.error().message.find("input 7 has 6 tokens"), std::string::npos) << refused.error().message;
  }
}

TEST_F(EmbeddingReaderTest, CutsAtTheLengthThatIsAskedForAndKeepsTheEndMark) {
  EmbeddingInput input = "a b a b";
  Result<int> cut = read(input, Longer::kCut);
  ASSERT_TRUE(cut.ok());
  EXPECT_EQ(*cut, 6);
  EXPECT_EQ(std::get<Ids>(input), (Ids{0, 3, 4, 3, 1}));
  input = "a b";
  cut = read(input, Longer::kCut, 3);
  EXPECT_EQ(*cut, 4);
  EXPECT_EQ(std::get<Ids>(input), (Ids{0, 3, 1}));
  input = "a b";
  EXPECT_EQ(*read(input, Longer::kCut, 100), 0) << "no more than the encoder takes, and nothing was cut";
}

TEST_F(EmbeddingReaderTest, RefusesIdsThatAreNone) {
  for (const Ids& ids : {Ids{}, Ids{5}, Ids{-1}, Ids{3, 1000000}}) {
    EmbeddingInput input = ids;
    const Result<int> refused = read(input, Longer::kCut);
    ASSERT_FALSE(refused.ok());
    EXPECT_EQ(refused.error().code, ErrorCode::kInvalidArgument);
  }
}

}  // namespace
}  // namespace mnema
