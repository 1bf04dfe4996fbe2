#include "memory/branch_store.hpp"

#include <gtest/gtest.h>

#include "tests/memory/fixture.hpp"

namespace mnema {
namespace {

using testing::Opened;

struct Chat : Opened {
  /// One turn; returns what the next one names as its parent.
  std::int64_t turn(const std::string& text, std::optional<std::int64_t> parent) {
    return write<std::int64_t>([&, text, parent](Transaction& transaction) -> Result<std::int64_t> {
             ASSIGN_OR_RETURN(const std::int64_t before, memory->begin_chat_turn(transaction, "local", "talk", parent));
             Episode episode;
             episode.scope = {"local", "bot", "anna", ""};
             episode.thread = "talk";
             episode.role = "user";
             episode.text = text;
             episode.time = simulation.clock().now();
             episode.trust = Trust::kUser;
             ASSIGN_OR_RETURN([[maybe_unused]] const EpisodeId id, memory->append_episode(transaction, episode));
             return memory->end_chat_turn(transaction, "local", "talk", parent, before);
           })
        .value();
  }
  std::string location() {
    CHECK(consolidated().ok(), "facts are made");
    FactQuery query;
    query.scope = {"local", "bot", "anna", "other"};
    query.predicate = "location";
    std::string places;
    const Facts found = facts(query).value();
    for (const Fact& fact : found.facts) places += (places.empty() ? "" : ", ") + fact.object;
    return places;
  }
};

TEST(Branches, LeaveRecallAndFactsWhenATalkGoesOnFromAnEarlierTurn) {
  Chat chat;
  const std::int64_t first = chat.turn("I live in Hamburg with a zebra.", std::nullopt);
  const std::int64_t second = chat.turn("I moved to Lisbon with a parrot.", first);
  EXPECT_EQ(chat.location(), "Lisbon");
  const Scope asker{"local", "bot", "anna", "other"};
  EXPECT_EQ(chat.recalled("parrot", asker).front(), "I moved to Lisbon with a parrot.");

  const std::int64_t edited = chat.turn("I bought a bicycle.", first);
  EXPECT_EQ(chat.location(), "Hamburg") << "the move was taken back";
  for (const std::string& text : chat.recalled("parrot Lisbon", asker)) {
    EXPECT_EQ(text.find("parrot"), std::string::npos) << text;
  }
  EXPECT_TRUE(chat.memory->verify_chain("local", "talk").ok()) << "the log keeps everything";

  const std::int64_t resumed = chat.turn("Do you remember the parrot?", second);
  EXPECT_EQ(chat.location(), "Lisbon") << "the old branch is taken up again";
  EXPECT_GT(resumed, edited);
  ASSERT_TRUE(chat.embedded().ok());
  EXPECT_TRUE(chat.memory->check_integrity().ok());
}

TEST(Branches, AreUnknownWhereNobodySaysWhatATurnFollows) {
  Chat chat;
  (void)chat.turn("I live in Hamburg.", std::nullopt);
  (void)chat.turn("I bought a bicycle.", std::nullopt);
  EXPECT_EQ(chat.location(), "Hamburg");
  EXPECT_EQ(chat.number("SELECT count(*) FROM memory_abandoned"), 0);
}

TEST(Branches, LeaveWhatEventsWroteIntoTheThread) {
  Chat chat;
  const std::int64_t first = chat.turn("I bought a bicycle.", std::nullopt);
  Episode event;
  event.scope = {"local", "bot", "anna", ""};
  event.thread = "talk";
  event.role = "user";
  event.text = "I live in Oslo.";
  event.time = chat.simulation.clock().now();
  ASSERT_TRUE(chat.remember(event).ok());
  (void)chat.turn("I moved to Lisbon.", first);
  (void)chat.turn("What a day.", first);
  EXPECT_EQ(chat.location(), "Oslo");
}

}  // namespace
}  // namespace mnema
