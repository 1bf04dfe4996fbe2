#include "inference/tokenizer/gguf_tokenizer.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>

#include "tests/support/paths.hpp"

// Token ids exactly as llama.cpp gives them for the same files.

namespace mnema {
namespace {

struct ModelCase {
  const char* name;
  std::string file;
};

class GgufTokenizer : public ::testing::TestWithParam<ModelCase> {
 protected:
  void SetUp() override {
    Result<std::shared_ptr<GgufFile>> file = GgufFile::open(GetParam().file);
    if (!file.ok()) GTEST_SKIP() << file.error().text();
    Result<std::shared_ptr<const Tokenizer>> tokenizer = tokenizer_from_gguf(**file);
    ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
    tokenizer_ = *tokenizer;
    std::ifstream stream(testing::golden(std::string(GetParam().name) + ".json"));
    golden_ =
        boost::json::parse(std::string((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>()));
  }
  std::shared_ptr<const Tokenizer> tokenizer_;
  boost::json::value golden_;
};

INSTANTIATE_TEST_SUITE_P(Models, GgufTokenizer,
                         ::testing::Values(ModelCase{"smollm2-135m", testing::smollm2()},
                                           ModelCase{"qwen2.5-coder-0.5b", testing::qwen_coder()},
                                           ModelCase{"gemma3-270m", testing::gemma3()}),
                         [](const auto& of) {
                           std::string name = of.param.name;
                           for (char& c : name) c = std::isalnum(static_cast<unsigned char>(c)) != 0 ? c : '_';
                           return name;
                         });

std::vector<TokenId> ids_of(const boost::json::value& array) {
  std::vector<TokenId> ids;
  for (const boost::json::value& id : array.as_array()) ids.push_back(static_cast<TokenId>(id.to_number<int>()));
  return ids;
}

TEST_P(GgufTokenizer, GivesTheGoldenIdsOfEveryText) {
  for (const boost::json::value& entry : golden_.at("tokenize").as_array()) {
    const std::string text(entry.at("text").as_string());
    Result<std::vector<TokenId>> ids = tokenizer_->encode(text, false, entry.at("parse_special").as_bool());
    ASSERT_TRUE(ids.ok()) << ids.error().text();
    EXPECT_EQ(*ids, ids_of(entry.at("ids"))) << boost::json::serialize(entry.at("text"));
  }
  for (const boost::json::value& entry : golden_.at("next_token").as_array()) {
    Result<std::vector<TokenId>> ids = tokenizer_->encode(std::string(entry.at("prompt").as_string()), true, true);
    ASSERT_TRUE(ids.ok());
    EXPECT_EQ(*ids, ids_of(entry.at("prompt_ids")));
  }
}

TEST_P(GgufTokenizer, DecodesWhatItEncodedToTheSameText) {
  for (const boost::json::value& entry : golden_.at("tokenize").as_array()) {
    const std::string text(entry.at("text").as_string());
    Result<std::string> back = tokenizer_->decode(ids_of(entry.at("ids")), true);
    ASSERT_TRUE(back.ok());
    EXPECT_EQ(*back, text);
  }
}

TEST_P(GgufTokenizer, TakesControlTokensInATextAsTextUnlessAsked) {
  const TokenId end = tokenizer_->end_of_generation().at(0);
  const std::string text = *tokenizer_->decode_token(end, true);
  EXPECT_EQ(*tokenizer_->encode(text, false, true), std::vector<TokenId>{end});
  const Result<std::vector<TokenId>> ids = tokenizer_->encode("x" + text + "y", false, false);
  for (const TokenId id : *ids) EXPECT_FALSE(tokenizer_->is_control(id));
  EXPECT_EQ(*tokenizer_->decode_token(end, false), "");
}

TEST_P(GgufTokenizer, RefusesInvalidUtf8AndIdsOutOfRange) {
  Result<std::vector<TokenId>> ids = tokenizer_->encode("ab\xff", false, false);
  ASSERT_FALSE(ids.ok());
  EXPECT_EQ(ids.error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(ids.error().message.find("byte 2"), std::string::npos);
  EXPECT_FALSE(tokenizer_->decode_token(-1, true).ok());
  EXPECT_FALSE(tokenizer_->decode_token(tokenizer_->vocabulary_size(), true).ok());
}

TEST_P(GgufTokenizer, SurvivesLongRunsOfOneCharacter) {
  for (const char c : {' ', 'a', '\n', '<', '.', '7'}) {
    const std::string text(200'000, c);
    Result<std::vector<TokenId>> ids = tokenizer_->encode(text, false, true);
    ASSERT_TRUE(ids.ok()) << ids.error().text();
    EXPECT_EQ(*tokenizer_->decode(*ids, true), text);
  }
}

TEST(IncompleteUtf8, CountsTheBytesThatMustWait) {
  EXPECT_EQ(incomplete_utf8_suffix("abc"), 0);
  EXPECT_EQ(incomplete_utf8_suffix("a\xe2\x82"), 2);
  EXPECT_EQ(incomplete_utf8_suffix("a\xf0\x9f\x98"), 3);
  EXPECT_EQ(incomplete_utf8_suffix("a\xe2\x82\xac"), 0);
  EXPECT_EQ(incomplete_utf8_suffix("\x82\x82\x82\x82"), 0);
}

}  // namespace
}  // namespace mnema
