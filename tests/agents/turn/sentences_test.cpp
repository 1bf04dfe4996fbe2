#include "agents/turn/sentences.hpp"

#include <gtest/gtest.h>

#include <string>
#include <vector>

namespace mnema {
namespace {

/// As a stream would, in pieces of `size` bytes.
std::vector<std::string> cut(const std::string& text, std::size_t size) {
  std::vector<std::string> sentences;
  std::string pending;
  const auto take = [&](bool final) {
    while (const std::size_t length = first_sentence(pending, final)) {
      sentences.push_back(pending.substr(0, length));
      pending.erase(0, length);
    }
  };
  for (std::size_t at = 0; at < text.size(); at += size) {
    pending += text.substr(at, size);
    take(false);
  }
  take(true);
  return sentences;
}

using Texts = std::vector<std::string>;

TEST(Sentences, EndAtAFullStopBeforeABlankAndAtALineEnd) {
  EXPECT_EQ(cut("It is 1.5 m. Is it? Yes!\n- one\n- two", 1),
            (Texts{"It is 1.5 m. ", "Is it? ", "Yes!\n", "- one\n", "- two"}));
}

TEST(Sentences, KeepTheNumbersThatFollowTheFullStop) {
  EXPECT_EQ(cut("It holds. [1][2] It goes on [3]. [see] below", 3),
            (Texts{"It holds. [1][2] ", "It goes on [3]. ", "[see] below"}));
  EXPECT_EQ(cut("It holds.[1, 2]. More", 2), (Texts{"It holds.[1, 2]. ", "More"}));
}

TEST(Sentences, DoNotEndAtAnAbbreviationOrTheNumberOfAList) {
  EXPECT_EQ(cut("1. Pick it, e.g. with care. Then stop.", 4), (Texts{"1. Pick it, e.g. with care. ", "Then stop."}));
}

TEST(Sentences, AreTheSameHoweverTheTextComes) {
  const std::string text =
      "A first one (\"quoted.\") [1] and 3.14 more. [2] Next?! Ü [12, 3]. `a.b` c.\n\n  x. [not a number] y.\n" +
      std::string(700, 'z') + " end. " + std::string(650, '.') + "\xC3\xA4";
  const Texts whole = cut(text, text.size());
  for (std::size_t size = 1; size < 40; ++size) EXPECT_EQ(cut(text, size), whole) << "in pieces of " << size;
}

}  // namespace
}  // namespace mnema
