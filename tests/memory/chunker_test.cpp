#include "memory/chunker.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "runtime/random.hpp"
#include "runtime/utf8.hpp"

namespace mnema {
namespace {

constexpr int kRoomy = 256;

std::string without_blanks(std::string text) {
  std::erase_if(text, [](char c) { return c == ' ' || c == '\n' || c == '\t'; });
  return text;
}

TEST(Chunker, CutsMarkdownAtItsHeadingsAndNamesThoseAbove) {
  const CutDocument cut =
      cut_document("Preface.\n\n# Runtime #\nOne loop.\n\n## Threads\nA pool.\n\nA store.\n# Memory\nRows.",
                   MediaType::kMarkdown, kRoomy);
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
  const CutDocument cut = cut_document(source, MediaType::kMarkdown, kRoomy);
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
      cut_document("# Build\n```\n# not a heading\n\n~~~\n# nor this\n```\n# Run\nGo.", MediaType::kMarkdown, kRoomy);
  ASSERT_EQ(cut.chunks.size(), 2U);
  EXPECT_EQ(cut.chunks[0].text, "```\n# not a heading\n\n~~~\n# nor this\n```");
  EXPECT_EQ(cut.chunks[1].heading_path, "Run");
}

TEST(Chunker, TakesAHashInPlainTextForText) {
  const CutDocument cut = cut_document("# 1 item\nfound", MediaType::kPlainText, kRoomy);
  ASSERT_EQ(cut.chunks.size(), 1U);
  EXPECT_EQ(cut.chunks[0].text, "# 1 item\nfound");
  EXPECT_EQ(cut.title, "");
}

TEST(Chunker, CutsALongParagraphAfterASentence) {
  const std::string sentence = "This sentence is about forty bytes long. ";
  std::string source;
  for (int i = 0; i < 20; ++i) source += sentence;
  const CutDocument cut = cut_document(source, MediaType::kPlainText, 32);
  ASSERT_GT(cut.chunks.size(), 5U);
  for (const Chunk& chunk : cut.chunks) {
    EXPECT_LE(chunk.text.size(), 128U);
    EXPECT_TRUE(chunk.text.ends_with("long.")) << chunk.text;
  }
}

TEST(Chunker, NeverCutsACharacter) {
  std::string source;
  for (int i = 0; i < 300; ++i) source += "語é";
  for (const Chunk& chunk : cut_document(source, MediaType::kPlainText, 16).chunks) {
    EXPECT_TRUE(is_valid_utf8(chunk.text)) << chunk.text;
  }
}

TEST(Chunker, FindsNothingInNothing) {
  for (const MediaType type : {MediaType::kPlainText, MediaType::kMarkdown, MediaType::kHtml}) {
    EXPECT_TRUE(cut_document("", type, kRoomy).chunks.empty());
    EXPECT_TRUE(cut_document(" \n\t\n", type, kRoomy).chunks.empty());
  }
}

TEST(Chunker, CitesTheHeadingOfAWebPage) {
  const CutDocument cut =
      cut_document("<title>x</title><h1>Refunds</h1><p>Within <b>30</b> days.</p>", MediaType::kHtml, kRoomy);
  EXPECT_EQ(cut.title, "Refunds");
  ASSERT_EQ(cut.chunks.size(), 1U);
  EXPECT_EQ(cut.chunks[0].heading_path, "Refunds");
  EXPECT_EQ(cut.chunks[0].text, "Within 30 days.");
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
    const CutDocument cut = cut_document(source, MediaType::kMarkdown, 4 + static_cast<int>(random.below(30)));
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
