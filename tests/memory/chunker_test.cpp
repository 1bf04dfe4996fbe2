#include "memory/chunker.hpp"

#include <gtest/gtest.h>

#include <algorithm>
#include <set>
#include <sstream>
#include <tuple>

#include "memory/documents/token_estimate.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr int kSpacious = 256;

CutDocument cut_of(std::string_view bytes, MediaType type, int tokens_max) {
  return cut_document(bytes, type, tokens_max).value();
}

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
  return text;
}

TEST(Chunker, CutsMarkdownAtItsHeadingsAndNamesThoseAbove) {
  const CutDocument cut =
      cut_of("Preface.\n\n# Runtime #\nOne loop.\n\n## Threads\nA pool.\n\nA store.\n# Memory\nRows.",
             MediaType::kMarkdown, kSpacious);
  EXPECT_EQ(cut.title, "Runtime");
  ASSERT_EQ(cut.chunks.size(), 4U);
  EXPECT_EQ(cut.chunks[0].heading_path, "");
  EXPECT_EQ(cut.chunks[0].text, "Preface.");
  EXPECT_EQ(cut.chunks[1].heading_path, "Runtime");
  EXPECT_EQ(cut.chunks[2].heading_path, "Runtime › Threads");
  EXPECT_EQ(cut.chunks[2].text, "A pool.\n\nA store.");
  EXPECT_EQ(cut.chunks[3].heading_path, "Memory");
}

TEST(Chunker, KnowsTheLinesOfAChunk) {
  const std::string source = "# Top\n\nfirst\nsecond\n\n\nthird\n";
  const CutDocument cut = cut_of(source, MediaType::kMarkdown, kSpacious);
  ASSERT_EQ(cut.chunks.size(), 1U);
  const TextRange& range = cut.chunks[0].range;
  EXPECT_EQ(range.line_begin, 3);
  EXPECT_EQ(range.line_end, 8);
  EXPECT_EQ(source.substr(static_cast<std::size_t>(range.byte_begin),
                          static_cast<std::size_t>(range.byte_end - range.byte_begin)),
            "first\nsecond\n\n\nthird");
}

TEST(Chunker, TakesAHashInsideACodeFenceForCode) {
  const CutDocument cut =
      cut_of("# Build\n```\n# not a heading\n\n~~~\n# nor this\n```\n# Run\nGo.", MediaType::kMarkdown, kSpacious);
  ASSERT_EQ(cut.chunks.size(), 2U);
  EXPECT_EQ(cut.chunks[0].text, "```\n# not a heading\n\n~~~\n# nor this\n```");
  EXPECT_EQ(cut.chunks[1].heading_path, "Run");
}

TEST(Chunker, TakesAHashInPlainTextForText) {
  const CutDocument cut = cut_of("# 1 item\nfound", MediaType::kPlainText, kSpacious);
  ASSERT_EQ(cut.chunks.size(), 1U);
  EXPECT_EQ(cut.chunks[0].text, "# 1 item\nfound");
  EXPECT_EQ(cut.title, "");
}

TEST(Chunker, CutsALongParagraphAfterASentence) {
  const std::string sentence = "This sentence is about forty bytes long. ";
  std::string source;
  for (int i = 0; i < 20; ++i) source += sentence;
  const CutDocument cut = cut_of(source, MediaType::kPlainText, 32);
  ASSERT_GT(cut.chunks.size(), 5U);
  for (const Chunk& chunk : cut.chunks) {
    EXPECT_LE(chunk.text.size(), 128U);
    EXPECT_TRUE(chunk.text.ends_with("long.")) << chunk.text;
  }
}

TEST(Chunker, NeverCutsACharacter) {
  std::string source;
  for (int i = 0; i < 300; ++i) source += "語é";
  for (const Chunk& chunk : cut_of(source, MediaType::kPlainText, 16).chunks) {
    EXPECT_TRUE(is_valid_utf8(chunk.text)) << chunk.text;
  }
}

