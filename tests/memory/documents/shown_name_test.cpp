#include "memory/documents/shown_name.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(ShownName, StaysInItsLineAndTurnsNoWriting) {
  EXPECT_EQ(shown_name("größe 語 😀.md"), "größe 語 😀.md");
  EXPECT_EQ(shown_name("a\nb\r\tc\x1b[31m\x7f"), "a\\nb\\r\\tc\\x1b[31m\\x7f");
  EXPECT_EQ(shown_name("txt.\u202egpj"), "txt.\\u{202e}gpj");
  EXPECT_EQ(shown_name("a\u2028b\u0085"), "a\\u{2028}b\\u{85}");
  EXPECT_EQ(shown_name("\xff\xe8\xaa"), "\\xff\\xe8\\xaa");
  EXPECT_EQ(shown_name("a\\nb"), "a\\\\nb") << "another name than the one with a line end";
  EXPECT_EQ(shown_text("a\\nb"), "a\\nb");
}

}  // namespace
}  // namespace mnema
