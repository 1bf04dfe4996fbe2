#include "memory/documents/plain_text.hpp"

#include <gtest/gtest.h>

#include "tests/memory/documents/read_blocks.hpp"

namespace mnema {
namespace {

using testing::ReadBlock;
using testing::texts_of;
using Texts = std::vector<std::string>;

TEST(PlainText, IsReadByWhatStandsBetweenEmptyLines) {
  EXPECT_EQ(texts_of("  one\ntwo\n\n \t\nthree\r\rfour", read_plain_text), (Texts{"  one\ntwo", "three", "four"}));
  EXPECT_EQ(texts_of("# no heading", read_plain_text), (Texts{"# no heading"}));
}

TEST(SeparatedValues, AreReadByRow) {
  const std::vector<ReadBlock> rows = testing::blocks_of(
      "name,note\nOslo,\"two\nlines, and \"\"quotes\"\"\"\n\nRome,12\" pipe\nBern,x", read_separated_values);
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].kind, TextBlockKind::kTableHeader);
  EXPECT_EQ(rows[1].text, "Oslo,\"two\nlines, and \"\"quotes\"\"\"");
  EXPECT_EQ(rows[2].text, "Rome,12\" pipe");
  EXPECT_EQ(rows[3].text, "Bern,x");
}

TEST(SeparatedValues, AreReadByLineWhereAQuoteIsNeverClosed) {
  std::string table = "a,b\n\"open,1\n";
  for (int i = 0; i < 20'000; ++i) table += "row,2\n";
  EXPECT_EQ(texts_of(table, read_separated_values).size(), 20'002U);
}

TEST(Json, IsReadByLineAndALongLineByItsParts) {
  EXPECT_EQ(texts_of("{\n  \"a\": 1,\n  \"b\": [\n", read_json), (Texts{"{", "  \"a\": 1,", "  \"b\": ["}));
  std::string line = "{";
  for (int i = 0; i < 200; ++i) line += "\"key " + std::to_string(i) + "\":\"a, b] \\\" c\",";
  const Texts parts = texts_of(line, read_json);
  EXPECT_GT(parts.size(), 10U);
  for (const std::string& part : parts) EXPECT_TRUE(part.ends_with("c\",")) << part;
}

TEST(Pages, AreNamedByTheirNumber) {
  const std::vector<ReadBlock> found = testing::blocks_of("first\n\f\fthird\n", read_pages);
  ASSERT_EQ(found.size(), 4U);
  EXPECT_EQ(found[0].text, "page 1");
  EXPECT_EQ(found[2].text, "page 3");
  EXPECT_EQ(found[3].text, "third");
}

}  // namespace
}  // namespace mnema
