#include "inference/model/encoder.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cstring>
#include <fstream>
#include <iterator>

#include "inference/tokenizer/wordpiece.hpp"
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
    Result<std::unique_ptr<Encoder>> encoder = Encoder::load(**file, best_instruction_set(), pool_);
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
    EXPECT_GE(dot / std::sqrt(square * golden_square), 0.99999) << text;
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

TEST(Encoder, RefusesAFileThatIsNoEncoder) {
  const std::string text = R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})";
  std::string bytes(8, '\0');
  bytes[0] = static_cast<char>(text.size());
  bytes += text + std::string(4, '\0');
  const auto file = SafetensorsFile::parse(std::as_bytes(std::span(bytes)), "x.safetensors");
  ASSERT_TRUE(file.ok()) << file.error().text();
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(**file, InstructionSet::kScalar, pool);
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
