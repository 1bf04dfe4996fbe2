#include "inference/model/hyper_parameters.hpp"

#include <gtest/gtest.h>

#include "tests/inference/formats/gguf_builder.hpp"
#include "tests/inference/model/small_model.hpp"

namespace mnema {
namespace {

using testing::GgufBuilder;

/// Everything a llama needs but for what a test adds; its table is 8 x 64.
GgufBuilder llama() {
  GgufBuilder file;
  file.string("general.architecture", "llama").integer("llama.block_count", 2).integer("llama.embedding_length", 64);
  file.integer("llama.feed_forward_length", 128).integer("llama.attention.head_count", 4);
  file.number("llama.attention.layer_norm_rms_epsilon", 1e-5F).integer("llama.context_length", 128);
  file.tensor("token_embd.weight", QuantType::kF32, {64, 8}, std::vector<std::byte>(64 * 8 * 4));
  return file;
}

Result<HyperParameters> read(const GgufBuilder& builder) {
  const std::vector<std::byte> bytes = builder.build();
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> file, GgufFile::parse(bytes, "small.gguf"));
  return read_hyper_parameters(*file);
}

void expect_refused(const GgufBuilder& file, ErrorCode code, const std::string& words) {
  const Result<HyperParameters> parameters = read(file);
  ASSERT_FALSE(parameters.ok()) << words;
  EXPECT_EQ(parameters.error().code, code) << parameters.error().text();
  EXPECT_NE(parameters.error().message.find(words), std::string::npos) << parameters.error().text();
}

TEST(HyperParameters, TakeWhatAFileLeavesOutFromWhatItSays) {
  const Result<HyperParameters> parameters = read(llama());
  ASSERT_TRUE(parameters.ok()) << parameters.error().text();
  EXPECT_EQ(parameters->kv_heads, 4);
  EXPECT_EQ(parameters->key_dim, 16);
  EXPECT_EQ(parameters->value_dim, 16);
  EXPECT_EQ(parameters->vocabulary, 8);
  EXPECT_EQ(parameters->rope.frequencies.size(), 8U);
  EXPECT_EQ(parameters->rope.pairing, RopePairing::kNeighbours);
  EXPECT_FALSE(parameters->is_sliding(0));
}

TEST(HyperParameters, MakeEveryLayerButEachLastOfAPatternSlide) {
  const testing::SmallModel model = testing::small_model("gemma3", 4);
  const Result<HyperParameters> parameters = read_hyper_parameters(*model.file);
  ASSERT_TRUE(parameters.ok()) << parameters.error().text();
  EXPECT_EQ(parameters->window, testing::SmallModel::kWindow);
  EXPECT_TRUE(parameters->is_sliding(0));
  EXPECT_FALSE(parameters->is_sliding(1));
  EXPECT_TRUE(parameters->is_sliding(2));
  EXPECT_TRUE(parameters->has_head_norms && parameters->has_post_norms);
  EXPECT_FLOAT_EQ(parameters->embedding_scale, 16);
}

TEST(HyperParameters, NameTheArchitectureThatCannotBeRun) {
  const Result<HyperParameters> unknown = read(GgufBuilder().string("general.architecture", "mamba"));
  ASSERT_FALSE(unknown.ok());
  EXPECT_EQ(unknown.error().code, ErrorCode::kUnsupported);
  EXPECT_NE(unknown.error().message.find("'mamba'"), std::string::npos);
  EXPECT_NE(unknown.error().hint.find("gemma3"), std::string::npos);
  expect_refused(GgufBuilder(), ErrorCode::kCorrupt, "general.architecture");
}

TEST(HyperParameters, NameTheKeyThatIsMissingOrMakesNoSense) {
  expect_refused(GgufBuilder().string("general.architecture", "llama"), ErrorCode::kCorrupt, "llama.block_count");
  expect_refused(llama().integer("llama.attention.head_count_kv", 0), ErrorCode::kCorrupt, "head_count_kv");
  expect_refused(llama().integer("llama.attention.head_count_kv", 3), ErrorCode::kUnsupported,
                 "cannot share 3 KV heads");
  expect_refused(llama().integer("llama.attention.key_length", 24), ErrorCode::kUnsupported, "24 key");
  expect_refused(llama().integers("llama.attention.head_count_kv", {4, 2}), ErrorCode::kUnsupported, "differs between");
  expect_refused(llama().number("llama.rope.freq_base", -1), ErrorCode::kCorrupt, "rope.freq_base");
  expect_refused(llama().integer("llama.expert_count", 8), ErrorCode::kUnsupported, "mixtures of experts");
  expect_refused(llama().string("llama.rope.scaling.type", "yarn"), ErrorCode::kUnsupported, "'yarn'");
  expect_refused(llama().integer("llama.rope.dimension_count", 7), ErrorCode::kCorrupt, "odd");
}

}  // namespace
}  // namespace mnema
