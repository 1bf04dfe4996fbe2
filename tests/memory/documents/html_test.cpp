#include "memory/documents/html.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"
#include "tests/memory/documents/read_blocks.hpp"

namespace mnema {
namespace {

using testing::BlockList;
using testing::ReadBlock;
using Texts = std::vector<std::string>;

std::vector<ReadBlock> blocks(std::string_view html) { return testing::blocks_of(html, read_html); }
Texts texts(std::string_view html) { return testing::texts_of(html, read_html); }

std::string repeated(std::string_view text, int times) {
  std::string all;
  for (int i = 0; i < times; ++i) all += text;
  return all;
}

TEST(Html, IsWhatAReaderSees) {
  EXPECT_EQ(texts("<html><head><title>t</title><style>p{}</style></head><body><nav>menu</nav>"
                  "<script>run()</script><p>Hello  <b>dear</b>\n reader &amp; friend</p><!-- aside --></body>"),
            (Texts{"Hello dear reader & friend"}));
}

TEST(Html, KeepsBlocksApartAndInlineTogether) {
  EXPECT_EQ(texts("<p>one</p><ul><li>two</li><li>th<i>r</i>ee</li></ul>"), (Texts{"one", "two", "three"}));
  EXPECT_EQ(texts("<p>un<mark>believ</mark>able a<wbr>b <my-tag>cus</my-tag>tom <font color=red>c</font>d"),
            (Texts{"unbelievable ab custom cd"}));
  EXPECT_EQ(texts("<address>Line 1<br>Line 2</address>"), (Texts{"Line 1\nLine 2"}));
}

TEST(Html, ReadsWhatAnImageSaysOfItselfAndAFilledInField) {
  EXPECT_EQ(texts("<p>The <img src=a.png alt='floor &amp; plan'>, by <IMG ALT=Ada src='alt=no'>."),
            (Texts{"The floor & plan, by Ada."}));
  EXPECT_EQ(texts("<p>a<img alt><img alt=''><img/><img alt =  \"b < c\" / >d"), (Texts{"ab < cd"}));
  EXPECT_EQ(texts("<nav><img alt=menu></nav><p>x<img alt=\"open"), (Texts{"x"}));
  EXPECT_EQ(texts("<textarea>line <b>one\n two</textarea>after"), (Texts{"line <b>one two", "after"}));
  const std::vector<ReadBlock> found = blocks("<p><img alt='a map'></p>");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].source, "a map");
}

TEST(Html, KnowsItsHeadingsAndItsTitle) {
  const std::vector<ReadBlock> found = blocks("<h2>The <em>title</em></h2><p>text</p>");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[0].kind, TextBlockKind::kHeading);
  EXPECT_EQ(found[0].level, 2);
  EXPECT_EQ(found[0].text, "The title");
  EXPECT_EQ(found[1].level, 0);
  BlockList list("");
  read_html("<TITLE>Fares &amp; <b>\n times</TITLE><p>x", list);
  EXPECT_EQ(list.named, "Fares & <b> times");
}

TEST(Html, KnowsWhereItStands) {
  const std::vector<ReadBlock> found = blocks("<p>first</p>\n<p class='a>b'> sec<b>ond</b> &amp; one</p>");
  ASSERT_EQ(found.size(), 2U);
  EXPECT_EQ(found[1].source, "sec<b>ond</b> &amp; one");
}

TEST(Html, KeepsTheLinesOfPreformattedText) {
  const std::vector<ReadBlock> found = blocks("<pre>def f(x):\n    return <b>x</b>\n\ny = 2\n</pre>");
  ASSERT_EQ(found.size(), 1U);
  EXPECT_EQ(found[0].kind, TextBlockKind::kCode);
  EXPECT_EQ(found[0].text, "def f(x):\n    return x\n\ny = 2");
}

TEST(Html, ReadsATableByRowAndALayoutByCell) {
  const std::vector<ReadBlock> rows = blocks(
      "<table><caption>Fares</caption><thead><tr><th>To<th>EUR</thead><tbody><tr><td>Oslo<td><p>12</p>"
      "<tr><td></table>after");
  ASSERT_EQ(rows.size(), 4U);
  EXPECT_EQ(rows[0].text, "Fares");
  EXPECT_EQ(rows[1].text, "To | EUR");
  EXPECT_EQ(rows[1].kind, TextBlockKind::kTableHeader);
  EXPECT_EQ(rows[2].text, "Oslo | 12");
  EXPECT_EQ(rows[2].kind, TextBlockKind::kTableRow);
  EXPECT_EQ(rows[3].text, "after");
  EXPECT_EQ(texts("<table><tr><td><h1>Big</h1><p>text<td><p>other</table>"), (Texts{"Big", "text", "other"}));
  EXPECT_EQ(texts("<table>stray<tr><td>cell</table>"), (Texts{"stray", "cell"}));
}

TEST(Html, ReadsWhatIsBroken) {
  EXPECT_EQ(texts("plain"), (Texts{"plain"}));
  EXPECT_EQ(texts("<p>open <b>never closed"), (Texts{"open never closed"}));
  EXPECT_EQ(texts("<<<>>> &bogus; <"), (Texts{"<<<>>> &bogus; <"}));
  EXPECT_EQ(texts("a<<b>div>b"), (Texts{"a<div>b"})) << "what is left of a tag makes no other";
  EXPECT_EQ(texts("<p>text<p title='never closed"), (Texts{"text"}));
  EXPECT_TRUE(texts("").empty());
}

