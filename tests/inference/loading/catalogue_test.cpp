#include "inference/loading/catalogue.hpp"

#include <gtest/gtest.h>

#include <set>

namespace mnema {
namespace {

TEST(Catalogue, NamesTheModelsThatScriptsRelyOn) {
  for (const char* name : {"smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "gemma3-270m",
                           "all-minilm-l6-v2", "bge-small-en-v1.5", "e5-small-v2"}) {
    const CatalogueModel* model = find_in_catalogue(name);
    ASSERT_NE(model, nullptr) << name;
    for (const CatalogueFile& file : model->files) {
      EXPECT_GT(file.bytes, 0) << name << " " << file.name;
      EXPECT_FALSE(file.home.empty() && file.mirror.empty()) << name << " can be had nowhere";
    }
  }
}

TEST(Catalogue, GivesEachModelWeightsOfItsOwn) {
  std::set<std::string> digests;
  for (const CatalogueModel& model : catalogue()) {
    EXPECT_TRUE(digests.insert(model.files.front().sha256).second) << model.name;
  }
}

TEST(Catalogue, SaysHowAnEncoderReadsTextsAndNamesItInTheIdOfItsVectors) {
  EXPECT_EQ(embedding_id("all-minilm-l6-v2"), "all-minilm-l6-v2/mean/2") << "what is stored with vectors everywhere";
  EXPECT_EQ(embedding_id("/some/folder"), "/some/folder/mean/2");
  const EncoderProfile bge = encoder_profile("bge-small-en-v1.5"), e5 = encoder_profile("e5-small-v2");
  EXPECT_EQ(bge.options.pooling, Pooling::kFirst);
  EXPECT_EQ(bge.options.tokens_max, 512);
  EXPECT_TRUE(bge.passage.empty());
  EXPECT_EQ(e5.question, "query: ");
  EXPECT_EQ(e5.passage, "passage: ");
  EXPECT_TRUE(embedding_id("e5-small-v2").starts_with("e5-small-v2/mean+")) << "prefixes are part of it";
  const auto other = parse_catalogue("[a]\nencoder = {pooling = 'last'}\nfiles = []\n");
  ASSERT_FALSE(other.ok());
  EXPECT_NE(other.error().message.find("'last'"), std::string::npos) << other.error().text();
  EXPECT_FALSE(parse_catalogue("[a]\nencoder = {question = 'query:'}\nfiles = []\n").ok()) << "no blank at its end";
}

TEST(Catalogue, KnowsACopyOfAnEncoderUnderWhateverPathItIsConfigured) {
  const std::string e5 = embedding_id("e5-small-v2").substr(std::string("e5-small-v2").size());
  for (const char* path : {"/m/e5-small-v2", "/m/e5-small-v2/", "m/e5-small-v2/model_quantized.onnx"}) {
    EXPECT_EQ(encoder_profile(path).question, "query: ") << path;
    EXPECT_EQ(encoder_profile(path).options.tokens_max, 512) << path;
    EXPECT_EQ(embedding_id(path), path + e5) << "prefixes are part of it";
  }
  for (const char* path : {"/m/bge-small-en-v1.5", "/m/bge-small-en-v1.5/model.onnx", "./bge-small-en-v1.5/"}) {
    EXPECT_EQ(encoder_profile(path).options.pooling, Pooling::kFirst) << path << ": .5 is no ending";
  }
  EXPECT_EQ(encoder_profile("/m/e5-small-v2/other").question, "");
}

TEST(Catalogue, RefusesABrokenTextWithItsLine) {
  const auto result = parse_catalogue("[a]\nkind = \n");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().message.find("line 2"), std::string::npos) << result.error().text();
}

TEST(Catalogue, TellsHowAModelWantsToBeSampledWhereItsMakersSayIt) {
  const CatalogueModel* qwen = find_in_catalogue("qwen2.5-coder-0.5b");
  ASSERT_TRUE(qwen != nullptr && qwen->sampling);
  EXPECT_FLOAT_EQ(qwen->sampling->temperature, 0.7F);
  EXPECT_EQ(qwen->sampling->top_k, 20);
  EXPECT_FALSE(find_in_catalogue("all-minilm-l6-v2")->sampling);
}

TEST(Catalogue, RefusesAFileWithoutDigest) { EXPECT_FALSE(parse_catalogue("[a]\n[[a.files]]\nname = \"x\"\n").ok()); }

TEST(Catalogue, TellsWhatToRunForAModelThatIsNotHere) {
  const auto result = resolve_model("smollm2-135m", "/nonexistent");
  ASSERT_FALSE(result.ok());
  EXPECT_EQ(result.error().code, ErrorCode::kNotFound);
  EXPECT_NE(result.error().hint.find("mnema models pull smollm2-135m"), std::string::npos);
}

TEST(Catalogue, ClientsCallAFileByItsNameWithoutItsFolderAndEnding) {
  EXPECT_EQ(client_name("smollm2-135m"), "smollm2-135m");
  EXPECT_EQ(client_name("/models/tiny.Q4_1.gguf"), "tiny.Q4_1");
  EXPECT_EQ(client_name("./encoder/"), "encoder");
  EXPECT_EQ(client_name("/m/bge-small-en-v1.5"), "bge-small-en-v1.5") << "a folder's name has no ending";
}

TEST(Catalogue, ListsTheKnownNamesForAnUnknownOne) {
  const auto result = resolve_model("no-such-model", "/nonexistent");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().hint.find("gemma3-270m"), std::string::npos);
}

}  // namespace
}  // namespace mnema
