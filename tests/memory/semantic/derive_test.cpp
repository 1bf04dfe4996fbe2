#include "memory/semantic/derive.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

/// Days of 2025.
Time day(int number) {
  return Time(std::chrono::sys_days(std::chrono::year(2025) / 1 / 1)) + std::chrono::hours(24 * number);
}

Claim told(std::int64_t id, const std::string& object, int known, std::optional<int> valid = {},
           ClaimKind kind = ClaimKind::kHolds) {
  Claim claim;
  claim.id = claim.episode = id;
  claim.kind = kind;
  claim.subject = "user";
  claim.predicate = "location";
  claim.object = object;
  claim.known_from = day(known);
  claim.valid_from = day(valid.value_or(known));
  claim.valid_to = day(valid.value_or(known));
  claim.is_dated = valid.has_value();
  claim.trust = Trust::kUser;
  claim.confidence = 0.9;
  return claim;
}

/// "Hamburg 10-40, Lisbon 40-", with "!" before what is not so and "?" before what is contested.
std::string line_of(const Derived& derived) {
  const auto days_of = [](const std::optional<Time>& time) {
    return time ? std::to_string((*time - day(0)).count() / (24LL * 3'600'000'000)) : "";
  };
  std::string line;
  for (const Fact& fact : derived.facts) {
    line += (line.empty() ? "" : ", ") + std::string(fact.negated ? "!" : "") + (fact.contested ? "?" : "") +
            fact.object + " " + days_of(fact.valid_from) + "-" + days_of(fact.valid_to);
  }
  return line;
}

TEST(DeriveFacts, LetsANewerOneTakeThePlaceOfTheOlder) {
  EXPECT_EQ(line_of(derive_facts({told(1, "Hamburg", 10), told(2, "Lisbon", 40)}, true)), "Hamburg 10-40, Lisbon 40-");
  EXPECT_EQ(line_of(derive_facts({told(1, "Hamburg", 10)}, true)), "Hamburg 10-") << "and back, when the evidence goes";
}

TEST(DeriveFacts, LeavesWhatHasMoreThanOneValueBesideTheOther) {
  EXPECT_EQ(line_of(derive_facts({told(1, "jazz", 10), told(2, "opera", 40)}, false)), "jazz 10-, opera 40-");
  EXPECT_EQ(line_of(derive_facts({told(1, "jazz", 10), told(2, "jazz", 40, {}, ClaimKind::kEnds)}, false)),
            "jazz 10-40, !jazz 40-");
}

TEST(DeriveFacts, CountsTheSameSaidAgainAsMoreEvidence) {
  const Derived derived = derive_facts({told(1, "Hamburg", 10), told(2, "hamburg", 20)}, true);
  ASSERT_EQ(derived.facts.size(), 1U);
  EXPECT_EQ(derived.facts[0].evidence, (std::vector<EpisodeId>{1, 2}));
  EXPECT_EQ(derived.facts[0].valid_from, day(10));
}

TEST(DeriveFacts, PutsWhatHappenedLongAgoIntoItsPlaceInThePast) {
  EXPECT_EQ(line_of(derive_facts({told(1, "Hamburg", 200), told(2, "Berlin", 210, 20)}, true)),
            "Berlin 20-200, Hamburg 200-");
}

TEST(DeriveFacts, LetsNewsReplaceWhatWasSaidInPassingShortlyBefore) {
  EXPECT_EQ(line_of(derive_facts({told(1, "Hamburg", 10), told(2, "Hamburg", 100), told(3, "Lisbon", 105, 98)}, true)),
            "Hamburg 10-98, Lisbon 98-");
}

TEST(DeriveFacts, TellsNothingWhereNothingDecides) {
  const Derived derived = derive_facts({told(1, "Lisbon", 50, 30), told(2, "Porto", 51, 30)}, true);
  EXPECT_EQ(line_of(derived), "?Lisbon 30-, ?Porto 30-");
  ASSERT_EQ(derived.conflicts.size(), 1U);
  EXPECT_EQ(derived.conflicts[0].first.object, "Lisbon");
  EXPECT_EQ(derived.conflicts[0].second.object, "Porto");
  EXPECT_EQ(line_of(derive_facts({told(1, "Lisbon", 50, 30), told(2, "Porto", 51, 30), told(3, "Faro", 60)}, true)),
            "Faro 60-, ?Lisbon 30-60, ?Porto 30-60")
      << "what comes later decides";
}

TEST(DeriveFacts, DoesNotLetTheLessTrustedSupersede) {
  Claim foreign = told(2, "Moscow", 40);
  foreign.trust = Trust::kExternal;
  const Derived derived = derive_facts({told(1, "Hamburg", 10), foreign}, true);
  EXPECT_EQ(line_of(derived), "Hamburg 10-");
  ASSERT_EQ(derived.conflicts.size(), 1U);
  EXPECT_EQ(derived.conflicts[0].second.object, "Moscow");

  Claim model = told(2, "Moscow", 40);
  model.by_assistant = true;
  EXPECT_EQ(line_of(derive_facts({told(1, "Hamburg", 10), model}, true)), "Hamburg 10-") << "nor the model its user";
  EXPECT_EQ(line_of(derive_facts({model, told(3, "Hamburg", 50)}, true)), "Hamburg 50-, Moscow 40-50");
}

TEST(DeriveFacts, AnswersWhatWasBelievedThen) {
  const std::vector<Claim> claims{told(1, "Hamburg", 10), told(2, "Lisbon", 105, 98)};
  const Derived then = derive_facts_of_past(claims, true, day(100));
  ASSERT_EQ(then.facts.size(), 1U);
  EXPECT_EQ(then.facts[0].object, "Hamburg");
  EXPECT_EQ(then.facts[0].valid_to, std::nullopt) << "nobody had told of the move";
  EXPECT_EQ(then.facts[0].known_to, day(105));
  const Derived now = derive_facts_of_past(claims, true, day(105));
  EXPECT_EQ(line_of(now), "Hamburg 10-98, Lisbon 98-");
  EXPECT_EQ(now.facts[0].known_from, day(105)) << "that it ended was told then";
}

TEST(DeriveFacts, LetsACorrectionTakeThePlaceFromTheBeginning) {
  Claim right = told(2, "Cologne", 30);
  right.corrects = true;
  right.corrected = "Bonn";
  EXPECT_EQ(line_of(derive_facts({told(1, "Bonn", 10), right}, true)), "Cologne 10-");
  EXPECT_EQ(line_of(derive_facts({told(1, "Bonn", 10), right}, true, day(20))), "Bonn 10-") << "as it was believed";
  EXPECT_EQ(line_of(derive_facts({told(1, "Graz", 10), right}, true)), "Cologne 30-, Graz 10-30")
      << "what it names was never said: it is news";
}

TEST(DeriveFacts, EndsAnObjectByAPartOfItsName) {
  EXPECT_EQ(line_of(derive_facts({told(1, "dog Rex", 10), told(2, "cat", 11), told(3, "dog", 40, {}, ClaimKind::kEnds)},
                                 false)),
            "cat 11-, dog Rex 10-40, !dog Rex 40-");
  EXPECT_EQ(line_of(derive_facts({told(1, "Siemens", 10), told(2, "", 40, {}, ClaimKind::kEnds)}, true)),
            "Siemens 10-40");
}

TEST(DeriveFacts, KnowsWhatUsedToBe) {
  EXPECT_EQ(line_of(derive_facts({told(1, "Berlin", 10, 10, ClaimKind::kPast), told(2, "Leipzig", 10)}, true)),
            "Berlin -10, Leipzig 10-");
  EXPECT_EQ(line_of(derive_facts({told(1, "Berlin", 10), told(2, "Berlin", 40, 40, ClaimKind::kPast)}, true)),
            "Berlin 10-40");
}

}  // namespace
}  // namespace mnema
