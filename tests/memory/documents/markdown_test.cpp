#include "memory/documents/markdown.hpp"

#include <gtest/gtest.h>

#include "tests/memory/documents/read_blocks.hpp"

namespace mnema {
namespace {

using testing::ReadBlock;
using Texts = std::vector<std::string>;

std::vector<ReadBlock> blocks(std::string_view text) { return testing::blocks_of(text, read_markdown); }

Texts headings(std::string_view text) {
  Texts found;
  for (const ReadBlock& block : blocks(text)) {
    if (block.kind == TextBlockKind::kHeading) found.push_back(std::to_string(block.level) + " " + block.text);
  }
  return found;
}

TEST(Markdown, HasTheHeadingsThatCommonMarkSees) {
  EXPECT_EQ(headings("# Learn C#\n## Closed ##\n#No\n####### no\n   ### Three\n"),
            (Texts{"1 Learn C#", "2 Closed", "3 Three"}));
  EXPECT_EQ(headings("Set *up*\n===\ntext\n\nSecond\nline\n---\n"), (Texts{"1 Set up", "2 Second line"}));
  EXPECT_EQ(headings("    # install everything\n"), Texts{}) << "code";
  EXPECT_EQ(headings("> # quoted\n\n- # in a list\n\n# Real\n"), Texts{"1 Real"});
  EXPECT_EQ(headings("#\n# \n## ##\n"), Texts{}) << "nothing in them";
}

TEST(Markdown, ReadsTheWordsOfAHeading) {
  EXPECT_EQ(plain_inlines("The **big** [plan](x.md) of `a*b` and snake_case \\*"),
            "The big plan of a*b and snake_case *");
  EXPECT_EQ(plain_inlines("![logo](x.png) Mnema"), "logo Mnema");
  EXPECT_EQ(plain_inlines("see [1] and ``x"), "see [1] and ``x");
}

TEST(Markdown, TakesAFenceForAFenceOnlyWhereItIsOne) {
  EXPECT_EQ(headings("```npm install```\n# Real\n"), Texts{"1 Real"});
  EXPECT_EQ(headings("````\n```\n# no\n````\n# Real\n"), Texts{"1 Real"});
  EXPECT_EQ(headings("> ```\n> # no\n# Real\n"), Texts{"1 Real"}) << "a quote's fence ends with the quote";
  EXPECT_EQ(headings("~~~\n# never closed\n"), Texts{});
}

TEST(Markdown, ReadsLinesHoweverTheyEnd) {
  for (const std::string end : {"\n", "\r\n", "\r"}) {
    const std::vector<ReadBlock> found = blocks("# One" + end + end + "text" + end + end + "# Two" + end + "more");
    ASSERT_EQ(found.size(), 4U);
    EXPECT_EQ(found[1].text, "text");
    EXPECT_EQ(found[2].text, "Two");
    EXPECT_EQ(found[3].text, "more");
  }
}

TEST(Markdown, KnowsATableByItsSecondLine) {
  const std::vector<ReadBlock> found =
      blocks("Fares:\n| to | EUR |\n|:--|--:|\n| Oslo | 12 |\n| Rome | 9 |\n\nText | no table");
  ASSERT_EQ(found.size(), 5U);
  EXPECT_EQ(found[0].text, "Fares:");
  EXPECT_EQ(found[1].kind, TextBlockKind::kTableHeader);
  EXPECT_EQ(found[1].text, "| to | EUR |\n|:--|--:|");
  EXPECT_EQ(found[2].kind, TextBlockKind::kTableRow);
  EXPECT_EQ(found[3].text, "| Rome | 9 |");
  EXPECT_EQ(found[4].kind, TextBlockKind::kParagraph);
}

TEST(Markdown, LosesNothingThatIsNoBlock) {
  const std::vector<ReadBlock> found =
      blocks("---\nowner: ops\n---\n[ref]: http://x 'title'\n\n***\n<div>html</div>\n");
  std::string all;
  for (const ReadBlock& block : found) all += block.text + "\n";
  for (const char* part : {"owner: ops", "[ref]: http://x 'title'", "***", "<div>html</div>"}) {
    EXPECT_NE(all.find(part), std::string::npos) << part;
  }
}

}  // namespace
}  // namespace mnema
