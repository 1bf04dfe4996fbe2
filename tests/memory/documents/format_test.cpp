#include "memory/documents/format.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(DocumentFormat, IsThatOfTheNameInAnyCase) {
  EXPECT_EQ(format_of("docs/A.MD"), MediaType::kMarkdown);
  EXPECT_EQ(format_of("x.tar.csv"), MediaType::kTable);
  EXPECT_EQ(format_of("v1.md/data"), std::nullopt);
  EXPECT_EQ(format_of("photo.png"), std::nullopt);
  EXPECT_EQ(format_of(".md"), std::nullopt) << "a hidden file without an extension";
  for (const std::string& extension : known_extensions()) EXPECT_TRUE(format_of("x" + extension)) << extension;
}

}  // namespace
}  // namespace mnema
