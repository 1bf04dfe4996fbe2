#include "memory/html_text.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::vector<std::string> texts(std::string_view html) {
  std::vector<std::string> found;
  for (const TextBlock& block : html_blocks(html)) found.push_back(block.text);
  return found;
}

using Texts = std::vector<std::string>;

TEST(HtmlText, IsWhatAReaderSees) {
  EXPECT_EQ(texts("<html><head><title>t</title><style>p{}</style></head><body><nav>menu</nav>"
                  "<script>run()</script><p>Hello  <b>dear</b>\n reader &amp; friend</p><!-- aside --></body>"),
            (Texts{"Hello dear reader & friend"}));
}

TEST(HtmlText, KeepsBlocksApartAndInlineTogether) {
  EXPECT_EQ(texts("<p>one</p><ul><li>two</li><li>th<i>r</i>ee</li></ul>"), (Texts{"one", "two", "three"}));
}

TEST(HtmlText, KnowsItsHeadings) {
  const std::vector<TextBlock> blocks = html_blocks("<h2>The <em>title</em></h2><p>text</p>");
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].heading_level, 2);
  EXPECT_EQ(blocks[0].text, "The title");
  EXPECT_EQ(blocks[1].heading_level, 0);
}

TEST(HtmlText, KnowsWhereItStands) {
  const std::string html = "<p>first</p>\n<p>second one</p>";
  const std::vector<TextBlock> blocks = html_blocks(html);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(html.substr(blocks[1].byte_begin, blocks[1].byte_end - blocks[1].byte_begin), "second one");
}

TEST(HtmlText, ReadsWhatIsBroken) {
  EXPECT_EQ(texts("plain"), (Texts{"plain"}));
  EXPECT_EQ(texts("<p>open <b>never closed"), (Texts{"open never closed"}));
  EXPECT_EQ(texts("<<<>>> &bogus; <"), (Texts{"<<<>>> &bogus; <"}));
  EXPECT_TRUE(texts("").empty());
}

TEST(HtmlText, SurvivesAPageThatIsNothingButOpenTags) {
  for (const char* tag : {"<div>", "<b>", "<table><td>", "<div></p>", "<ul><li>"}) {
    std::string html = "<p>top</p>";
    for (int i = 0; i < 200'000; ++i) html += tag;
    html += "deep</b>";
    EXPECT_EQ(texts(html), (Texts{"top", "deep"})) << tag;
  }
}

TEST(HtmlText, SurvivesATagThatIsNothingButAttributes) {
  std::string html = "<p>top</p><div";
  for (int i = 0; i < 200'000; ++i) html += " a" + std::to_string(i);
  EXPECT_EQ(texts(html + ">text</div>"), (Texts{"top", "text"}));
}

TEST(HtmlText, TakesASignInAScriptOrACommentForNoTag) {
  std::string html = "<script>";
  for (int i = 0; i < 1'000; ++i) html += "if (a<b) c();";
  html += "</script><!-- ";
  for (int i = 0; i < 1'000; ++i) html += "<div>";
  html += " --><h1>Title</h1><div>text</div>";
  const std::vector<TextBlock> blocks = html_blocks(html);
  ASSERT_EQ(blocks.size(), 2U);
  EXPECT_EQ(blocks[0].heading_level, 1);
}

}  // namespace
}  // namespace mnema
