#include "inference/model/encoder.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "inference/tokenizer/wordpiece.hpp"
#include "tests/inference/model/small_encoder.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

class MiniLm : public ::testing::Test {
 protected:
  void SetUp() override {
    Result<std::shared_ptr<const Tokenizer>> tokenizer =
        WordPieceTokenizer::open(testing::minilm_folder() + "/vocab.txt");
    Result<std::shared_ptr<SafetensorsFile>> file =
        SafetensorsFile::open(testing::minilm_folder() + "/model.safetensors");
    if (!tokenizer.ok() || !file.ok())
      GTEST_SKIP() << "the encoder's files are not here; run `mnema models pull all-minilm-l6-v2`";
    tokenizer_ = *tokenizer;
    Result<std::unique_ptr<Encoder>> encoder =
        Encoder::load(*EncoderWeights::of(*file), {}, best_instruction_set(), pool_);
    ASSERT_TRUE(encoder.ok()) << encoder.error().text();
    encoder_ = std::move(*encoder);
    std::ifstream stream(testing::golden("minilm.json"));
    golden_ =
        boost::json::parse(std::string((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>()));
  }
  ThreadPool pool_{2, false};
  std::shared_ptr<const Tokenizer> tokenizer_;
  std::unique_ptr<Encoder> encoder_;
  boost::json::value golden_;
};

TEST_F(MiniLm, GivesTheGoldenIdsAndVectors) {
  for (const boost::json::value& item : golden_.at("items").as_array()) {
    const std::string text(item.at("text").as_string());
    Result<std::vector<TokenId>> ids = tokenizer_->encode(text, true, false);
    ASSERT_TRUE(ids.ok());
    std::vector<TokenId> expected;
    for (const boost::json::value& id : item.at("ids").as_array())
      expected.push_back(static_cast<TokenId>(id.to_number<int>()));
    EXPECT_EQ(*ids, expected) << text;
    if (expected.size() > static_cast<std::size_t>(encoder_->tokens_max())) continue;
    const std::vector<float> vector = encoder_->encode({&expected, 1})[0];
    double dot = 0, square = 0, golden_square = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      const double golden = item.at("embedding").as_array()[i].to_number<double>();
      dot += vector[i] * golden, square += static_cast<double>(vector[i]) * vector[i], golden_square += golden * golden;
    }
    EXPECT_GE(dot / std::sqrt(square * golden_square), 0.999) << text;
    EXPECT_NEAR(square, 1, 1e-5);
  }
}

TEST_F(MiniLm, ATextHasTheSameBitsAloneAndInABatch) {
  std::vector<std::vector<TokenId>> batch;
  for (const boost::json::value& item : golden_.at("items").as_array()) {
    std::vector<TokenId> ids = *tokenizer_->encode(std::string(item.at("text").as_string()), true, false);
    ids.resize(std::min<std::size_t>(ids.size(), 256));
    batch.push_back(std::move(ids));
  }
  const std::vector<std::vector<float>> together = encoder_->encode(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) {
    const std::vector<float> alone = encoder_->encode({&batch[i], 1})[0];
    EXPECT_EQ(std::memcmp(alone.data(), together[i].data(), alone.size() * sizeof(float)), 0) << i;
  }
  const auto rows = encoder_->begin(batch);
  for (std::size_t part = 1; !encoder_->is_done(*rows); part = part % 97 + 5) {
    EXPECT_LE(encoder_->advance(*rows, part), part);
  }
  EXPECT_EQ(encoder_->vectors(*rows), together) << "in parts of any size";
}

/// The random encoder, computed by each instruction set of this processor.
class EncoderOf : public ::testing::TestWithParam<InstructionSet> {
 protected:
  void SetUp() override {
    if (GetParam() > best_instruction_set()) GTEST_SKIP() << "this processor has no " << name_of(GetParam());
    weights_ = EncoderWeights::of(*SafetensorsFile::parse(std::as_bytes(std::span(bytes_)), "small.safetensors"));
    encoder_ = load({});
    ASSERT_NE(encoder_, nullptr);
  }
  std::unique_ptr<Encoder> load(Encoder::Options options) {
    Result<std::unique_ptr<Encoder>> encoder = Encoder::load(*weights_, options, GetParam(), pool_);
    EXPECT_TRUE(encoder.ok()) << encoder.error().text();
    return encoder.ok() ? std::move(*encoder) : nullptr;
  }
  static std::vector<TokenId> ids(std::size_t count, unsigned seed) {
    std::mt19937 random(seed);
    std::vector<TokenId> made(count);
    for (TokenId& id : made) id = static_cast<TokenId>(random() % 40);
    return made;
  }
  const testing::SmallEncoder small_;
  const std::string bytes_ = small_.safetensors();
  ThreadPool pool_{2, false};
  std::shared_ptr<const EncoderWeights> weights_;
  std::unique_ptr<Encoder> encoder_;
};