TEST(Html, HidesScriptsInAnyCaseAndOrder) {
  for (const char* script : {"<script>leak()</script>", "<SCRIPT type=x>leak()</ScRiPt >", "<script></SCRIPT>",
                             "<style>leak{}</STYLE\n>", "<script><!-- <script> leak </script> --> leak</script>",
                             "<template><p>leak</p></template>", "<noscript>leak</noscript>", "<nav><ul><li>leak</nav>",
                             "<!-- leak --!>", "<!-- <p>leak</p> -->", "<?php leak ?>"}) {
    EXPECT_EQ(texts(std::string("<p>top</p>") + script + "<h2>seen</h2>"), (Texts{"top", "seen"})) << script;
  }
}

TEST(Html, EndsADrawingWhereItEnds) {
  for (const int paths : {398, 399, 5'000}) {
    const std::string page = "<svg>" + repeated("<path/>", paths) +
                             "</svg><div><script>leak()</script><h2>Head</h2><style>leak</style>text</div>";
    EXPECT_EQ(texts(page), (Texts{"Head", "text"})) << paths;
  }
  EXPECT_EQ(texts("<svg><path><g><div>text</div>"), (Texts{"text"})) << "HTML ends a drawing that is left open";
  EXPECT_EQ(texts("<svg><style>leak</style><script href='x'/></svg>text"), (Texts{"text"}));
}

TEST(Html, TakesXmlAtItsWord) {
  EXPECT_EQ(texts("<?xml version='1.0'?><html><head><title/><script src='x'/></head><nav/><p>one</p><div/>two</html>"),
            (Texts{"one", "two"}));
}

TEST(Html, SurvivesAPageThatIsNothingButOpenTags) {
  for (const char* tag : {"<div>", "<b>", "<div></p>", "<ul><li>", "<script></SCRIPT><div>", "<span>\n", "<a href=x>",
                          "<b><i><p>", "<svg>", "<select><option>", "<h1>", "<button>", "<form>"}) {
    const std::string html = "<p>top</p>" + repeated(tag, 50'000) + "deep</b>";
    EXPECT_EQ(texts(html), (Texts{"top", "deep"})) << tag;
  }
}

TEST(Html, SurvivesTablesInTables) {
  for (const char* tag : {"<table><td>", "<table><tr><td>x", "<table>"}) {
    const Texts found = texts(repeated(tag, 50'000) + "deep");
    ASSERT_FALSE(found.empty());
    EXPECT_TRUE(found.back().ends_with("deep")) << tag;
  }
}

TEST(Html, KeepsWhatIsHiddenHiddenHoweverDeepItStands) {
  EXPECT_EQ(texts(repeated("<div>", 5'000) + "<nav>leak</nav><template>leak</template>text"), (Texts{"text"}));
}

TEST(Html, SurvivesATagThatIsNothingButAttributes) {
  std::string html = "<p>top</p><div";
  for (int i = 0; i < 200'000; ++i) html += " a" + std::to_string(i);
  EXPECT_EQ(texts(html + ">text</div>"), (Texts{"top", "text"}));
}

TEST(Html, KeepsTheHeaderOfATableThatIsLongerThanAPieceOfThePage) {
  int rows = 0;
  int headers = 0;
  for (const ReadBlock& block : blocks("<table><tr><th>n" + repeated("<tr><td>1", 100'000))) {
    rows += block.kind == TextBlockKind::kTableRow ? 1 : 0;
    headers += block.kind == TextBlockKind::kTableHeader ? 1 : 0;
  }
  EXPECT_EQ(headers, 1);
  EXPECT_EQ(rows, 100'000);
}

// Whatever the page: places do not go back or leave it, and what is read is UTF-8.
TEST(Html, KnowsItsPlacesWhateverThePage) {
  constexpr std::string_view kPieces[] = {
      "word ", "<p>",    "</p>",  "<div>", "</div>", "<table>", "<tr>",     "<td>",  "</table>",  "<b",   ">",
      "<pre>", "</pre>", "&amp;", "&",     "<h1>",   "</h1>",   "<script>", "é",     "</script>", "<!--", "-->",
      "<svg>", "/>",     "<li>",  "<br>",  "'",      "\"",      "=",        "<nav>", "</nav>",    "<th>"};
  for (std::uint64_t seed = 1; seed <= 500; ++seed) {
    SeededRandom random(seed);
    std::string page;
    for (std::uint64_t left = random.below(120); left > 0; --left) page += kPieces[random.below(std::size(kPieces))];
    class Checked : public TextBlockSink {
     public:
      void add(const TextBlock& block) override {
        EXPECT_LE(block.begin, block.end);
        EXPECT_LE(block.end, size);
        EXPECT_LE(last, block.begin);
        EXPECT_TRUE(is_valid_utf8(block.text));
        last = block.begin;
      }
      std::size_t size = 0;
      std::size_t last = 0;
    } sink;
    sink.size = page.size();
    read_html(page, sink);
    ASSERT_FALSE(::testing::Test::HasFailure()) << "seed " << seed << ": " << page;
  }
}

}  // namespace
}  // namespace mnema
