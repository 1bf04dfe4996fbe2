#include "memory/recall.hpp"

#include <gtest/gtest.h>

#include <algorithm>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using Texts = std::vector<std::string>;

const Scope kChat{"local", "", "", "chat"};

struct Asked : Fixture {
  explicit Asked(std::uint64_t seed = 1) : Fixture(seed) {
    const Status opened = open();
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    query.scope = kChat;
  }
  Recalled ask(const std::string& text) {
    query.text = text;
    return recall(query).value();
  }
  Texts texts(const std::string& text) {
    Texts all;
    for (const RecallHit& hit : ask(text).hits) all.push_back(hit.text);
    return all;
  }
  RecallQuery query;
};

Document document(const std::string& uri, const std::string& bytes, const Scope& scope = {"local", "", "", ""}) {
  Document made;
  made.scope = scope;
  made.uri = uri;
  made.collection = uri.substr(0, uri.find('/'));
  made.media_type = MediaType::kMarkdown;
  made.bytes = bytes;
  return made;
}

Time day(int number) { return from_micros(number * 86'400'000'000LL); }

TEST(Recall, FindsByMeaningWhatSharesNoWordAndByWordsWhatHasNoNearMeaning) {
  Asked fixture;
  fixture.embedder->synonyms = {{"automobile", "car"}, {"mending", "repair"}};
  fixture.remember("automobile mending");
  fixture.remember("the order number is QX7731, it came with many other things in one long list of parcels and papers");
  fixture.remember("bread needs flour and water");
  ASSERT_TRUE(fixture.embedded().ok());
  const Texts by_meaning = fixture.texts("car repair");
  const Texts by_word = fixture.texts("QX7731");
  ASSERT_TRUE(!by_meaning.empty() && !by_word.empty());
  EXPECT_NE(std::find(by_meaning.begin(), by_meaning.end(), "automobile mending"), by_meaning.end());
  EXPECT_TRUE(by_word[0].starts_with("the order number is QX7731"));
  // Both at once: the union, not what the two have in common.
  fixture.query.relevance_min = 0;
  const Recalled both = fixture.ask("car repair QX7731");
  ASSERT_GE(both.hits.size(), 2U);
  EXPECT_GT(both.statistics.vector_candidates, 0);
  EXPECT_GT(both.statistics.text_candidates, 0);
}

TEST(Recall, AnswersNothingWhenNothingIsRelevant) {
  Asked fixture;
  for (const char* text : {"bread needs flour", "the ferry leaves at noon", "invoices are due in May"}) {
    fixture.remember(text);
  }
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_TRUE(fixture.texts("quantum chromodynamics").empty());
  fixture.query.explain_dropped = true;
  const Recalled recalled = fixture.ask("quantum chromodynamics");
  ASSERT_EQ(recalled.dropped.size(), 3U) << "found, and left out with a reason";
  for (const RecallHit& hit : recalled.dropped) {
    EXPECT_EQ(hit.explanation.verdict, "below the relevance cut 0.30");
  }
  EXPECT_DOUBLE_EQ(recalled.statistics.relevance_cut, kRelevanceCut);
  EXPECT_TRUE(Asked(2).texts("anything").empty()) << "nothing was ever remembered";
}

TEST(Recall, ExplainsHowEachHitCameToItsPlace) {
  Asked fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.remember("the ferry is late");
  ASSERT_TRUE(fixture.embedded().ok());
  const Recalled recalled = fixture.ask("ferry to oslo");
  ASSERT_FALSE(recalled.hits.empty());
  const HitExplanation& why = recalled.hits[0].explanation;
  EXPECT_EQ(why.vector_rank, 1);
  EXPECT_EQ(why.text_rank, 1);
  EXPECT_EQ(why.time_rank, 0);
  EXPECT_GT(why.cosine, 0.5);
  EXPECT_GT(why.text_score, 0);
  EXPECT_GT(why.score, recalled.hits.back().explanation.score);
  EXPECT_TRUE(why.features.empty()) << "nobody asked for them";
  fixture.query.explain = true;
  const Recalled explained = fixture.ask("ferry to oslo");
  double sum = 0;
  for (const FeatureShare& feature : explained.hits[0].explanation.features) sum += feature.share;
  EXPECT_NEAR(sum, explained.hits[0].explanation.score, 1e-9) << "the shares are the score";
  EXPECT_EQ(why.verdict, "kept");
  EXPECT_EQ(recalled.hits[0].source.citation().substr(0, 25), "conversation thread, user");
  EXPECT_TRUE(recalled.statistics.exact);
}

TEST(Recall, SaysWhatItLeftOutAndWhy) {
  Asked fixture;
  fixture.query.explain_dropped = true;
  fixture.query.hits_max = 1;
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.remember("The ferry to Oslo leaves at noon!");
  fixture.remember("the ferry to Oslo is blue, and it carries mail");
  ASSERT_TRUE(fixture.embedded().ok());
  const Recalled recalled = fixture.ask("ferry to Oslo");
  EXPECT_EQ(recalled.hits.size(), 1U);
  ASSERT_EQ(recalled.dropped.size(), 2U);
  fixture.query.hits_max = 2;
  const Recalled two = fixture.ask("ferry to Oslo");
  Texts verdicts;
  for (const auto* list : {&recalled.dropped, &two.dropped}) {
    for (const RecallHit& hit : *list) verdicts.push_back(hit.explanation.verdict.substr(0, 22));
  }
  EXPECT_EQ(std::count(verdicts.begin(), verdicts.end(), "beyond hits_max") +
                std::count(verdicts.begin(), verdicts.end(), "says the same as entry"),
            3);
  ASSERT_EQ(two.dropped.size(), 1U);
  EXPECT_TRUE(two.dropped[0].explanation.verdict.starts_with("says the same as entry "));
}

// Nine words of ten are the same, and the tenth is what matters.
TEST(Recall, KeepsTextsApartWhoseNumbersDiffer) {
  Asked fixture;
  const std::string sentence = "parcel service weight limit northern ferry harbour warehouse customers kilograms ";
  for (const char* number : {"100", "200", "200!"}) fixture.remember(sentence + number);
  ASSERT_TRUE(fixture.embedded().ok());
  Texts found = fixture.texts("parcel service weight limit");
  std::sort(found.begin(), found.end());
  ASSERT_EQ(found.size(), 2U) << "and the repetition not";
  EXPECT_EQ(found[0], sentence + "100");
  EXPECT_TRUE(found[1].starts_with(sentence + "200"));
}

TEST(Recall, KeepsTextsApartWhoseNumbersStandInAnotherOrder) {
  Asked fixture;
  fixture.remember("carry 3 boxes to shelf 7");
  fixture.remember("carry 7 boxes to shelf 3");
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.texts("carry boxes to shelf").size(), 2U);
}

TEST(Recall, KnowsARowBeforeItsVectorIsMade) {
  Asked fixture;
  fixture.embedder->silent = true;
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.simulation.run_ready();  // the tenant's first: its words come a moment later
  fixture.query.text = "ferry to Oslo";
  fixture.embedder->silent = false;
  const Recalled recalled = fixture.recall(fixture.query).value();
  ASSERT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.hits[0].explanation.vector_rank, 0);
  EXPECT_EQ(recalled.hits[0].explanation.cosine, 0);
}