TEST(Chunker, FindsNothingInNothing) {
  for (const MediaType type : {MediaType::kPlainText, MediaType::kMarkdown, MediaType::kHtml}) {
    EXPECT_TRUE(cut_of("", type, kSpacious).chunks.empty());
    EXPECT_TRUE(cut_of(" \n\t\n", type, kSpacious).chunks.empty());
  }
}

TEST(Chunker, CitesTheHeadingOfAWebPage) {
  const CutDocument cut =
      cut_of("<title>x</title><h1>Refunds</h1><p>Within <b>30</b> days.</p>", MediaType::kHtml, kSpacious);
  EXPECT_EQ(cut.title, "Refunds");
  ASSERT_EQ(cut.chunks.size(), 1U);
  EXPECT_EQ(cut.chunks[0].heading_path, "Refunds");
  EXPECT_EQ(cut.chunks[0].text, "Within 30 days.");
}

TEST(Chunker, NamesAWebPageByItsMainHeadingElseByItsTitle) {
  EXPECT_EQ(cut_of("<title>Fares</title><h2>Menu</h2><h1>Refunds</h1>x", MediaType::kHtml, kSpacious).title, "Refunds");
  EXPECT_EQ(cut_of("<title>Fares</title><h2>Menu</h2>x", MediaType::kHtml, kSpacious).title, "Fares");
  EXPECT_EQ(cut_of("<h2>Menu</h2>x", MediaType::kHtml, kSpacious).title, "Menu");
  const CutDocument cut = cut_of("<title>Fares</title>Ten crowns.<h2>More</h2>", MediaType::kHtml, kSpacious);
  EXPECT_EQ(cut.chunks.at(0).heading_path, "Fares");
}

std::string words_of(const CutDocument& cut) {
  std::string all;
  for (const Chunk& chunk : cut.chunks) all += chunk.heading_path + "\n" + chunk.text + "\n";
  return all;
}

TEST(Chunker, FindsAHeadingThatNothingFollows) {
  const CutDocument cut = cut_of("# Contacts\n## Support phone 555-0142\n## Hours\nNine to five.\n## Fax 555-0199",
                                 MediaType::kMarkdown, kSpacious);
  ASSERT_EQ(cut.chunks.size(), 3U);
  EXPECT_EQ(cut.chunks[0].text, "Contacts › Support phone 555-0142");
  EXPECT_EQ(cut.chunks[1].heading_path, "Contacts › Hours");
  EXPECT_EQ(cut.chunks[2].text, "Contacts › Fax 555-0199");
  const CutDocument only = cut_of("# One\n# Two\n## Three\n", MediaType::kMarkdown, kSpacious);
  ASSERT_EQ(only.chunks.size(), 1U);
  EXPECT_EQ(only.chunks[0].text, "One\nTwo › Three");
}

TEST(Chunker, CutsALongHeadingWhereItsTextBegins) {
  std::string title;
  for (int i = 0; i < 100; ++i) title += "é語";
  for (const std::string& source : {"   # " + title + "\ntext", "  " + title + "\n---\ntext"}) {
    std::string found;
    for (const Chunk& chunk : cut_of(source, MediaType::kMarkdown, 16).chunks) {
      EXPECT_TRUE(is_valid_utf8(chunk.text)) << chunk.text;
      found += chunk.text;
    }
    EXPECT_NE(found.find(title), std::string::npos) << found;
  }
}

TEST(Chunker, KeepsTheWordsOfAHeadingThatIsTooLongForOne) {
  const std::string end = "the last words";
  std::string title;
  for (int i = 0; i < 60; ++i) title += "word ";
  const CutDocument cut = cut_of("# " + title + end + "\ntext", MediaType::kMarkdown, kSpacious);
  EXPECT_NE(words_of(cut).find(end), std::string::npos);
}