TEST_P(EncoderOf, GivesEachTokenTheStateThatTheFormulasSay) {
  const std::vector<std::vector<TokenId>> batch{ids(1, 1), ids(7, 2), ids(33, 3), ids(256, 4)};
  const auto rows = encoder_->begin(batch);
  while (!encoder_->is_done(*rows)) ASSERT_GT(encoder_->advance(*rows, 40), 0U);
  const std::vector<std::vector<float>> pooled = encoder_->vectors(*rows);
  for (std::size_t text = 0; text < batch.size(); ++text) {
    const auto expected = small_.states(batch[text]);
    const std::vector<float> vectors = encoder_->token_vectors(*rows, text);
    ASSERT_EQ(vectors.size(), batch[text].size() * small_.kWidth);
    std::vector<double> mean(small_.kWidth, 0);
    for (std::size_t token = 0; token < expected.size(); ++token) {
      const float* vector = vectors.data() + token * small_.kWidth;
      EXPECT_GE(testing::cosine(vector, expected[token].data(), small_.kWidth), 0.999) << text << " " << token;
      double square = 0;
      for (std::size_t d = 0; d < small_.kWidth; ++d) square += static_cast<double>(vector[d]) * vector[d];
      EXPECT_NEAR(square, 1, 1e-5);
      for (std::size_t d = 0; d < small_.kWidth; ++d) mean[d] += expected[token][d];
    }
    EXPECT_GE(testing::cosine(pooled[text].data(), mean.data(), small_.kWidth), 0.999) << text;
  }
}

TEST_P(EncoderOf, TakesTheFirstTokensStateForTheTextsWhereItWasTrainedSo) {
  const std::unique_ptr<Encoder> first = load({.tokens_max = 512, .pooling = Pooling::kFirst});
  ASSERT_NE(first, nullptr);
  const std::vector<TokenId> text = ids(300, 5);
  const std::vector<float> vector = first->encode({&text, 1})[0];
  EXPECT_GE(testing::cosine(vector.data(), small_.states(text)[0].data(), small_.kWidth), 0.999);
}

TEST_P(EncoderOf, GivesATextTheSameBitsAloneInABatchAndInPartsOfAnySize) {
  const std::vector<std::vector<TokenId>> batch{ids(1, 1), ids(7, 2), ids(33, 3), ids(256, 4), ids(16, 5)};
  const std::vector<std::vector<float>> together = encoder_->encode(batch);
  for (std::size_t i = 0; i < batch.size(); ++i) EXPECT_EQ(encoder_->encode({&batch[i], 1})[0], together[i]) << i;
  const auto rows = encoder_->begin(batch);
  for (std::size_t part = 1; !encoder_->is_done(*rows); part = part % 97 + 5) {
    EXPECT_LE(encoder_->advance(*rows, part), part);
  }
  EXPECT_EQ(encoder_->vectors(*rows), together);
}

TEST_P(EncoderOf, RefusesMoreTokensThanThereArePositions) {
  const auto encoder = Encoder::load(*weights_, {.tokens_max = 513}, GetParam(), pool_);
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kInvalidArgument);
}

INSTANTIATE_TEST_SUITE_P(Each, EncoderOf,
                         ::testing::Values(InstructionSet::kScalar, InstructionSet::kAvx2, InstructionSet::kAvx512),
                         [](const auto& of) { return std::string(name_of(of.param)); });

Error refusal_of(const std::string& safetensors) {
  const auto file = SafetensorsFile::parse(std::as_bytes(std::span(safetensors)), "x.safetensors");
  if (!file.ok()) return file.error();
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(*EncoderWeights::of(*file), {}, InstructionSet::kScalar, pool);
  return encoder.ok() ? Error{} : encoder.error();
}

TEST(Encoder, RefusesAShapeThatHoldsNothingBeforeItTakesMemoryForIt) {
  testing::SmallEncoder small;
  small.put("encoder.layer.0.intermediate.dense.weight", std::size_t{1} << 40, 0, {});
  const Error refusal = refusal_of(small.safetensors());
  EXPECT_EQ(refusal.code, ErrorCode::kCorrupt) << refusal.text();
  EXPECT_NE(refusal.message.find("'encoder.layer.0.intermediate.dense.weight'"), std::string::npos) << refusal.text();
}

TEST(Encoder, RefusesAFileWithALayerThatHasNotAllOfItsTensors) {
  testing::SmallEncoder small;
  small.put("encoder.layer.2.output.LayerNorm.bias", 0, 1, {0});
  const Error refusal = refusal_of(small.safetensors());
  EXPECT_EQ(refusal.code, ErrorCode::kCorrupt) << "two of three layers would be another model";
  EXPECT_NE(refusal.message.find("'encoder.layer.2."), std::string::npos) << refusal.text();
  small.put("encoder.layer.99999999999.x", 0, 1, {0});
  EXPECT_EQ(refusal_of(small.safetensors()).code, ErrorCode::kCorrupt);
}

TEST(Encoder, RefusesAFileThatIsNoEncoder) {
  const std::string text = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(text.size());
  bytes += text + std::string(4, '\0');
  const auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x.safetensors");
  ASSERT_TRUE(file.ok()) << file.error().text();
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(*EncoderWeights::of(*file), {}, InstructionSet::kScalar, pool);
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