TEST(Recall, GoesOnByWordsWhenTheEmbedderFailsAndSaysSo) {
  Asked fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.embedder->failure = fail(ErrorCode::kUnavailable, "the encoder is not loaded");
  const Recalled recalled = fixture.ask("ferry to Oslo");
  EXPECT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.statistics.without_vectors_because, "the encoder is not loaded");
  EXPECT_EQ(recalled.statistics.vector_candidates, 0);
}

TEST(Recall, GoesOnByWordsWhenTheEmbedderNeverAnswersAndSaysSo) {
  Asked fixture;
  fixture.limits.recall_embed_timeout_ms = 700;
  fixture.reopen();
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.embedder->silent = true;
  const Time asked = fixture.simulation.clock().now();
  const Recalled recalled = fixture.ask("ferry to Oslo");
  EXPECT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.statistics.without_vectors_because, "the embedder has not answered within 700 ms");
  EXPECT_EQ(fixture.simulation.clock().now() - asked, std::chrono::milliseconds(700));
}

// The question's vector is there already; the embedder falls silent over what the turn has written itself.
TEST(Recall, GoesOnWhenTheEmbedderNeverAnswersForWhatIsNotCommitted) {
  Asked fixture;
  fixture.memory->prestage("ferry crowns");
  fixture.simulation.run_ready();
  fixture.embedder->silent = true;
  Episode episode;
  episode.scope = kChat;
  episode.thread = "now";
  episode.text = "the ferry costs ten crowns";
  fixture.query.uncommitted = {episode};
  const Recalled recalled = fixture.ask("ferry crowns");
  ASSERT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.hits[0].explanation.cosine, 0);
}

