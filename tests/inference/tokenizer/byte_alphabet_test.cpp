#include "inference/tokenizer/byte_alphabet.hpp"

#include <gtest/gtest.h>

#include <set>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

TEST(ByteAlphabet, WritesEveryByteAsItsOwnCharacterAndReadsItBack) {
  std::set<std::string> seen;
  for (int byte = 0; byte < 256; ++byte) {
    const std::string character = character_of_byte(static_cast<unsigned char>(byte));
    EXPECT_TRUE(is_valid_utf8(character));
    EXPECT_TRUE(seen.insert(character).second) << byte;
    EXPECT_EQ(bytes_of_characters(character), std::string(1, static_cast<char>(byte)));
  }
}

TEST(ByteAlphabet, IsTheOneOfPublishedVocabularies) {
  EXPECT_EQ(characters_of_bytes("a b\n"), "aĠbĊ");
  EXPECT_EQ(characters_of_bytes("é"), "Ã©");
  EXPECT_EQ(bytes_of_characters("Ġhello"), " hello");
}

TEST(ByteAlphabet, LeavesCharactersOutsideItAsTheyAre) {
  EXPECT_EQ(bytes_of_characters("日"), "日");
  EXPECT_EQ(bytes_of_characters("\xf0\x9f"), "\xf0\x9f");
}

}  // namespace
}  // namespace mnema
