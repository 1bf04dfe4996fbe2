#include "memory/documents/decode.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

using std::string_literals::operator""s;

/// "UTF-16LE: text"
std::string decoded(const std::string& bytes, bool html = false) {
  const Result<DecodedText> made = decode_text(bytes, html);
  return made.ok() ? made->encoding + ": " + made->text : made.error().message;
}

/// `text`, whose characters are all below U+10000, as UTF-16.
std::string utf16(std::u16string_view text, bool little) {
  std::string bytes;
  for (const char16_t c : text) {
    const char low = static_cast<char>(c & 0xff);
    const char high = static_cast<char>(c >> 8);
    bytes += little ? low : high;
    bytes += little ? high : low;
  }
  return bytes;
}

TEST(Decode, FollowsAByteOrderMark) {
  EXPECT_EQ(decoded("\xef\xbb\xbf# Policy"), "UTF-8: # Policy");
  EXPECT_EQ(decoded("\xff\xfe" + utf16(u"añ語", true)), "UTF-16LE: añ語");
  EXPECT_EQ(decoded("\xfe\xff" + utf16(u"añ語", false)), "UTF-16BE: añ語");
  EXPECT_EQ(decoded("\xff\xfe\0\0a\0\0\0"s), "UTF-32LE: a");
}

TEST(Decode, KnowsUtf16WithoutAMark) {
  for (const bool little : {true, false}) {
    const std::string name = little ? "UTF-16LE: " : "UTF-16BE: ";
    EXPECT_EQ(decoded(utf16(u"The ferry leaves at ten.\n", little)), name + "The ferry leaves at ten.\n");
    EXPECT_EQ(decoded(utf16(u"法定人数政策需要五个成员才能生效。会议每月举行", little)),
              name + "法定人数政策需要五个成员才能生效。会议每月举行");
    EXPECT_EQ(decoded(utf16(u"會議記錄必須保存五年以上", little)), name + "會議記錄必須保存五年以上");
    EXPECT_EQ(decoded(utf16(u"Привет, мир!\n", little)), name + "Привет, мир!\n");
    EXPECT_EQ(decoded(utf16(u"정족수는 다섯 명입니다", little)), name + "정족수는 다섯 명입니다");
  }
}

TEST(Decode, FindsOutOldEncodingsAndSaysSo) {
  EXPECT_EQ(decoded("\xb7\xa8\xb6\xa8\xc8\xcb\xca\xfd\xd5\xfe\xb2\xdf\xd0\xe8\xd2\xaa\xce\xe5\xb8\xf6\xb3\xc9\xd4\xb1"),
            "gb18030: 法定人数政策需要五个成员");
  EXPECT_EQ(decoded("\x82\xb1\x82\xea\x82\xcd\x93\xfa\x96\x7b\x8c\xea\x82\xcc\x95\xb6\x8f\xcd\x82\xc5\x82\xb7\x81\x42"),
            "windows-31j: これは日本語の文章です。");
  EXPECT_EQ(decoded("sch\xf6n und gr\xf6\xdf"
                    "er, t\xe4glich"),
            "windows-1252: schön und größer, täglich");
  const auto found = decode_text(
      "sch\xf6n und gr\xf6\xdf"
      "er, t\xe4glich",
      false);
  EXPECT_EQ(found->note, "read as windows-1252 (detected)");
  EXPECT_EQ(decode_text("plain é", false)->note, "");
}

TEST(Decode, TakesAFewLatinBytesForTheCommonestOfTheirKind) {
  EXPECT_EQ(decoded("The caf\xe9 is open from nine to five."), "windows-1252: The café is open from nine to five.");
  EXPECT_EQ(decode_text("Se\xf1or", false)->note, "read as windows-1252 (assumed)");
}

TEST(Decode, BelievesAPageAsBrowsersDo) {
  EXPECT_EQ(decoded("<meta charset=\"windows-1251\"><p>\xcf\xf0\xe8\xe2\xe5\xf2", true),
            "windows-1251: <meta charset=\"windows-1251\"><p>Привет");
  EXPECT_EQ(decoded("<META http-equiv=x content='text/html; charset=ISO-8859-1'>\x93x\x94", true),
            "windows-1252: <META http-equiv=x content='text/html; charset=ISO-8859-1'>“x”");
  EXPECT_EQ(decoded("<meta charset=utf-16>é", true), "UTF-8: <meta charset=utf-16>é");
  EXPECT_EQ(decoded("<meta charset=nonsense>é", true), "UTF-8: <meta charset=nonsense>é");
  EXPECT_EQ(decoded("charset=windows-1251 é"), "UTF-8: charset=windows-1251 é") << "a text declares nothing";
}

TEST(Decode, KeepsUtf8ThatHasAFewBrokenBytes) {
  const auto made = decode_text("é é é é é é é é é \xff end", false);
  EXPECT_EQ(made->encoding, "UTF-8");
  EXPECT_EQ(made->note, "read as UTF-8, with 1 broken character");
}

TEST(Decode, RefusesWhatIsNoText) {
  std::string bytes;
  for (int i = 0; i < 2'560; ++i) bytes += static_cast<char>(i * 7);
  EXPECT_EQ(decoded(bytes), "is not text: it has zero bytes");
  EXPECT_EQ(decoded("a\0b"s), "is not text: it has zero bytes");
  EXPECT_EQ(decoded("\x01\x02\x03\x04 x"), "is not text: it is full of control characters");
}

// A place in the text leads to the place in the file that it was read from, whatever the encoding.
TEST(Decode, LeadsBackToTheFile) {
  const std::u16string text = u"# Quorum\n\n法定人数 é 五";
  for (const bool little : {true, false}) {
    const std::string bytes = (little ? "\xff\xfe" : "\xfe\xff") + utf16(text, little);
    const DecodedText made = decode_text(bytes, false).value();
    std::vector<std::size_t> places;
    for (std::size_t at = 0; at <= made.text.size();
         at += at < made.text.size() ? utf8_length(static_cast<unsigned char>(made.text[at])) : 1) {
      places.push_back(at);
    }
    const std::vector<std::size_t> found = source_places(bytes, made, places);
    ASSERT_EQ(found.size(), text.size() + 1);
    for (std::size_t i = 0; i < found.size(); ++i) EXPECT_EQ(found[i], 2 + 2 * i);
  }
}

TEST(Decode, NeverLeavesTheFileWhateverTheBytes) {
  for (std::uint64_t seed = 1; seed <= 1'000; ++seed) {
    SeededRandom random(seed);
    std::string bytes = seed % 4 == 0 ? "\xff\xfe" : seed % 4 == 1 ? "\xef\xbb\xbf" : "";
    const std::uint64_t range = seed % 3 == 0 ? 256 : 128;
    for (std::uint64_t left = random.below(5'000); left > 0; --left)
      bytes += static_cast<char>(random.below(range) | 0x20);
    const Result<DecodedText> made = decode_text(bytes, seed % 2 == 0);
    if (!made.ok()) continue;
    ASSERT_TRUE(is_valid_utf8(made->text)) << "seed " << seed;
    const std::vector<std::size_t> found = source_places(bytes, *made, {0, made->text.size() / 2, made->text.size()});
    ASSERT_LE(found[0], found[1]) << "seed " << seed;
    ASSERT_LE(found[1], found[2]) << "seed " << seed;
    ASSERT_LE(found[2], bytes.size()) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mnema