TEST(Chunker, CutsTablesListsAndLogsBetweenLines) {
  for (const MediaType type : {MediaType::kMarkdown, MediaType::kPlainText, MediaType::kTable, MediaType::kJson}) {
    std::string lines = type == MediaType::kMarkdown ? "| item | price |\n|---|---|\n" : "item,price\n";
    std::set<std::string> rows;
    for (int i = 0; i < 200; ++i) {
      const std::string row = "| thing " + std::to_string(i) + " | 5 EUR. incl. tax |";
      rows.insert(row);
      lines += row + "\n";
    }
    const CutDocument cut = cut_of(lines, type, 64);
    EXPECT_GT(cut.chunks.size(), 10U);
    std::size_t found = 0;
    for (const Chunk& chunk : cut.chunks) {
      std::istringstream text(chunk.text);
      for (std::string line; std::getline(text, line);) {
        if (line.find("thing") == std::string::npos) continue;
        EXPECT_TRUE(rows.contains(line)) << line;
        ++found;
      }
    }
    EXPECT_EQ(found, 200U) << static_cast<int>(type);
  }
}

TEST(Chunker, ARowOfSomeLengthIsAChunkOfItsOwn) {
  const std::string table =
      "| boat | story |\n|---|---|\n"
      "| Tern | built by two brothers who never agreed on the length of its keel, and sold twice |\n"
      "| Gull | found adrift in the winter of the great storm, with a dog and no crew aboard |\n";
  const CutDocument cut = cut_document(table, MediaType::kMarkdown, 256).value();
  ASSERT_EQ(cut.chunks.size(), 2U);
  EXPECT_NE(cut.chunks[0].text.find("Tern"), std::string::npos);
  EXPECT_EQ(cut.chunks[0].text.find("Gull"), std::string::npos);
  EXPECT_TRUE(cut.chunks[1].text.starts_with("| boat | story |")) << cut.chunks[1].text;
  EXPECT_EQ(cut.chunks[1].range.line_begin, 4);
  // Short ones stay together.
  EXPECT_EQ(
      cut_document("| a | b |\n|---|---|\n| 1 | 2 |\n| 3 | 4 |\n", MediaType::kMarkdown, 256).value().chunks.size(),
      1U);
}

TEST(Chunker, RepeatsTheHeaderOfATableInEachChunk) {
  std::string markdown = "# Fares\n\n| to | EUR |\n|---|---|\n";
  std::string html = "<h1>Fares</h1><table><tr><th>to<th>EUR</tr>";
  std::string csv = "to,EUR\n";
  for (int i = 0; i < 100; ++i) {
    const std::string number = std::to_string(i);
    markdown += "| town " + number + " | " + number + " |\n";
    html += "<tr><td>town " + number + "<td>" + number;
    csv += "town " + number + "," + number + "\n";
  }
  for (const auto& [bytes, type, header] :
       {std::tuple{markdown, MediaType::kMarkdown, "| to | EUR |\n|---|---|\n"},
        std::tuple{html, MediaType::kHtml, "to | EUR\n"}, std::tuple{csv, MediaType::kTable, "to,EUR\n"}}) {
    const CutDocument cut = cut_of(bytes, type, 64);
    EXPECT_GT(cut.chunks.size(), 5U);
    for (const Chunk& chunk : cut.chunks) EXPECT_TRUE(chunk.text.starts_with(header)) << chunk.text;
  }
}

TEST(Chunker, CutsCodeBetweenEmptyLines) {
  std::string code;
  for (int i = 0; i < 30; ++i) code += "def f" + std::to_string(i) + "():\n    first()\n    return second()\n\n";
  for (const auto& [bytes, type] :
       {std::pair{code, MediaType::kCode}, std::pair{"<pre>" + code + "</pre>", MediaType::kHtml}}) {
    for (const Chunk& chunk : cut_of(bytes, type, 64).chunks) {
      EXPECT_TRUE(chunk.text.starts_with("def ")) << chunk.text;
      EXPECT_TRUE(chunk.text.ends_with("second()")) << chunk.text;
    }
  }
}

