// Blocks of working memory on their way through the program: written by turns and by the model, shown in every prompt.
#include <gtest/gtest.h>

#include "agents/context.hpp"
#include "memory/store.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::call;
using testing::Fixture;
using testing::say;

/// "+ LINE" appends, "= TEXT" sets, "& TEXT" appends and then sets to what it says with the text, "? " reads without a
/// model; else it asks the model.
task<Outcome> keeper(Ctx& ctx, Event event) {
  if (event.data.size() > 2 && event.data[1] == ' ') {
    Block notes = co_await ctx.block("notes");
    if (event.data[0] == '+') ctx.append(notes, event.data.substr(2));
    if (event.data[0] == '=') ctx.set(notes, event.data.substr(2));
    if (event.data[0] == '&') {
      ctx.append(notes, "and");
      ctx.set(notes, notes.text + event.data.substr(1));
    }
    co_return reply(notes.text);
  }
  PromptPlan plan = ctx.prompt().known("Known.", Trust::kOperator).user(event.data, Trust::kUser);
  Reply answer = co_await ctx.think(plan);
  co_return reply(answer);
}

class BlocksTest : public ::testing::Test {
 protected:
  void boot() {
    fixture_.agent("keeper", keeper).edits_blocks();
    fixture_.boot();
  }
  void send(const std::string& text) {
    fixture_.send("keeper", "event " + std::to_string(++events_), "anna", text);
    fixture_.settle();
  }
  std::string notes() {
    std::vector<Block> found;
    bool answered = false;
    fixture_.runtime->memory().blocks({"local", "keeper", "", "anna"}, fixture_.simulation.lane("loop"),
                                      [&](const Result<std::vector<Block>>& seen) {
                                        found = seen.value();
                                        answered = true;
                                      });
    fixture_.simulation.run_until([&] { return answered; });
    return text_of(found);
  }
  static BlockEdit operators(const Scope& scope, const std::string& name, const std::string& text) {
    BlockEdit edit;
    edit.scope = scope;
    edit.name = name;
    edit.text = text;
    edit.trust = Trust::kOperator;
    return edit;
  }
  void operator_sets(const Scope& scope, const std::string& name, const std::string& text,
                     const std::function<void()>& then = {}) {
    const BlockEdit edit = operators(scope, name, text);
    fixture_.runtime->memory().change(
        [this, edit](Transaction& transaction, Time) -> Status {
          ASSIGN_OR_RETURN([[maybe_unused]] const Block block,
                           fixture_.runtime->memory().edit_block(transaction, edit));
          return {};
        },
        fixture_.simulation.lane("loop"),
        [then](const Status& done) {
          EXPECT_TRUE(done.ok());
          if (then) then();
        });
  }
  /// An operator changes the notes between the turn's first read of them and its commit.
  void send_while_an_operator_is_faster(const std::string& text) {
    bool changed = false;
    testing::CrashSwitch between("block", StepPhase::kDone, 1, [&] {
      operator_sets({"local", "keeper", "", "anna"}, "notes", "the operator's", [&] { changed = true; });
    });
    fixture_.stop();
    fixture_.boot(&between);
    send(text);
    EXPECT_TRUE(changed);
    EXPECT_TRUE(fixture_.dead().empty());
    fixture_.stop();  // the switch ends here
    fixture_.boot();
  }
  [[nodiscard]] std::string shown() const {
    std::string labels;
    const std::vector<GenerateRequest> requests = fixture_.engine->requests();
    for (const Segment& segment : requests.back().prompt.messages.front().content) {
      labels += segment.label + ": " + segment.text;
    }
    return labels;
  }

  Fixture fixture_{4, [](const GenerateRequest& request) {
                     if (request.prompt.messages.back().text().ends_with("remember tea")) {
                       return call("memory_append", R"({"block": "notes", "text": "Likes tea."})");
                     }
                     return say("ok");
                   }};
  int events_ = 0;
};

TEST_F(BlocksTest, StandBehindWhatIsKnownInEveryPromptOfTheirKey) {
  boot();
  send("+ Likes tea.");
  send("hello");
  EXPECT_EQ(shown(), "known: Known.\n\nblocks: Working memory:\n[notes]\nLikes tea.\n\nevent: hello");
  send("+ Has a cat.");
  EXPECT_EQ(notes(), "[notes]\nLikes tea.\nHas a cat.");
  fixture_.runtime->check_integrity();
}

TEST_F(BlocksTest, AreNotWrittenByATurnThatFailsAndRefuseWhatIsTooLong) {
  boot();
  send("= short");
  send("= " + std::string(5'000, 'x'));
  EXPECT_EQ(notes(), "[notes]\nshort");
}

TEST_F(BlocksTest, AreChangedByTheModelWhereTheAgentLetsIt) {
  boot();
  send("remember tea");
  EXPECT_EQ(notes(), "[notes]\nLikes tea.");
}

TEST_F(BlocksTest, AreSetAgainFromWhatTheySayWhenSomebodyWasFaster) {
  boot();
  send("= one");
  send_while_an_operator_is_faster("= two");
  EXPECT_EQ(notes(), "[notes]\ntwo") << "written over what the second attempt had read";
}

TEST_F(BlocksTest, LoseNoChangeOfOthersWhereATurnChangesThemTwice) {
  boot();
  send("= one");
  send_while_an_operator_is_faster("& two");
  EXPECT_EQ(notes(), "[notes]\nthe operator's\nand two") << "made from what the second attempt had read";
}

TEST_F(BlocksTest, OfEverybodyStandBesideThoseOfOneKeyAndComeFirstWhereThereIsNoPlaceForAll) {
  boot();
  send("= Likes tea, and a great deal of it, at all hours of the day.");
  operator_sets({"local", "keeper", "", ""}, "notes", "Be kind.");
  send("hello");
  EXPECT_EQ(
      shown(),
      "known: Known.\n\nblocks: Working memory:\n[notes]\nBe kind.\n[notes]\nLikes tea, and a great deal of it, at "
      "all hours of the day.\n\nevent: hello");
  fixture_.stop();
  Limits limits;
  limits.block_tokens_max = 12;
  Fixture small{5, [](const GenerateRequest&) { return say("ok"); }, limits};
  small.agent("keeper", keeper);
  small.boot();
  small.send("keeper", "1", "anna", "= Likes tea, and a great deal of it, at all hours of the day.");
  small.settle();
  BlockEdit edit = operators({"local", "keeper", "", ""}, "rules", "Be kind.");
  bool done = false;
  small.runtime->memory().change(
      [&](Transaction& transaction, Time) -> Status {
        ASSIGN_OR_RETURN([[maybe_unused]] const Block made, small.runtime->memory().edit_block(transaction, edit));
        return {};
      },
      small.simulation.lane("loop"), [&](const Status& status) { done = status.ok(); });
  small.simulation.run_until([&] { return done; });
  small.send("keeper", "2", "anna", "hello");
  small.settle();
  const Message message = small.engine->requests().back().prompt.messages.front();
  ASSERT_EQ(message.content.size(), 3U);
  EXPECT_EQ(message.content[1].text, "Working memory:\n[rules]\nBe kind.\n\n");
}

}  // namespace
}  // namespace mnema