TEST(Recall, GoesOnByWordsWhenTheEmbedderBreaksItsWord) {
  Asked fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.embedder->given_dimensions = 5;
  const Recalled recalled = fixture.ask("ferry to Oslo");
  EXPECT_EQ(recalled.hits.size(), 1U);
  EXPECT_FALSE(recalled.statistics.without_vectors_because.empty());
}

TEST(Recall, TakesWhateverPeopleTypeAsAQuestion) {
  Asked fixture;
  fixture.remember("the ferry to Oslo leaves at noon");
  fixture.simulation.run_ready();
  fixture.query.relevance_min = 0;
  for (const char* question : {"ferry\" OR *", "NEAR(ferry", "ferry AND", "\xff ferry \xfe", "ferry'; --"}) {
    EXPECT_EQ(fixture.texts(question).size(), 1U) << question;
  }
}

// Everybody writes, everybody asks: who sees what is exactly the rule of memory/record.hpp.
TEST(Recall, NeverShowsATextToWhoMayNotSeeIt) {
  for (std::uint64_t seed = 1; seed <= 5; ++seed) {
    Asked fixture(seed);
    Random& random = fixture.simulation.random();
    const auto one_of = [&](std::initializer_list<const char*> names) {
      return *(names.begin() + random.below(names.size()));
    };
    const auto random_scope = [&] {
      return Scope{one_of({"acme", "other"}), one_of({"", "helper", "triage"}), one_of({"", "ann", "bob"}),
                   one_of({"", "s1", "s2"})};
    };
    std::map<EntryId, Scope> owners;
    for (int i = 0; i < 60; ++i) {
      const Scope owner = random_scope();
      std::string text = "budget";
      for (int word = 0; word < 6; ++word) text += " w" + std::to_string(i) + "x" + std::to_string(word);
      owners[fixture.remember(text, owner)] = owner;
    }
    ASSERT_TRUE(fixture.embedded().ok());
    for (int i = 0; i < 20; ++i) {
      fixture.query.scope = random_scope();
      fixture.query.hits_max = 100;
      fixture.query.relevance_min = 0;
      const Scope& asker = fixture.query.scope;
      std::set<EntryId> expected;
      for (const auto& [entry, owner] : owners) {
        const bool seen = owner.tenant == asker.tenant && (owner.agent.empty() || owner.agent == asker.agent) &&
                          (owner.user.empty() || owner.user == asker.user) &&
                          (owner.session.empty() || owner.session == asker.session);
        if (seen) expected.insert(entry);
      }
      std::set<EntryId> shown;
      for (const RecallHit& hit : fixture.ask("budget").hits) shown.insert(hit.id);
      EXPECT_EQ(shown, expected) << "seed " << seed;
      std::set<EntryId> without_words;
      fixture.query.from = Time::min();
      for (const RecallHit& hit : fixture.ask("").hits) without_words.insert(hit.id);
      EXPECT_EQ(without_words, expected) << "by time, seed " << seed;
      fixture.query.from.reset();
    }
  }
}

// The index still says what the row no longer does: the row decides.
TEST(Recall, BelievesTheRowAndNotTheIndex) {
  Asked fixture;
  const EntryId entry = fixture.remember("the password is swordfish", {"local", "", "ann", ""});
  fixture.remember("the weather is fine", {"local", "", "bob", ""});
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.query.scope = {"local", "", "ann", ""};
  EXPECT_EQ(fixture.texts("password swordfish").size(), 1U);
  fixture.execute(
      "UPDATE memory_entries SET scope_id = (SELECT scope_id FROM memory_scopes WHERE user = 'bob')"
      " WHERE entry_id = " +
      std::to_string(entry));
  EXPECT_TRUE(fixture.texts("password swordfish").empty());
}

TEST(Recall, KeepsToTheTimeItIsAskedFor) {
  Asked fixture;
  fixture.remember("the ferry left on the first day", kChat, day(1));
  fixture.remember("a ferry came back later, on another day", kChat, day(5));
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.query.from = day(1);
  fixture.query.to = day(2);
  EXPECT_EQ(fixture.texts("ferry"), Texts{"the ferry left on the first day"});
  const Recalled by_time = fixture.ask("");
  ASSERT_EQ(by_time.hits.size(), 1U) << "without a question the time is the relevance";
  EXPECT_EQ(by_time.hits[0].explanation.time_rank, 1);
  fixture.query.to = day(9);
  EXPECT_EQ(fixture.texts("").size(), 2U);
  EXPECT_EQ(fixture.texts("")[0], "a ferry came back later, on another day") << "newest first";
}

