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

TEST(WordPieceFile, IsRefusedWithoutItsMarks) {
  const auto tokenizer = WordPieceTokenizer::from_text("hello\n[CLS]\n[SEP]\n", "vocab.txt");
  ASSERT_FALSE(tokenizer.ok());
  EXPECT_EQ(tokenizer.error().code, ErrorCode::kCorrupt);
  EXPECT_NE(tokenizer.error().message.find("vocab.txt"), std::string::npos);
  EXPECT_EQ(WordPieceTokenizer::open("/no/such/vocab.txt").error().code, ErrorCode::kNotFound);
}

TEST(WordPieceFile, IsReadWithLineEndsOfAnySystem) {
  const auto tokenizer = WordPieceTokenizer::from_text("[UNK]\r\n[CLS]\r\n[SEP]\r\nhello", "vocab.txt").value();
  EXPECT_EQ(tokenizer->vocabulary_size(), 4);
  EXPECT_EQ(pieces(*tokenizer, "hello"), (Texts{" hello"}));
}

}  // namespace
}  // namespace mnema
