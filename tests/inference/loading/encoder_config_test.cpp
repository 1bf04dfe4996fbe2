#include "inference/loading/encoder_config.hpp"

#include <gtest/gtest.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>

namespace mnema {
namespace {

namespace fs = std::filesystem;

class EncoderConfig : public ::testing::Test {
 protected:
  EncoderConfig() { fs::create_directories(folder_); }
  ~EncoderConfig() override { fs::remove_all(folder_); }
  Status check(const std::string& config, int width, int layers) {
    std::ofstream(folder_ / "config.json") << config;
    return check_encoder_config(folder_.string(), width, layers);
  }
  const fs::path folder_ = fs::temp_directory_path() / ("mnema_encoder_config_test_" + std::to_string(::getpid()));
};

TEST_F(EncoderConfig, OfHeadsThatAreNotComputedRefusesTheEncoder) {
  const Status other = check(R"({"num_attention_heads": 12, "num_hidden_layers": 12, "hidden_act": "gelu"})", 768, 12);
  ASSERT_FALSE(other.ok()) << "heads of 64";
  EXPECT_EQ(other.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(other.error().message.find("12 heads"), std::string::npos) << other.error().text();
  EXPECT_TRUE(check(R"({"num_attention_heads": 24})", 768, 12).ok());
  EXPECT_TRUE(check(R"({"num_attention_heads": 12, "num_hidden_layers": 6, "hidden_act": "gelu"})", 384, 6).ok());
}

TEST_F(EncoderConfig, MustSayHowManyHeadsThereAreWhereTheWidthIsNotTheUsualOne) {
  EXPECT_TRUE(check_encoder_config(folder_.string(), 384, 6).ok()) << "there is none";
  EXPECT_EQ(check_encoder_config(folder_.string(), 768, 12).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(check("{}", 768, 12).error().code, ErrorCode::kUnsupported);
}

TEST_F(EncoderConfig, OfOtherLayersOrAnotherActivationRefusesTheEncoder) {
  EXPECT_EQ(check(R"({"num_hidden_layers": 12})", 384, 3).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(check(R"({"hidden_act": "relu"})", 384, 3).error().code, ErrorCode::kUnsupported);
  EXPECT_EQ(check("[1]", 384, 3).error().code, ErrorCode::kCorrupt);
  EXPECT_EQ(check("{", 384, 3).error().code, ErrorCode::kCorrupt);
}

}  // namespace
}  // namespace mnema