TEST(Recall, KeepsToTheKindAndCollectionItIsAskedFor) {
  Asked fixture;
  fixture.remember("the ferry was late today");
  ASSERT_TRUE(fixture.ingest(document("handbook/ferries.md", "# Ferries\nA ferry carries cars.")).ok());
  ASSERT_TRUE(fixture.ingest(document("wiki/boats.md", "# Boats\nThe ferry is a boat.")).ok());
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.texts("ferry").size(), 3U);
  fixture.query.kind = EntryKind::kEpisode;
  EXPECT_EQ(fixture.texts("ferry"), Texts{"the ferry was late today"});
  fixture.query.kind = EntryKind::kChunk;
  EXPECT_EQ(fixture.texts("ferry").size(), 2U);
  fixture.query.collection = "wiki";
  EXPECT_EQ(fixture.texts("ferry"), Texts{"The ferry is a boat."});
  fixture.query.collection.clear();
  fixture.query.uris_excluded = {"wiki/boats.md"};
  EXPECT_EQ(fixture.texts("ferry"), Texts{"A ferry carries cars."});
}

TEST(Recall, LeavesOutWhatThePromptHasAlready) {
  Asked fixture;
  const EntryId entry = fixture.remember("the ferry was late today");
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.query.excluded = {entry};
  EXPECT_TRUE(fixture.texts("ferry late").empty());
  fixture.query.excluded.clear();
  fixture.query.thread_excluded = "thread";
  EXPECT_TRUE(fixture.texts("ferry late").empty());
}

TEST(Recall, CitesAChunkByItsPlace) {
  Asked fixture;
  ASSERT_TRUE(
      fixture.ingest(document("handbook/FERRIES.md", "# Ferries\n\n## Prices\nA ferry ticket costs ten crowns.")).ok());
  ASSERT_TRUE(fixture.embedded().ok());
  const Recalled recalled = fixture.ask("what does a ferry ticket cost");
  ASSERT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.hits[0].source.citation(), "FERRIES.md › Ferries › Prices, line 4");
  EXPECT_EQ(recalled.hits[0].source.trust, Trust::kOperator);
}

struct Talk : Asked {
  void say(const std::string& thread, const std::string& who, const std::string& text, Time time = day(1)) {
    Episode episode;
    episode.scope = {"local", "", "", "chat"};
    episode.thread = thread;
    episode.role = who;
    episode.text = text;
    episode.time = time;
    CHECK(remember(episode).ok(), "it is remembered");
  }
};

// An answer shares no word with what it answers; it stands behind it.
TEST(Recall, FindsAnAnswerByTheQuestionBeforeIt) {
  Talk talk;
  for (int i = 0; i < 30; ++i)
    talk.say("other", i % 2 == 0 ? "Ann" : "Bob", "the weather was fine on walk " + std::to_string(i));
  talk.say("holiday", "Ann", "Bob, where did you spend your holidays this summer?");
  talk.say("holiday", "Bob", "At Crescent Lake, in a tent with my little nephew.");
  ASSERT_TRUE(talk.embedded().ok());
  talk.query.relevance_min = 0;
  const Texts found = talk.texts("Where did Bob spend his holidays?");
  ASSERT_GE(found.size(), 2U);
  EXPECT_TRUE(found[0].starts_with("At Crescent Lake") || found[1].starts_with("At Crescent Lake")) << found[0];
}

TEST(Recall, PrefersWhatIsSaidByWhoIsAskedAbout) {
  Talk talk;
  talk.say("one", "Ann", "I collect old stamps from the northern islands");
  talk.say("two", "Bob", "I collect old coins from the southern islands");
  ASSERT_TRUE(talk.embedded().ok());
  talk.query.relevance_min = 0;
  EXPECT_EQ(talk.texts("What does Bob collect?")[0], "I collect old coins from the southern islands");
  EXPECT_EQ(talk.texts("What does Ann collect?")[0], "I collect old stamps from the northern islands");
}

