#include "agents/turn/passage_units.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::vector<std::string> texts(std::string_view text) {
  std::vector<std::string> found;
  for (const PassageUnit& unit : passage_units(text)) found.push_back(unit.text);
  return found;
}

using Texts = std::vector<std::string>;

TEST(PassageUnits, ARowOfATableNamesItsColumns) {
  EXPECT_EQ(texts("| boat | length | crew |\n|---|---|---|\n| **Tern** | 9 m | 2 |\n| Gull | 12 m | |\n"),
            (Texts{"Tern: length: 9 m; crew: 2", "Gull: length: 12 m"}));
}

TEST(PassageUnits, ARowIsHeadedByItsFirstCell) {
  const auto units = passage_units("| boat | length |\n|---|---|\n| **Tern** | 9 m |\n");
  ASSERT_EQ(units.size(), 1U);
  EXPECT_EQ(units[0].head, "Tern");
  EXPECT_EQ(units[0].kind, PassageUnit::Kind::kRow);
}

TEST(PassageUnits, RowsWithoutAHeaderAreRowsAllTheSame) {
  EXPECT_EQ(texts("| a | b |\n| c | d |"), (Texts{"a: b", "c: d"}));
}

TEST(PassageUnits, AnEscapedBarIsPartOfItsCell) {
  EXPECT_EQ(texts("| sign | use |\n|---|---|\n| `a \\| b` | either |"), (Texts{"`a | b`: use: either"}));
}

TEST(PassageUnits, AnItemGoesOnOverItsIndentedLines) {
  EXPECT_EQ(texts("- the first\n  goes on\n- the second\n3. the third"),
            (Texts{"the first goes on", "the second", "the third"}));
}

TEST(PassageUnits, LinesOfCodeStandAlone) {
  EXPECT_EQ(texts("```sh\nmake all\n\nmake test\n```\nThen run it."), (Texts{"make all", "make test", "Then run it."}));
  EXPECT_EQ(texts("    make all     builds\n                 everything\n    make test    tests\n"),
            (Texts{"make all     builds everything", "make test    tests"}));
}

TEST(PassageUnits, WrappedTextIsCutIntoSentences) {
  EXPECT_EQ(texts("The boat is old. It was\nbuilt in 1950.\n\nIt leaks."),
            (Texts{"The boat is old.", "It was built in 1950.", "It leaks."}));
}

TEST(PassageUnits, AnOpenFenceAndOddSignsLoseNothing) {
  EXPECT_EQ(texts("```\nopen"), (Texts{"open"}));
  EXPECT_EQ(texts("|"), Texts{});
  EXPECT_EQ(texts("|---|"), Texts{});
  EXPECT_EQ(texts(""), Texts{});
  EXPECT_EQ(texts("-"), (Texts{"-"}));
}

}  // namespace
}  // namespace mnema
