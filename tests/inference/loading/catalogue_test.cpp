#include "inference/loading/catalogue.hpp"

#include <gtest/gtest.h>

#include <set>

namespace mnema {
namespace {

TEST(Catalogue, NamesTheModelsThatScriptsRelyOn) {
  for (const char* name :
       {"smollm2-135m", "qwen2.5-coder-0.5b", "qwen2.5-coder-1.5b", "gemma3-270m", "all-minilm-l6-v2"}) {
    const CatalogueModel* model = find_in_catalogue(name);
    ASSERT_NE(model, nullptr) << name;
    for (const CatalogueFile& file : model->files) {
      EXPECT_GT(file.bytes, 0) << name << " " << file.name;
      EXPECT_FALSE(file.home.empty() && file.mirror.empty()) << name << " can be had nowhere";
    }
  }
}

TEST(Catalogue, GivesEachFileADigestOfItsOwn) {
  std::set<std::string> digests;
  for (const CatalogueModel& model : catalogue()) {
    for (const CatalogueFile& file : model.files) EXPECT_TRUE(digests.insert(file.sha256).second) << file.name;
  }
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
}

TEST(Catalogue, ListsTheKnownNamesForAnUnknownOne) {
  const auto result = resolve_model("no-such-model", "/nonexistent");
  ASSERT_FALSE(result.ok());
  EXPECT_NE(result.error().hint.find("gemma3-270m"), std::string::npos);
}

}  // namespace
}  // namespace mnema