TEST(Recall, PrefersWhatWasToldInTheMonthThatAQuestionNames) {
  Talk talk;
  const auto in_month = [](unsigned month) -> Time {
    return std::chrono::sys_days(std::chrono::year(2023) / static_cast<int>(month) / 12);
  };
  talk.say("one", "Ann", "I went to a concert with the whole family", in_month(3));
  talk.say("two", "Ann", "I went to a concert with my best friend", in_month(5));
  talk.say("three", "Ann", "I went to a concert with two colleagues", in_month(8));
  ASSERT_TRUE(talk.embedded().ok());
  talk.query.relevance_min = 0;
  EXPECT_EQ(talk.texts("Which concert did Ann go to in May 2023?")[0], "I went to a concert with my best friend");
  EXPECT_EQ(talk.texts("Which concert did Ann go to in August?")[0], "I went to a concert with two colleagues");
}

double feature(const Recalled& recalled, const std::string& text, const std::string& name) {
  for (const RecallHit& hit : recalled.hits) {
    if (hit.text != text) continue;
    for (const FeatureShare& share : hit.explanation.features) {
      if (share.name == name) return share.value;
    }
  }
  return -1;
}

TEST(Recall, ComparesTheWordsOfAQuestionWithThoseOfATurnAndOfTheTurnsAroundIt) {
  Talk talk;
  talk.embedder->tells = true;
  talk.embedder->synonyms = {{"puppy", "dog"}, {"zoe", "dog"}};
  const std::string own = "on the way we met a puppy and then it rained for the rest of the day";
  talk.say("walk", "Ann", own);
  talk.say("walk", "Bob", "poor you, did you get wet");
  talk.say("other", "Bob", "the garden needs water");
  ASSERT_TRUE(talk.embedded().ok());
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_vectors WHERE length(tokens) > 0"), 3);
  talk.query.relevance_min = 0;
  talk.query.explain = true;
  const Recalled found = talk.ask("dog");
  EXPECT_GT(feature(found, own, "tokens"), 0.9) << "no word is the same, one means the same";
  EXPECT_LT(feature(found, "the garden needs water", "tokens"), 0.5);
  EXPECT_LT(feature(found, "poor you, did you get wet", "tokens"), 0.5) << "the context's tokens are not its own";
  EXPECT_GT(feature(found, "poor you, did you get wet", "tokens around"), 0.9);
}

TEST(Recall, GivesTurnsOfBeforeTheTokensThatTheirEmbedderTellsNow) {
  Asked fixture;
  fixture.remember("we met a puppy");
  ASSERT_TRUE(fixture.embedded().ok());
  const auto with_tokens = [&] {
    return fixture.number("SELECT count(*) FROM memory_vectors WHERE tokens IS NOT NULL");
  };
  EXPECT_EQ(with_tokens(), 0);
  fixture.query.relevance_min = 0;
  fixture.query.explain = true;
  EXPECT_EQ(feature(fixture.ask("puppy"), "we met a puppy", "tokens"), -1) << "ranked without them";
  fixture.embedder->tells = true;
  fixture.reopen();
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(with_tokens(), 1);
  EXPECT_EQ(fixture.number("SELECT count(*) FROM memory_vectors"), 1) << "its vector stays";
  EXPECT_GT(feature(fixture.ask("puppy"), "we met a puppy", "tokens"), 0.9);
  const std::size_t asked = fixture.embedder->asked.size();
  fixture.reopen();
  ASSERT_TRUE(fixture.embedded().ok());
  EXPECT_EQ(fixture.embedder->asked.size(), asked) << "once";
}

