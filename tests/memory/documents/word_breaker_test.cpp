#include "memory/documents/word_breaker.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

TEST(WordBreaker, CutsByDictionary) {
  WordBreaker breaker;
  std::vector<std::string> words;
  breaker.each_word("东京有名的大学", [&](std::string_view word) { words.emplace_back(word); });
  EXPECT_EQ(words, (std::vector<std::string>{"东京", "有名", "的", "大学"}));
}

TEST(Particles, GoWhereTheyMayStand) {
  EXPECT_EQ(without_particles("회의에서는", 2), "회의");
  EXPECT_EQ(without_particles("회의가", 2), "회의");
  EXPECT_EQ(without_particles("서울로", 1), "서울");
  EXPECT_EQ(without_particles("국가", 1), "국가") << "no such particle behind a consonant";
  EXPECT_EQ(without_particles("가을", 1), "가을");
  EXPECT_TRUE(is_particle("를"));
  EXPECT_FALSE(is_particle("회의"));
}

}  // namespace
}  // namespace mnema
