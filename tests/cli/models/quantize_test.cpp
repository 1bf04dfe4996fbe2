#include "cli/models/quantize.hpp"

#include <gtest/gtest.h>

#include <cmath>
#include <filesystem>
#include <fstream>
#include <limits>

#include "inference/formats/gguf.hpp"
#include "inference/kernels/matmul.hpp"
#include "tests/cli/models/tiny_model.hpp"

namespace mnema {
namespace {

namespace fs = std::filesystem;

class QuantizeModel : public ::testing::Test {
 protected:
  void SetUp() override {
    const auto* test = ::testing::UnitTest::GetInstance()->current_test_info();
    folder_ = fs::path(::testing::TempDir()) / (std::string("mnema_quantize_") + test->name());
    fs::remove_all(folder_);
    fs::create_directories(folder_);
  }
  void TearDown() override { fs::remove_all(folder_); }

  [[nodiscard]] std::string path(const char* name) const { return (folder_ / name).string(); }

  Result<QuantizeReport> quantize(const char* source, const char* target, QuantType type, bool force = false) {
    return quantize_model(path(source), path(target), {type, force, true}, clock_);
  }

  /// The text of the failure, which must come and leave no new file.
  std::string refusal(const char* source, const char* target, QuantType type, ErrorCode code) {
    const auto files = [&] { return std::distance(fs::directory_iterator(folder_), fs::directory_iterator()); };
    const auto before = files();
    const Result<QuantizeReport> report = quantize(source, target, type);
    EXPECT_EQ(files(), before) << "a refusal leaves the folder as it was";
    if (report.ok()) return "it was not refused";
    EXPECT_EQ(report.error().code, code) << report.error().text();
    return report.error().text();
  }

  SystemClock clock_;
  fs::path folder_;
};

TEST_F(QuantizeModel, MakesASmallerModelThatRunsAndIsClose) {
  testing::write_tiny_model(path("f16.gguf"), {});
  for (const QuantType type : {QuantType::kQ8_0, QuantType::kQ4_0}) {
    const Result<QuantizeReport> report = quantize("f16.gguf", "small.gguf", type, true);
    ASSERT_TRUE(report.ok()) << report.error().text();
    EXPECT_EQ(report->tensors_quantized, 8);
    EXPECT_EQ(report->tensors_kept, 3) << "norms stay as they are";
    EXPECT_LT(report->target_bytes, report->source_bytes);

    const auto before = GgufFile::open(path("f16.gguf")), after = GgufFile::open(path("small.gguf"));
    ASSERT_TRUE(before.ok() && after.ok());
    EXPECT_EQ((*after)->string("general.name"), "tiny");
    EXPECT_EQ((*after)->strings("tokenizer.ggml.tokens"), (*before)->strings("tokenizer.ggml.tokens"));
    EXPECT_EQ((*after)->find_tensor("output_norm.weight")->type, QuantType::kF32);
    EXPECT_EQ((*after)->find_tensor("token_embd.weight")->type, QuantType::kQ8_0) << "it is the output matrix too";
    const GgufTensor* was = (*before)->find_tensor("blk.0.ffn_up.weight");
    const GgufTensor* is = (*after)->find_tensor("blk.0.ffn_up.weight");
    ASSERT_EQ(is->type, type);
    std::vector<float> old_row(was->columns()), new_row(is->columns());
    dequantize_row(was->type, was->data.data(), old_row.data(), old_row.size());
    dequantize_row(is->type, is->data.data(), new_row.data(), new_row.size());
    for (std::size_t i = 0; i < old_row.size(); ++i) {
      EXPECT_NEAR(new_row[i], old_row[i], type == QuantType::kQ8_0 ? 0.003 : 0.08);
    }
  }
}

TEST_F(QuantizeModel, KeepsAnExistingFileUnlessForced) {
  testing::write_tiny_model(path("f16.gguf"), {});
  std::ofstream(path("precious.gguf")) << "precious";
  const std::string text = refusal("f16.gguf", "precious.gguf", QuantType::kQ8_0, ErrorCode::kAlreadyExists);
  EXPECT_NE(text.find("--force"), std::string::npos) << text;
  EXPECT_EQ(fs::file_size(path("precious.gguf")), 8U);
  EXPECT_TRUE(quantize("f16.gguf", "precious.gguf", QuantType::kQ8_0, true).ok());
  EXPECT_GT(fs::file_size(path("precious.gguf")), 8U);
}

TEST_F(QuantizeModel, NeverWritesOverItsSource) {
  testing::write_tiny_model(path("f16.gguf"), {});
  const auto bytes = fs::file_size(path("f16.gguf"));
  const Result<QuantizeReport> report = quantize("f16.gguf", "f16.gguf", QuantType::kQ8_0, true);
  ASSERT_FALSE(report.ok());
  EXPECT_EQ(report.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_EQ(fs::file_size(path("f16.gguf")), bytes);
}

TEST_F(QuantizeModel, AsksBeforeItLosesAccuracyTwice) {
  testing::write_tiny_model(path("q4.gguf"), {.type = QuantType::kQ4_0});
  const std::string text = refusal("q4.gguf", "out.gguf", QuantType::kQ8_0, ErrorCode::kFailedPrecondition);
  EXPECT_NE(text.find("token_embd.weight"), std::string::npos) << text;
  EXPECT_NE(text.find("--force"), std::string::npos) << text;
  EXPECT_TRUE(quantize("q4.gguf", "out.gguf", QuantType::kQ8_0, true).ok());
}

TEST_F(QuantizeModel, SaysWhenThereIsNothingToChange) {
  testing::write_tiny_model(path("q8.gguf"), {.type = QuantType::kQ8_0});
  const std::string text = refusal("q8.gguf", "out.gguf", QuantType::kQ8_0, ErrorCode::kFailedPrecondition);
  EXPECT_NE(text.find("its matrices are Q8_0 already"), std::string::npos) << text;
}

TEST_F(QuantizeModel, NamesTheTensorWithAValueThatDoesNotFit) {
  for (const float value : {1e6F, std::numeric_limits<float>::quiet_NaN()}) {
    testing::write_tiny_model(path("f32.gguf"), {.type = QuantType::kF32, .first_value = value});
    const std::string text = refusal("f32.gguf", "out.gguf", QuantType::kQ8_0, ErrorCode::kUnsupported);
    EXPECT_NE(text.find("token_embd.weight"), std::string::npos) << text;
  }
}

TEST_F(QuantizeModel, RefusesWhatItCouldNotRun) {
  testing::write_tiny_model(path("mamba.gguf"), {.architecture = "mamba"});
  const std::string text = refusal("mamba.gguf", "out.gguf", QuantType::kQ8_0, ErrorCode::kUnsupported);
  EXPECT_NE(text.find("mamba"), std::string::npos) << text;

  std::ofstream(path("noise.gguf")) << "this is no model";
  EXPECT_NE(refusal("noise.gguf", "out.gguf", QuantType::kQ8_0, ErrorCode::kCorrupt).find("noise.gguf"),
            std::string::npos);
}

}  // namespace
}  // namespace mnema