TEST(Chunker, KeepsEachChunkWithinItsTokensInAnyScript) {
  std::string thai;
  std::string chinese;
  std::string digits;
  for (int i = 0; i < 300; ++i) thai += "ประชุม", chinese += "会议", digits += "12345";
  for (const std::string& text :
       {thai, chinese, digits, std::string(5'000, 'x'), std::string(5'000, '.'), std::string(5'000, ';')}) {
    for (const MediaType type : {MediaType::kPlainText, MediaType::kMarkdown, MediaType::kHtml, MediaType::kTable}) {
      const CutDocument cut = cut_of(text, type, 100);
      EXPECT_GT(cut.chunks.size(), 3U);
      for (const Chunk& chunk : cut.chunks) {
        EXPECT_LE(tokens_in(chunk.text), 100U);
        EXPECT_TRUE(is_valid_utf8(chunk.text));
      }
    }
  }
}

TEST(Chunker, GivesPlacesInTheFileAsItIs) {
  const std::string bytes = "\xef\xbb\xbf# Quorum Policy\r\rFive members.\r";
  const CutDocument cut = cut_of(bytes, MediaType::kMarkdown, kSpacious);
  EXPECT_EQ(cut.title, "Quorum Policy");
  ASSERT_EQ(cut.chunks.size(), 1U);
  const TextRange& range = cut.chunks[0].range;
  EXPECT_EQ(bytes.substr(static_cast<std::size_t>(range.byte_begin), 13), "Five members.");
  EXPECT_EQ(range.byte_end - range.byte_begin, 13);
  EXPECT_EQ(range.line_begin, 3);
  const std::string latin =
      "<p>gr\xf6\xdf"
      "er</p><p>t\xe4glich sch\xf6n</p>";
  for (const Chunk& chunk : cut_of(latin, MediaType::kHtml, 4).chunks) {
    EXPECT_LE(chunk.range.byte_end, static_cast<std::int64_t>(latin.size()));
  }
}

// Whatever the document: no text is lost or said twice, chunks are in order, and each stands where it says it stands.
TEST(Chunker, LosesNoTextAndKnowsItsPlacesWhateverTheDocument) {
  constexpr std::string_view kPieces[] = {"word ",
                                          "Sentence. ",
                                          "\n",
                                          "\n\n",
                                          "```\n",
                                          "- item\n",
                                          "é",
                                          "longlong",
                                          "~~~\n",
                                          "\t",
                                          "a_very_long_word_without_blanks"};
  for (std::uint64_t seed = 1; seed <= 300; ++seed) {
    SeededRandom random(seed);
    std::string source;
    for (std::uint64_t left = random.below(200); left > 0; --left) source += kPieces[random.below(std::size(kPieces))];
    const CutDocument cut = cut_of(source, MediaType::kMarkdown, 4 + static_cast<int>(random.below(30)));
    std::string joined;
    std::int64_t end = 0;
    for (const Chunk& chunk : cut.chunks) {
      const TextRange& range = chunk.range;
      ASSERT_LE(end, range.byte_begin) << "seed " << seed;
      ASSERT_LE(range.byte_end, static_cast<std::int64_t>(source.size())) << "seed " << seed;
      end = range.byte_end;
      const std::string there = source.substr(static_cast<std::size_t>(range.byte_begin),
                                              static_cast<std::size_t>(range.byte_end - range.byte_begin));
      ASSERT_EQ(without_blanks(there), without_blanks(chunk.text)) << "seed " << seed;
      const auto lines = std::count(source.begin(), source.begin() + range.byte_begin, '\n');
      ASSERT_EQ(range.line_begin, lines + 1) << "seed " << seed;
      joined += chunk.text;
    }
    ASSERT_EQ(without_blanks(joined), without_blanks(source)) << "seed " << seed;
  }
}

}  // namespace
}  // namespace mnema
