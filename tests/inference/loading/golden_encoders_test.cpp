#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <cmath>
#include <fstream>
#include <iterator>

#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"

// Encoders of the catalogue beside ONNX Runtime (tests/data/encoders/make.py).

namespace mnema {
namespace {

struct Case {
  const char* model;
  double cosine_min;
};

class GoldenEncoder : public ::testing::TestWithParam<Case> {};

EmbeddingRequest::Kind kind_from(std::string_view name) {
  if (name == "question") return EmbeddingRequest::Kind::kQuestion;
  return name == "passage" ? EmbeddingRequest::Kind::kPassage : EmbeddingRequest::Kind::kPlain;
}

TEST_P(GoldenEncoder, GivesTheIdsAndVectorsOfTheReference) {
  const std::string model = GetParam().model;
  const EngineOptions options;
  const std::shared_ptr<ModelLoader> loader = cpu_model_loader(options, Limits{});
  const Result<ModelFile> file = loader->locate(model);
  if (!file.ok()) GTEST_SKIP() << "optional model: run `mnema models pull " << model << "` to test it";
  const auto text_side = loader->load_text(*file);
  ASSERT_TRUE(text_side.ok()) << text_side.error().text();
  const auto compute = loader->load_compute(*file);
  ASSERT_TRUE(compute.ok()) << compute.error().text();
  std::ifstream stream(std::string(MNEMA_SOURCE_DIR) + "/tests/data/encoders/" + model + ".json");
  const boost::json::value golden =
      boost::json::parse(std::string((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>()));
  const EncoderProfile profile = encoder_profile(model);
  for (const boost::json::value& item : golden.at("items").as_array()) {
    const std::string text(item.at("text").as_string()), kind(item.at("kind").as_string());
    const std::string prefix = kind == "question" ? profile.question : kind == "passage" ? profile.passage : "";
    const auto ids = (*text_side)->tokenizer->encode(prefix + text, true, false);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, boost::json::value_to<std::vector<TokenId>>(item.at("ids"))) << text;
    const std::vector<EmbeddingInput> inputs{text};
    const auto encoding = (*compute)->encoder->begin(inputs, {.kind = kind_from(kind)});
    ASSERT_TRUE(encoding.ok());
    while (!(*encoding)->done()) ASSERT_GT((*encoding)->advance(1000), 0U);
    EXPECT_EQ((*encoding)->tokens(), static_cast<int>(ids->size())) << "with its prefix";
    const std::vector<float> vector = (*encoding)->take_vectors()[0];
    const auto expected = boost::json::value_to<std::vector<double>>(item.at("vector"));
    ASSERT_EQ(vector.size(), expected.size());
    double dot = 0, square = 0, golden_square = 0;
    for (std::size_t i = 0; i < vector.size(); ++i) {
      dot += vector[i] * expected[i], square += static_cast<double>(vector[i]) * vector[i];
      golden_square += expected[i] * expected[i];
    }
    EXPECT_GE(dot / std::sqrt(square * golden_square), GetParam().cosine_min) << kind << ": " << text;
    EXPECT_NEAR(square, 1, 1e-5);
  }
}

// The reference of the 8-bit file rounds activations with one scale for a whole batch: it is further from the exact
// arithmetic than we are.
INSTANTIATE_TEST_SUITE_P(Each, GoldenEncoder,
                         ::testing::Values(Case{"bge-small-en-v1.5", 0.999}, Case{"e5-small-v2", 0.99}),
                         [](const auto& of) { return std::string(of.param.model).substr(0, of.index == 0 ? 3 : 2); });

}  // namespace
}  // namespace mnema
