#include "inference/tokenizer/wordpiece.hpp"

#include <gtest/gtest.h>

#include "tests/inference/tokenizer/small_tokenizers.hpp"

namespace mnema {
namespace {

using testing::pieces;
using Texts = std::vector<std::string>;

class WordPiece : public ::testing::Test {
 protected:
  std::shared_ptr<const Tokenizer> tokenizer_ = testing::wordpiece().value();
};

TEST_F(WordPiece, TakesTheLongestPieceFromTheBeginningOfAWord) {
  EXPECT_EQ(pieces(*tokenizer_, "hello"), (Texts{" hello"}));
  EXPECT_EQ(pieces(*tokenizer_, "hellos"), (Texts{" hello", "s"}));
  EXPECT_EQ(pieces(*tokenizer_, "unaffable"), (Texts{" un", "aff", "able"}));
}

TEST_F(WordPiece, LowersCaseAndTakesAccentsOff) {
  EXPECT_EQ(pieces(*tokenizer_, "HELLO Café"), (Texts{" hello", " cafe"}));
  EXPECT_EQ(pieces(*tokenizer_, "cafe\xcc\x81"), (Texts{" cafe"}));
}

TEST_F(WordPiece, CutsAtBlanksPunctuationAndChineseCharacters) {
  EXPECT_EQ(pieces(*tokenizer_, "hello,world!\n"), (Texts{" hello", " ,", " world", " !"}));
  EXPECT_EQ(pieces(*tokenizer_, "中hello中"), (Texts{" 中", " hello", " 中"}));
  EXPECT_EQ(pieces(*tokenizer_, "hello\xc2\xa0world"), (Texts{" hello", " world"}));
}

TEST_F(WordPiece, GivesOneUnknownForAWordWithAnyUnknownPart) {
  EXPECT_EQ(pieces(*tokenizer_, "hellox world"), (Texts{"[UNK]", " world"}));
  EXPECT_EQ(pieces(*tokenizer_, std::string(101, 'h')), (Texts{"[UNK]"}));
}

TEST_F(WordPiece, LeavesOutWhatNobodySees) {
  EXPECT_EQ(pieces(*tokenizer_, std::string("hel\0lo\xe2\x80\x8b", 9)), (Texts{" hello"}));
}

TEST_F(WordPiece, PutsItsMarksAroundAText) {
  EXPECT_EQ(pieces(*tokenizer_, "hello", true), (Texts{"[CLS]", " hello", "[SEP]"}));
  EXPECT_EQ(pieces(*tokenizer_, "[SEP]", false, true), (Texts{"[UNK]", "[UNK]", "[UNK]"}));
  EXPECT_EQ(*tokenizer_->decode_token(tokenizer_->beginning_of_sequence(), false), "");
}

TEST_F(WordPiece, SaysWhichBytesOfTheTextATokenStandsFor) {
  const std::string text = "  HELLO, unaffable Cafe\xcc\x81 \xe4\xb8\xad zzz";
  const LocatedTokens tokens = *tokenizer_->locate(text);
  EXPECT_EQ(tokens.ids, *tokenizer_->encode(text, false, false));
  ASSERT_EQ(tokens.spans.size(), tokens.ids.size());
  Texts found;
  for (const TokenSpan& span : tokens.spans) found.push_back(text.substr(span.begin, span.end - span.begin));
  EXPECT_EQ(found, (Texts{"HELLO", ",", "un", "aff", "able", "Cafe\xcc\x81", "\xe4\xb8\xad", "zzz"}));
  EXPECT_TRUE(tokenizer_->locate("").value().ids.empty());
  EXPECT_EQ(tokenizer_->locate("\xff").error().code, ErrorCode::kInvalidArgument);
}

TEST(WordPieceFile, IsRefusedWithoutItsMarks) {
  const auto tokenizer = WordPieceTokenizer::from_text("hello\n[CLS]\n[SEP]\n", "vocab.txt");
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(tokenizer.error().message.find("vocab.txt"), std::string::npos);
  EXPECT_EQ(WordPieceTokenizer::open("/no/such/vocab.txt").error().code, ErrorCode::kNotFound);
}

TEST(WordPieceFile, IsReadFromATokenizerJsonToo) {
  const std::string head = R"({"normalizer":{"type":"BertNormalizer","lowercase":true,"strip_accents":null},)";
  const std::string model = R"("model":{"type":"WordPiece","continuing_subword_prefix":"##","vocab":)";
  const std::string words = R"({"hello":3,"[UNK]":0,"##s":4,"[CLS]":1,"[SEP]":2}}})";
  const auto tokenizer = WordPieceTokenizer::from_json(head + model + words, "tokenizer.json");
  ASSERT_TRUE(tokenizer.ok()) << tokenizer.error().text();
  EXPECT_EQ(pieces(**tokenizer, "Hellos", true), (Texts{"[CLS]", " hello", "s", "[SEP]"}));
  const auto code = [&](const std::string& text) {
    const auto refused = WordPieceTokenizer::from_json(text, "tokenizer.json");
    return refused.ok() ? ErrorCode::kInternal : refused.error().code;
  };
  EXPECT_EQ(code("{"), ErrorCode::kCorrupt);
  EXPECT_EQ(code("{}"), ErrorCode::kCorrupt);
  EXPECT_EQ(code(head + model + R"({"[UNK]":0,"[CLS]":1,"[SEP]":3}}})"), ErrorCode::kCorrupt) << "a gap in the ids";
  EXPECT_EQ(code(head + model + R"({"[UNK]":0,"[CLS]":1,"[SEP]":1}}})"), ErrorCode::kCorrupt) << "an id twice";
  EXPECT_EQ(code(head + R"("model":{"type":"BPE","vocab":)" + words), ErrorCode::kUnsupported);
  EXPECT_EQ(code(R"({"normalizer":{"type":"BertNormalizer","lowercase":false},)" + model + words),
            ErrorCode::kUnsupported)
      << "a cased model";
}

TEST(WordPieceFile, IsReadWithLineEndsOfAnySystem) {
  const auto tokenizer = WordPieceTokenizer::from_text("[UNK]\r\n[CLS]\r\n[SEP]\r\nhello", "vocab.txt").value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 4);
  EXPECT_EQ(pieces(*tokenizer, "hello"), (Texts{" hello"}));
}

}  // namespace
}  // namespace mnema