TEST(Recall, CountsATurnWhoseTokensNobodyKeepsLikeTheAverageOne) {
  Talk talk;
  talk.embedder->tells = true;
  std::string lengthy = "the ferry leaves at nine";
  while (lengthy.size() < 2'100) lengthy += " and the sea was calm";
  talk.say("a", "Ann", lengthy);
  talk.say("b", "Ann", "the ferry is late");
  talk.say("c", "Bob", "we take the ferry");
  ASSERT_TRUE(talk.embedded().ok());
  EXPECT_EQ(talk.number("SELECT count(*) FROM memory_vectors WHERE length(tokens) > 0"), 2);
  talk.query.relevance_min = 0;
  talk.query.explain = true;
  const Recalled found = talk.ask("ferry");
  const double others =
      (feature(found, "the ferry is late", "tokens") + feature(found, "we take the ferry", "tokens")) / 2;
  EXPECT_GT(others, 0);
  EXPECT_NEAR(feature(found, lengthy, "tokens"), others, 1e-6);
}

// What others say in a thread is not seen, and moves nothing of one's own.
TEST(Recall, LooksAtVisibleTurnsAloneAroundAHit) {
  Talk talk;
  Episode secret;
  secret.scope = {"local", "", "ann", ""};
  secret.thread = "shared";
  secret.role = "user";
  secret.text = "the vault code is swordfish";
  ASSERT_TRUE(talk.remember(secret).ok());
  talk.say("shared", "user", "please write that down");
  talk.say("plain", "user", "please write that down too");
  ASSERT_TRUE(talk.embedded().ok());
  talk.query.relevance_min = 0;
  talk.query.explain = true;
  for (const RecallHit& hit : talk.ask("what is the vault code, swordfish?").hits) {
    EXPECT_EQ(hit.text.find("swordfish"), std::string::npos);
    for (const FeatureShare& feature : hit.explanation.features) {
      if (feature.name == "cover around" || feature.name == "cosine 1 before") {
        EXPECT_EQ(feature.value, 0) << hit.text << ": " << feature.name;
      }
    }
  }
}

// A turn recalls what it has written itself, before it commits, and by the same rule as everything else.
TEST(Recall, KnowsWhatTheTurnHasWrittenAndNotCommitted) {
  Asked fixture;
  Episode episode;
  episode.scope = kChat;
  episode.thread = "now";
  episode.role = "tool";
  episode.text = "the ferry costs ten crowns";
  Episode of_another = episode;
  of_another.scope.user = "ann";
  of_another.text = "the ferry ticket of ann";
  fixture.query.uncommitted = {episode, of_another};
  const Recalled recalled = fixture.ask("ferry crowns");
  ASSERT_EQ(recalled.hits.size(), 1U);
  EXPECT_EQ(recalled.hits[0].id, 0);
  EXPECT_EQ(recalled.hits[0].text, "the ferry costs ten crowns");
  EXPECT_GT(recalled.hits[0].explanation.cosine, 0.3);
  fixture.query.thread_excluded = "now";
  EXPECT_TRUE(fixture.texts("ferry crowns").empty());
}

TEST(Recall, ReachesPastManyThatItsQuestionDoesNotWant) {
  Asked fixture;
  fixture.limits.recall_candidates_max = 8;
  fixture.reopen();
  for (int i = 0; i < 100; ++i) fixture.remember("ferry " + std::to_string(i) + " left");
  fixture.embedder->synonyms = {{"automobile", "ferry"}, {"departed", "left"}};
  ASSERT_TRUE(fixture.ingest(document("handbook/cars.md", "automobile departed")).ok());
  ASSERT_TRUE(fixture.embedded().ok());
  fixture.query.kind = EntryKind::kChunk;
  EXPECT_EQ(fixture.texts("ferry left"), Texts{"automobile departed"});
}

// The rows that are counted are those the question wants, by whatever it narrows itself.
TEST(Recall, ReachesPastManyWhenItHasWordsAlone) {
  Asked fixture;
  fixture.limits.recall_candidates_max = 8;
  fixture.reopen();
  fixture.embedder->failure = fail(ErrorCode::kUnavailable, "words alone");
  std::vector<EntryId> many;
  for (int i = 0; i < 30; ++i) many.push_back(fixture.remember("ferry", kChat, day(2)));
  Document ferries = document("handbook/ferries.md", "The northern ferry carries cars, mail and many people.");
  ferries.modified = day(1);
  ASSERT_TRUE(fixture.ingest(ferries).ok());
  const auto found = [&](const char* text, const std::function<void(RecallQuery&)>& narrow) {
    fixture.query = {};
    fixture.query.scope = kChat;
    narrow(fixture.query);
    return fixture.texts(text);
  };
  const Texts chunk{"The northern ferry carries cars, mail and many people."};
  EXPECT_EQ(found("ferry", [](RecallQuery& query) { query.kind = EntryKind::kChunk; }), chunk);
  EXPECT_EQ(found("ferry", [](RecallQuery& query) { query.collection = "handbook"; }), chunk);
  EXPECT_EQ(found("ferry", [](RecallQuery& query) { query.to = day(1); }), chunk);
  EXPECT_EQ(found("ferry", [](RecallQuery& query) { query.thread_excluded = "thread"; }), chunk);
  EXPECT_EQ(found("ferry", [&](RecallQuery& query) { query.excluded = many; }), chunk);
  EXPECT_EQ(found("", [](RecallQuery& query) { query.kind = EntryKind::kChunk, query.from = day(0); }), chunk);
  EXPECT_EQ(found("", [](RecallQuery& query) { query.thread_excluded = "thread", query.from = day(0); }), chunk);
}

}  // namespace
}  // namespace mnema
