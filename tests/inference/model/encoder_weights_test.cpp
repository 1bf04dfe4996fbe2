#include "inference/model/encoder_weights.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

#include "inference/model/encoder.hpp"
#include "tests/inference/model/small_encoder.hpp"

namespace mnema {
namespace {

using testing::bytes_of;
using testing::OnnxBuilder;
using testing::SmallEncoder;

std::shared_ptr<const EncoderWeights> onnx_weights(const std::string& file) {
  return EncoderWeights::of(*OnnxFile::parse(bytes_of(file), "small.onnx"));
}

TEST(EncoderWeights, AreTheSameNumbersInEitherFormat) {
  SmallEncoder small;
  const std::string safe = small.safetensors(), onnx = small.onnx(false);
  const auto from_safe = EncoderWeights::of(*SafetensorsFile::parse(bytes_of(safe), "small.safetensors"));
  const auto from_onnx = onnx_weights(onnx);
  for (const char* name : {"embeddings.word_embeddings.weight", "encoder.layer.0.attention.self.key.weight",
                           "encoder.layer.1.intermediate.dense.weight", "encoder.layer.1.output.dense.weight",
                           "encoder.layer.1.output.dense.bias", "encoder.layer.0.output.LayerNorm.weight"}) {
    EXPECT_EQ(*from_onnx->shape(name), *from_safe->shape(name)) << name;
    EXPECT_EQ(from_onnx->numbers(name).value(), from_safe->numbers(name).value()) << name;
  }
  EXPECT_EQ(from_onnx->shape("encoder.layer.2.output.dense.weight"), std::nullopt);
  EXPECT_EQ(from_onnx->numbers("encoder.layer.2.output.dense.weight").error().code, ErrorCode::kCorrupt);
}

TEST(EncoderWeights, OfEightBitsStandForTheNumbersThatTheirScaleSays) {
  SmallEncoder small;
  const std::string onnx = small.onnx(true), rounded = small.safetensors();
  const auto from_safe = EncoderWeights::of(*SafetensorsFile::parse(bytes_of(rounded), "small.safetensors"));
  for (const char* name : {"embeddings.word_embeddings.weight", "encoder.layer.1.output.dense.weight"}) {
    EXPECT_EQ(onnx_weights(onnx)->numbers(name).value(), from_safe->numbers(name).value()) << name;
  }
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(*onnx_weights(onnx), {}, best_instruction_set(), pool);
  ASSERT_TRUE(encoder.ok()) << encoder.error().text();
  const std::vector<TokenId> text{3, 1, 4, 1, 5, 9, 2, 6};
  std::vector<double> mean(SmallEncoder::kWidth, 0);
  for (const auto& state : small.states(text)) {
    for (std::size_t d = 0; d < mean.size(); ++d) mean[d] += state[d];
  }
  EXPECT_GE(testing::cosine((*encoder)->encode({&text, 1})[0].data(), mean.data(), mean.size()), 0.999);
}

TEST(EncoderWeights, OfEightBitsAreRefusedWithoutAScaleThatFits) {
  const std::vector<std::int8_t> values(6, 1);
  OnnxBuilder none, wrong, other;
  none.tensor("w_quantized", OnnxType::kInt8, {2, 3}, values);
  wrong.tensor("w_quantized", OnnxType::kInt8, {2, 3}, values).tensor<float>("w_scale", OnnxType::kFloat, {2}, {1, 1});
  other.tensor("w_quantized", OnnxType::kInt8, {2, 3}, values).spelled("w_scale", 1.0F);
  other.spelled("w_zero_point", OnnxType::kUint8, 1);
  for (const OnnxBuilder& file : {none, wrong, other}) {
    const std::string bytes = file.build();
    EXPECT_EQ(onnx_weights(bytes)->numbers("w").error().code, ErrorCode::kCorrupt);
  }
  OnnxBuilder right;
  right.tensor("w_quantized", OnnxType::kInt8, {2, 3}, values);
  right.tensor<float>("w_scale", OnnxType::kFloat, {3}, {1, 2, 3});
  const std::string bytes = right.build();
  EXPECT_EQ(onnx_weights(bytes)->numbers("w").value(), (std::vector<float>{1, 2, 3, 1, 2, 3})) << "one per column";
}

TEST(EncoderWeights, AreRefusedWithNumbersThatNoWeightIs) {
  SmallEncoder small;
  std::string onnx = small.onnx(false);
  const float none = NAN;
  const std::size_t at = onnx.find("onnx::MatMul_105");  // its raw bytes follow the name, behind a tag and a length
  std::memcpy(onnx.data() + at + 40, &none, sizeof none);
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(*onnx_weights(onnx), {}, InstructionSet::kScalar, pool);
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt) << encoder.error().text();
}

TEST(EncoderWeights, AreRefusedWithoutAWholeLayer) {
  const std::vector<float> table(512 * 64, 0.5F), row(64, 1.0F);
  OnnxBuilder file;
  for (const char* name : {"word", "position", "token_type"}) {
    file.tensor(std::string("embeddings.") + name + "_embeddings.weight", OnnxType::kFloat, {512, 64}, table);
  }
  file.tensor("embeddings.LayerNorm.weight", OnnxType::kFloat, {64}, row);
  file.tensor("embeddings.LayerNorm.bias", OnnxType::kFloat, {64}, row);
  file.tensor("encoder.layer.0.intermediate.dense.weight", OnnxType::kFloat, {512, 64}, table);
  const std::string bytes = file.build();
  ThreadPool pool(1, false);
  const auto encoder = Encoder::load(*onnx_weights(bytes), {}, InstructionSet::kScalar, pool);
  ASSERT_FALSE(encoder.ok());
  EXPECT_EQ(encoder.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(encoder.error().message.find("'encoder.layer.0."), std::string::npos) << encoder.error().text();
}

TEST(EncoderWeights, AreFoundInAnEncodersFolderWhateverTheFilesName) {
  namespace fs = std::filesystem;
  const fs::path folder = fs::temp_directory_path() / ("mnema_encoder_weights_test_" + std::to_string(::getpid()));
  fs::create_directories(folder);
  EXPECT_EQ(EncoderWeights::open(folder.string()).error().code, ErrorCode::kNotFound);
  SmallEncoder small;
  std::ofstream(folder / "some.onnx", std::ios::binary) << small.onnx(false);
  EXPECT_TRUE(EncoderWeights::open(folder.string()).ok());
  std::ofstream(folder / "other.onnx", std::ios::binary) << "x";
  EXPECT_EQ(EncoderWeights::open(folder.string()).error().code, ErrorCode::kInvalidArgument);
  std::ofstream(folder / "model.safetensors", std::ios::binary) << small.safetensors();
  EXPECT_TRUE((*EncoderWeights::open(folder.string()))->path().ends_with("model.safetensors"));
  fs::remove_all(folder);
}

}  // namespace
}  // namespace mnema
