#include "inference/loading/sampling_defaults.hpp"

#include <gtest/gtest.h>

#include "tests/inference/formats/gguf_builder.hpp"

namespace mnema {
namespace {

std::optional<SamplingOptions> sampling_of(testing::GgufBuilder builder) {
  const std::vector<std::byte> bytes = builder.build();
  const auto file = GgufFile::parse(bytes, "test");
  EXPECT_TRUE(file.ok()) << file.error().text();
  return file.ok() ? sampling_in(**file) : std::nullopt;
}

TEST(SamplingDefaults, AreWhatTheFileSays) {
  testing::GgufBuilder builder;
  builder.string("general.architecture", "qwen2").number("general.sampling.temp", 0.6F);
  builder.integer("general.sampling.top_k", 20).number("general.sampling.penalty_repeat", 1.05F);
  const auto sampling = sampling_of(builder);
  ASSERT_TRUE(sampling);
  EXPECT_FLOAT_EQ(sampling->temperature, 0.6F);
  EXPECT_EQ(sampling->top_k, 20);
  EXPECT_FLOAT_EQ(sampling->repetition_penalty, 1.05F);
  EXPECT_FLOAT_EQ(sampling->top_p, 1.0F);
}

TEST(SamplingDefaults, AreNoneWhereTheFileSaysNothingOrNonsense) {
  testing::GgufBuilder silent;
  EXPECT_FALSE(sampling_of(silent.string("general.architecture", "qwen2")));
  testing::GgufBuilder nonsense;
  EXPECT_FALSE(sampling_of(nonsense.number("general.sampling.temp", -3.0F)));
}

TEST(SamplingDefaults, ComeFromTheCatalogueByName) {
  EXPECT_TRUE(sampling_in_catalogue("qwen2.5-coder-0.5b"));
  EXPECT_FALSE(sampling_in_catalogue("someone-elses-model"));
}

}  // namespace
}  // namespace mnema
