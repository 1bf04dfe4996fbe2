#include "agents/state_type.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

/// One state as three versions of a program have it.
struct TicketV1 {
  std::string name;
};
BOOST_DESCRIBE_STRUCT(TicketV1, (), (name))
struct TicketV2 {
  std::string first, last;
};
BOOST_DESCRIBE_STRUCT(TicketV2, (), (first, last))
struct Note {
  std::string text = "empty";
  int weight = 1;
};
BOOST_DESCRIBE_STRUCT(Note, (), (text, weight))
struct Ticket {
  std::string title;
  int turns = 7;
  std::optional<int> rating = 3;
  std::vector<Note> notes;
};
BOOST_DESCRIBE_STRUCT(Ticket, (), (title, turns, rating, notes))

TicketV2 to_version_2(TicketV1 old) {
  return {old.name.substr(0, old.name.find(' ')), old.name.substr(old.name.find(' ') + 1)};
}
Ticket to_version_3(TicketV2 old) {
  Ticket ticket;
  ticket.title = old.last + ", " + old.first;
  return ticket;
}
TicketV2 refuses_to_migrate(TicketV1) { throw std::runtime_error("no name"); }

StateType current() { return state_type_of<Ticket>(version(3)); }
StateType with_migrations() {
  StateType type = current();
  type.migrations.emplace(1, state_migration_of(to_version_2));
  type.migrations.emplace(2, state_migration_of(to_version_3));
  return type;
}
Ticket loaded(const StateType& type, int stored_version, const std::string& json) {
  return *std::static_pointer_cast<Ticket>(type.load(stored_version, json).value());
}

TEST(StateType, FillsMissingMembersFromTheStructsDefaultsAndDropsUnknownOnes) {
  const Ticket ticket = loaded(current(), 3, R"({"title":"t","gone":1,"notes":[{"text":"a"},{"weight":5,"old":[]}]})");
  EXPECT_EQ(ticket.title, "t");
  EXPECT_EQ(ticket.turns, 7);
  EXPECT_EQ(ticket.rating, 3);
  ASSERT_EQ(ticket.notes.size(), 2U);
  EXPECT_EQ(ticket.notes[0].weight, 1);
  EXPECT_EQ(ticket.notes[1].text, "empty");
}

TEST(StateType, GivesBackWhatItStored) {
  Ticket ticket;
  ticket.rating.reset();  // its default is another
  ticket.turns = 0;
  const Ticket back = loaded(current(), 3, current().save(&ticket));
  EXPECT_EQ(back.rating, std::nullopt);
  EXPECT_EQ(back.turns, 0);
}

TEST(StateType, ChainsMigrationsToItsVersion) {
  EXPECT_EQ(loaded(with_migrations(), 1, R"({"name":"Ada Lovelace"})").title, "Lovelace, Ada");
  EXPECT_EQ(loaded(with_migrations(), 2, R"({"first":"Ada","last":"Lovelace"})").title, "Lovelace, Ada");
  EXPECT_EQ(loaded(with_migrations(), 3, R"({"title":"as it is"})").title, "as it is");
}

TEST(StateType, SaysWhichMigrationIsMissing) {
  StateType type = with_migrations();
  type.migrations.erase(2);
  const auto stuck = type.load(1, R"({"name":"Ada Lovelace"})");
  ASSERT_FALSE(stuck.ok());
  EXPECT_EQ(stuck.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(stuck.error().message.find("no migration leads from 2 to 3"), std::string::npos) << stuck.error().message;
  EXPECT_NE(type.load(4, "{}").error().message.find("needs_version"), std::string::npos) << "a newer program's";
}

TEST(StateType, RefusesAChainWhoseTypesDoNotMeet) {
  StateType type = with_migrations();
  type.migrations.insert_or_assign(2, state_migration_of(to_version_2));
  EXPECT_FALSE(type.load(2, R"({"first":"Ada","last":"Lovelace"})").ok());
  EXPECT_FALSE(type.load(1, R"({"name":"Ada Lovelace"})").ok());
}

TEST(StateType, RefusesAMemberOfAnotherKind) {
  const auto stuck = current().load(3, R"({"turns":"seven"})");
  ASSERT_FALSE(stuck.ok());
  EXPECT_NE(stuck.error().message.find("/turns"), std::string::npos) << stuck.error().message;
}

// ---- in turns ----

task<Outcome> version_1(Ctx& ctx, Event event) {
  ctx.state<TicketV1>().name = event.data;
  co_return done();
}
task<Outcome> version_3(Ctx& ctx, Event) {
  ++ctx.state<Ticket>().turns;
  co_return done();
}

class StateOfTurns : public ::testing::Test {
 protected:
  void SetUp() override {
    fixture.agent("desk", version_1).state<TicketV1>(version(1));
    fixture.boot();
    fixture.send("desk", "e1", "k", "Ada Lovelace");
    fixture.settle();
    fixture.stop();
    fixture.spec("desk", version_3).state = current();
  }
  Fixture fixture{3, [](const GenerateRequest&) { return say("words"); }};
};

TEST_F(StateOfTurns, StoresWhatMigrationsMadeWithTheNextCommit) {
  fixture.agent("desk", version_3).migrate(1, to_version_2).migrate<TicketV2, Ticket>(2, to_version_3);
  fixture.boot();
  fixture.send("desk", "e2", "k", "");
  fixture.settle();
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(fixture.state("desk", "k")->version, 3);
  EXPECT_EQ(fixture.state("desk", "k")->json, R"({"title":"Lovelace, Ada","turns":8,"rating":3,"notes":[]})");
}

TEST_F(StateOfTurns, LetAnEventWaitForTheProgramThatCanReadThem) {
  fixture.boot();
  fixture.send("desk", "e2", "k", "");
  fixture.send("desk", "e3", "k", "");
  fixture.send("desk", "other", "fresh", "");
  fixture.simulation.run_for(std::chrono::hours(48));
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(fixture.runtime->runtime().mailbox().depths().waiting, 1);
  EXPECT_EQ(fixture.state("desk", "k")->version, 1) << "as it was";
  EXPECT_EQ(fixture.state("desk", "fresh")->version, 3) << "only turns of that state wait";
  fixture.stop();

  fixture.agent("desk", version_3).migrate(1, to_version_2).migrate(2, to_version_3);
  fixture.boot();
  fixture.settle();
  EXPECT_TRUE(fixture.dead().empty());
  EXPECT_EQ(fixture.runtime->runtime().mailbox().depths().keys, 0U);
  EXPECT_EQ(fixture.state("desk", "k")->json, R"({"title":"Lovelace, Ada","turns":9,"rating":3,"notes":[]})");
}

TEST_F(StateOfTurns, FailATurnWhoseMigrationThrows) {
  fixture.agent("desk", version_3).migrate(1, refuses_to_migrate).migrate(2, to_version_3);
  fixture.boot();
  fixture.send("desk", "e2", "k", "");
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_NE(fixture.dead()[0].error.message.find("no name"), std::string::npos);
}

}  // namespace
}  // namespace mnema
