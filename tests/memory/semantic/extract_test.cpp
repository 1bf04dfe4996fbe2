#include "memory/semantic/extract.hpp"

#include <gtest/gtest.h>

#include "runtime/base/random.hpp"
#include "tests/memory/semantic/story.hpp"

namespace mnema {
namespace {

using testing::read_stories;
using testing::Story;
using testing::wrong_in;

/// Prints the stories that went wrong and returns how many were right.
int right_of(const std::vector<Story>& stories, bool tells_why) {
  int right = 0;
  for (const Story& story : stories) {
    const std::vector<std::string> wrong = wrong_in(story);
    right += wrong.empty() ? 1 : 0;
    if (wrong.empty()) continue;
    std::printf("wrong: %s\n", story.name.c_str());
    if (!tells_why) continue;
    for (const std::string& line : wrong) std::printf("    %s\n", line.c_str());
  }
  std::printf("%d of %zu stories are right\n", right, stories.size());
  return right;
}

TEST(ExtractClaims, GetsTheStoriesRightThatTheRulesWereMadeWith) {
  const std::vector<Story> stories = read_stories("stories.txt");
  EXPECT_GE(right_of(stories, true) * 10, static_cast<int>(stories.size()) * 9);
}

TEST(ExtractClaims, GetsMostStoriesRightThatNobodyLookedAt) {
  const std::vector<Story> stories = read_stories("stories_held_out.txt");
  EXPECT_GE(right_of(stories, false) * 10, static_cast<int>(stories.size()) * 7);
}

Episode said(const std::string& text, const std::string& role = "user") {
  Episode episode;
  episode.role = role;
  episode.text = text;
  episode.time = Time(std::chrono::sys_days(std::chrono::year(2025) / 3 / 5)) + std::chrono::hours(12);
  episode.trust = Trust::kUser;
  return episode;
}

/// "subject | predicate | object", a line each; "!" before what ends and "-" before what is past.
std::string claimed(const std::string& text, const std::string& role = "user") {
  std::string lines;
  for (const Claim& claim : extract_claims(said(text, role), FactLimits{})) {
    lines += (lines.empty() ? "" : "\n") + claim.subject + " | " + claim.predicate + " | " +
             (claim.kind == ClaimKind::kEnds   ? "!"
              : claim.kind == ClaimKind::kPast ? "-"
                                               : "") +
             claim.object;
  }
  return lines;
}

TEST(ExtractClaims, FindsNothingInWhatIsNotSaidToBeSo) {
  for (const char* text : {"Do I live in Oslo?", "If I lived in Oslo, I would ski.", "I wish I lived in Oslo.",
                           "I want to move to Oslo.", "Maybe I live in Oslo.", "> I live in Oslo.",
                           "```\nI live in Oslo.\n```", "She wrote \"I live in Oslo\".", "I will move to Oslo.",
                           "Sounds like fun!", "I love the colours of that picture.", "I joined a gym.", "", "???"}) {
    EXPECT_EQ(claimed(text), "") << text;
  }
}

TEST(ExtractClaims, TakesIForWhoeverSpeaks) {
  EXPECT_EQ(claimed("I live in Oslo.", "Caroline"), "Caroline | location | Oslo");
  EXPECT_EQ(claimed("I live in Oslo.", "tool"), "") << "nobody";
  EXPECT_EQ(claimed("I live in Oslo.", "assistant"), "") << "a model lives nowhere";
  EXPECT_EQ(extract_claims(said("You live in Oslo.", "assistant"), FactLimits{}).at(0).confidence,
            kAssistantConfidence);
}

TEST(ExtractClaims, ResolvesTimesAgainstTheEpisodes) {
  const auto since = [](const std::string& text) {
    const std::vector<Claim> claims = extract_claims(said(text), FactLimits{});
    if (claims.empty()) return std::string("nothing");
    const std::chrono::year_month_day day(std::chrono::floor<std::chrono::days>(claims[0].valid_from));
    return std::to_string(static_cast<int>(day.year())) + "-" + std::to_string(static_cast<unsigned>(day.month())) +
           "-" + std::to_string(static_cast<unsigned>(day.day()));
  };
  EXPECT_EQ(since("I moved to Oslo yesterday."), "2025-3-4");
  EXPECT_EQ(since("I moved to Oslo two weeks ago."), "2025-2-19");
  EXPECT_EQ(since("I moved to Oslo last Friday."), "2025-2-28");
  EXPECT_EQ(since("I moved to Oslo on 3 January."), "2025-1-3");
  EXPECT_EQ(since("I've lived in Oslo since 2019."), "2019-1-1");
  EXPECT_EQ(since("In December we moved to Oslo."), "2024-12-1");
  EXPECT_EQ(since("I will move to Oslo on 1 April."), "2025-4-1") << "a plan with a date";
  EXPECT_EQ(since("I moved to Oslo."), "2025-3-5");
}

TEST(ExtractClaims, TellsPastAndEndedFromPresent) {
  EXPECT_EQ(claimed("I used to work at Siemens."), "user | employer | -Siemens");
  EXPECT_EQ(claimed("I no longer live in Oslo."), "user | location | !Oslo");
  EXPECT_EQ(claimed("I stopped smoking."), "user | habit | !smoke");
  EXPECT_EQ(claimed("We switched from MySQL to PostgreSQL."), "user | uses | !MySQL\nuser | uses | PostgreSQL");
}

TEST(ExtractClaims, StaysWithinItsBoundsWhateverIsSaid) {
  const std::vector<std::string> words = {"I",  "my",   "sister", "Anna", "is",    "now",        "not", "in",   "Oslo",
                                          ",",  ".",    "and",    "but",  "12",    "EUR",        "€",   "\"",   "'",
                                          "’",  "\xff", "\xc2",   "(",    "3 May", "2025-02-31", "the", "like", "live",
                                          "no", "any",  "more",   "used", "to",    "?",          ":",   "%",    "ago"};
  SeededRandom random(7);
  for (int round = 0; round < 3'000; ++round) {
    std::string text;
    for (std::uint64_t i = 0; i < random.below(60); ++i)
      text += words[random.below(words.size())] + (random.below(4) ? " " : "");
    const FactLimits limits;
    const std::vector<Claim> claims = extract_claims(said(text), limits);
    ASSERT_LE(static_cast<int>(claims.size()), limits.claims_per_episode_max);
    for (const Claim& claim : claims) {
      ASSERT_FALSE(claim.subject.empty());
      ASSERT_LE(static_cast<int>(claim.object.size()), limits.object_bytes_max);
    }
  }
}

}  // namespace
}  // namespace mnema
