#include "memory/episodic_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/rows.hpp"

namespace mnema {
namespace {

using testing::Rows;

Episode said(const std::string& text) {
  Episode episode;
  episode.scope = {"acme", "helper", "ann", "s1"};
  episode.thread = "chat 1";
  episode.role = "user";
  episode.text = text;
  episode.time = from_micros(1'700'000'000'000'000);
  episode.trust = Trust::kUser;
  episode.attributes = {{"event_id", "e1"}, {"turn", "7"}};
  return episode;
}

Result<EpisodeId> append(Rows& rows, const Episode& episode) {
  return rows.write<EpisodeId>([&](Transaction& transaction) {
    return episodic_store::append(transaction, episode, "sixteen bytes ok", rows.terms);
  });
}

Result<std::vector<StoredEpisode>> thread(Rows& rows, const Scope& asker, int count_max = 100) {
  return rows.read<std::vector<StoredEpisode>>(
      [&](Transaction& transaction) { return episodic_store::thread(transaction, asker, "chat 1", count_max); });
}

Status verify(Rows& rows, const std::string& name = "chat 1") {
  const auto verified = rows.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(episodic_store::verify_chain(transaction, "acme", name));
    return 0;
  });
  return verified.ok() ? Status() : Status(verified.error());
}

/// A thread of three, then `sql` done to it: what the chain says.
std::string after(const std::string& sql) {
  Rows rows;
  for (const char* text : {"one", "two", "three"}) EXPECT_TRUE(append(rows, said(text)).ok());
  EXPECT_TRUE(verify(rows).ok());
  rows.execute(sql);
  const Status verified = verify(rows);
  if (verified.ok()) return "fits";
  EXPECT_EQ(verified.error().code, ErrorCode::kCorrupt) << verified.error().text();
  return verified.error().message;
}

TEST(Episodes, ComeBackAsTheyWere) {
  Rows rows;
  const EpisodeId id = append(rows, said("hello")).value();
  const auto stored = thread(rows, said("").scope).value();
  ASSERT_EQ(stored.size(), 1U);
  EXPECT_EQ(stored[0].id, id);
  EXPECT_EQ(stored[0].sequence, 1);
  const Episode& episode = stored[0].episode;
  const Episode expected = said("hello");
  EXPECT_EQ(episode.scope, expected.scope);
  EXPECT_EQ(episode.thread, expected.thread);
  EXPECT_EQ(episode.role, expected.role);
  EXPECT_EQ(episode.text, expected.text);
  EXPECT_EQ(episode.time, expected.time);
  EXPECT_EQ(episode.trust, expected.trust);
  EXPECT_EQ(episode.attributes, expected.attributes);
}

TEST(Episodes, ComeTheLastFewOldestFirst) {
  Rows rows;
  for (const char* text : {"one", "two", "three"}) ASSERT_TRUE(append(rows, said(text)).ok());
  const auto last = thread(rows, said("").scope, 2).value();
  ASSERT_EQ(last.size(), 2U);
  EXPECT_EQ(last[0].episode.text, "two");
  EXPECT_EQ(last[1].episode.text, "three");
}

TEST(Episodes, OfAThreadAreSeenByNobodyElse) {
  Rows rows;
  ASSERT_TRUE(append(rows, said("secret")).ok());
  EXPECT_TRUE(thread(rows, {"acme", "helper", "bob", "s1"}).value().empty());
  EXPECT_TRUE(thread(rows, {"acme", "helper", "", "s1"}).value().empty());
  EXPECT_TRUE(thread(rows, {"other", "helper", "ann", "s1"}).value().empty());
}

TEST(Episodes, TakeTheSessionForTheThreadAndRefuseToHaveNeither) {
  Rows rows;
  Episode episode = said("hello");
  episode.thread.clear();
  ASSERT_TRUE(append(rows, episode).ok());
  EXPECT_TRUE(verify(rows, "s1").ok());
  episode.scope.session.clear();
  EXPECT_EQ(append(rows, episode).error().code, ErrorCode::kInvalidArgument);
}

// What the outside world writes is not always UTF-8; a conversation must stay readable after it.
TEST(Episodes, StayReadableWhateverBytesCome) {
  Rows rows;
  Episode episode = said("broken \xff text");
  episode.role =
      "us\xff"
      "er";
  episode.attributes = {{"event\xff", "id \xfe"}};
  ASSERT_TRUE(append(rows, episode).ok());
  const auto stored = thread(rows, episode.scope);
  ASSERT_TRUE(stored.ok()) << stored.error().text();
  EXPECT_EQ(stored->front().episode.text, "broken \xEF\xBF\xBD text");
  EXPECT_EQ(stored->front().episode.attributes.begin()->second, "id \xEF\xBF\xBD");
  EXPECT_TRUE(verify(rows).ok());
}

TEST(HashChain, NamesTheEpisodeThatWasAltered) {
  const std::string second = "episode 2 of thread 'chat 1' is missing or was altered";
  EXPECT_EQ(after("UPDATE memory_entries SET text = 'TWO' WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_entries SET time_us = time_us + 1 WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_entries SET trust = 3 WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET role = 'assistant' WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET kind = 1 WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET attributes = '{}' WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET attributes = 'no JSON' WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET payload_hash = x'00' WHERE entry_id = 2"), second);
  EXPECT_EQ(after("UPDATE memory_episodes SET chain_hash = x'00' WHERE entry_id = 2"), second);
}

TEST(HashChain, NamesTheEpisodeThatIsMissing) {
  EXPECT_EQ(after("DELETE FROM memory_episodes WHERE entry_id = 2"),
            "episode 2 of thread 'chat 1' is missing or was altered");
  EXPECT_EQ(after("DELETE FROM memory_episodes WHERE entry_id = 3"), "episode 3 of thread 'chat 1' is missing");
  EXPECT_EQ(after("DELETE FROM memory_episodes"), "episode 1 of thread 'chat 1' is missing");
}

TEST(HashChain, ShowsTwoEpisodesThatChangedPlaces) {
  EXPECT_EQ(after("UPDATE memory_episodes SET sequence = 9 WHERE entry_id = 1;"
                  "UPDATE memory_episodes SET sequence = 1 WHERE entry_id = 2;"
                  "UPDATE memory_episodes SET sequence = 2 WHERE entry_id = 1"),
            "episode 1 of thread 'chat 1' is missing or was altered");
}

TEST(HashChain, OfAnUnknownThreadIsNotFound) {
  Rows rows;
  EXPECT_EQ(verify(rows).error().code, ErrorCode::kNotFound);
}

}  // namespace
}  // namespace mnema
