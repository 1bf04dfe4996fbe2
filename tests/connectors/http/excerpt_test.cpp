#include "connectors/http/excerpt.hpp"

#include <gtest/gtest.h>

#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

TEST(Excerpt, MasksTheSecretWhereverItStands) {
  EXPECT_EQ(excerpt("say hunter2 and hunter2", Secret("hunter2")), "say [secret] and [secret]");
  EXPECT_EQ(excerpt("*****", Secret("***")), "[secret]**");
  EXPECT_EQ(excerpt("none", Secret()), "none");
  // Not even its first half, where the text is cut.
  const std::string cut = excerpt(std::string(18, '.') + "hunter2", Secret("hunter2"), 20);
  EXPECT_EQ(cut, std::string(18, '.') + "[secret]");
}

TEST(Excerpt, IsValidTextWhereverItIsCut) {
  std::string text;
  for (int i = 0; i < 20; ++i) text += "a\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80";
  for (std::size_t most = 0; most < text.size() + 2; ++most) {
    const std::string kept = excerpt(text, Secret(), most);
    EXPECT_TRUE(is_valid_utf8(kept)) << most;
    EXPECT_EQ(kept.find("\xef\xbf\xbd"), std::string::npos) << "no character is halved at " << most;
  }
  EXPECT_EQ(excerpt("a\xff\xfe\r\n\tb", Secret()), "a\xef\xbf\xbd\xef\xbf\xbd   b");
}

}  // namespace
}  // namespace mnema
