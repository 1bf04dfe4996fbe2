#include "inference/tokenizer/piece_memo.hpp"

#include <gtest/gtest.h>

#include <boost/json.hpp>
#include <fstream>
#include <iterator>
#include <map>

#include "runtime/base/random.hpp"
#include "tests/inference/tokenizer/small_tokenizers.hpp"
#include "tests/support/paths.hpp"

namespace mnema {
namespace {

class MapMemo final : public PieceMemo {
 public:
  bool append(std::string_view piece, unsigned variant, std::vector<TokenId>& ids) override {
    const auto known = kept_.find({std::string(piece), variant});
    if (known == kept_.end()) return false;
    ids.insert(ids.end(), known->second.begin(), known->second.end());
    return true;
  }
  void keep(std::string_view piece, unsigned variant, std::span<const TokenId> ids) override {
    bytes += piece.size();
    kept_[{std::string(piece), variant}].assign(ids.begin(), ids.end());
  }
  std::size_t bytes = 0;  // that were tokenized

 private:
  std::map<std::pair<std::string, unsigned>, std::vector<TokenId>> kept_;
};

/// `text` gives the same ids with and without the memo, and costs nothing the second time.
void expect_same(const Tokenizer& tokenizer, MapMemo& memo, const std::string& text, bool add_special,
                 bool parse_special) {
  const auto plain = tokenizer.encode(text, add_special, parse_special);
  ASSERT_TRUE(plain.ok());
  for (int again = 0; again < 2; ++again) {
    const std::size_t before = memo.bytes;
    const auto with_memo = tokenizer.encode_with(memo, text, add_special, parse_special);
    ASSERT_TRUE(with_memo.ok());
    EXPECT_EQ(*with_memo, *plain) << text;
    EXPECT_TRUE(again == 0 || memo.bytes == before) << text;
  }
}

TEST(PieceMemo, ChangesNoIdsOfRandomTexts) {
  const std::vector<std::string> parts{"<|end|>", "<tool>", "<s>", "</s>", "hello", "a", "b", " abc", "\n", "é", "  "};
  SeededRandom random(5);
  for (const auto& file : {testing::bpe_file(), testing::spm_file(false), testing::spm_file(true)}) {
    const std::shared_ptr<const Tokenizer> tokenizer = testing::tokenizer_of(file).value();
    MapMemo memo;
    for (int i = 0; i < 2000; ++i) {
      std::string text;
      for (std::uint64_t n = random.next_u64() % 12; n > 0; --n) text += parts[random.next_u64() % parts.size()];
      expect_same(*tokenizer, memo, text, random.next_u64() % 2 == 0, random.next_u64() % 2 == 0);
    }
  }
  const std::shared_ptr<const Tokenizer> words = testing::wordpiece().value();
  MapMemo memo;
  expect_same(*words, memo, "hello worlds", false, false);
  expect_same(*words, memo, "hello worlds", true, false);
}

TEST(PieceMemo, LeavesOnlyTheNewMessageOfATalkToTokenize) {
  const std::shared_ptr<const Tokenizer> tokenizer = testing::tokenizer_of(testing::bpe_file()).value();
  MapMemo memo;
  const std::string talk = "user hello hello<|end|>assistant hello<|end|>";
  ASSERT_TRUE(tokenizer->encode_with(memo, talk, false, true).ok());
  memo.bytes = 0;
  ASSERT_TRUE(tokenizer->encode_with(memo, talk + "user again<|end|>", false, true).ok());
  EXPECT_EQ(memo.bytes, std::string("user again").size());
}

TEST(PieceMemo, ChangesNoGoldenIdsOfRealModels) {
  for (const auto& [name, path] : {std::pair<std::string, std::string>{"smollm2-135m", testing::smollm2()},
                                   {"qwen2.5-coder-0.5b", testing::qwen_coder()},
                                   {"gemma3-270m", testing::gemma3()}}) {
    const Result<std::shared_ptr<GgufFile>> file = GgufFile::open(path);
    if (!file.ok()) continue;
    const std::shared_ptr<const Tokenizer> tokenizer = tokenizer_from_gguf(**file).value();
    std::ifstream stream(testing::golden(name + ".json"));
    const auto golden =
        boost::json::parse(std::string((std::istreambuf_iterator<char>(stream)), std::istreambuf_iterator<char>()));
    MapMemo memo;
    for (const boost::json::value& entry : golden.at("tokenize").as_array()) {
      expect_same(*tokenizer, memo, std::string(entry.at("text").as_string()), false,
                  entry.at("parse_special").as_bool());
    }
    for (const boost::json::value& entry : golden.at("next_token").as_array()) {
      expect_same(*tokenizer, memo, std::string(entry.at("prompt").as_string()), true, true);
    }
  }
}

}  // namespace
}  // namespace mnema
