#include "agents/erase/runtime_parts.hpp"

#include <gtest/gtest.h>

#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;

/// Notes what it is asked to forget.
class ForgettingEngine final : public testing::ScriptedEngine {
 public:
  explicit ForgettingEngine(Executor& timer)
      : ScriptedEngine(timer, [](const GenerateRequest&) { return testing::say("ok"); }) {}
  void erase(Scope scope, Executor& reply_to, std::function<void()> on_done) override {
    forgotten.push_back(std::move(scope));
    reply_to.post(std::move(on_done));
  }
  std::vector<Scope> forgotten;
};

task<Outcome> answer(Ctx& ctx, Event event) {
  ctx.send("somewhere", event.data);
  co_return done();
}

task<Outcome> fails(Ctx&, Event) { throw std::runtime_error("never"); }

Event event_by(const std::string& user, const std::string& agent, const std::string& id) {
  Event event;
  event.id = id;
  event.source = "test";
  event.type = "test.event";
  event.agent = agent;
  event.key = id;
  event.user = user;
  event.content_type = "text/plain";
  event.data = "said by " + user;
  return event;
}

TEST(RuntimeParts, EraseWhatAUsersEventsLeftAndNobodyElses) {
  Limits limits;
  limits.attempts_max = 1;
  Fixture fixture(3, [](const GenerateRequest&) { return testing::say("ok"); }, limits);
  fixture.agent("answer", answer);
  fixture.agent("fails", fails);
  fixture.boot();
  const auto send = [&](const Event& event) {
    bool accepted = false;
    fixture.runtime->acceptor()(event, [&](const Result<Accepted>& result) { accepted = result.ok(); });
    fixture.simulation.run_until([&] { return accepted; });
  };
  for (const std::string user : {"anna", "bert"}) {
    send(event_by(user, "answer", "a-" + user));
    send(event_by(user, "fails", "f-" + user));
  }
  fixture.settle();
  ASSERT_EQ(fixture.dead().size(), 2U);
  Eraser& eraser = fixture.runtime->memory().eraser();
  const EraseCounts preview = eraser.preview({{"local", "", "anna", ""}}).value();
  EXPECT_EQ(preview.at("events"), 1) << "the dead letter";
  std::optional<Result<Erasure>> receipt;
  eraser.request({{"local", "", "anna", ""}}, fixture.simulation.lane("loop"), [&](const Result<Erasure>& requested) {
    eraser.when_finished(requested->id, fixture.simulation.lane("loop"),
                         [&](const Result<Erasure>& finished) { receipt = finished; });
  });
  fixture.simulation.run_until([&] { return receipt.has_value(); });
  ASSERT_TRUE(receipt && receipt->ok());
  EXPECT_EQ((*receipt)->counts.at("events"), 1);
  ASSERT_EQ(fixture.dead().size(), 1U);
  EXPECT_EQ(fixture.dead().front().key, "f-bert");
  const auto turns =
      fixture.runtime->runtime().database().read<std::int64_t>([](Transaction& transaction) -> Result<std::int64_t> {
        ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM turns WHERE user = 'anna'"));
        ASSIGN_OR_RETURN(const bool row, select.step());
        return row ? select.integer(0) : 0;
      });
  EXPECT_EQ(*turns, 0);
  fixture.runtime->check_integrity();
}

TEST(RuntimeParts, AskTheEngineToForgetTheUserOrWhereNoneIsNamedTheTenant) {
  Fixture fixture(4, [](const GenerateRequest&) { return testing::say("ok"); });
  fixture.boot();
  ForgettingEngine engine(fixture.simulation.lane("engine"));
  const std::vector<ErasePart> parts = runtime_parts(fixture.runtime->runtime(), engine);
  const auto part = std::find_if(parts.begin(), parts.end(), [](const ErasePart& one) { return one.name == "engine"; });
  ASSERT_NE(part, parts.end());
  for (const Scope& scope : {Scope{"local", "", "anna", ""}, Scope{"local", "", "", "s"}}) {
    bool forgot = false;
    part->elsewhere({scope, 0}, fixture.simulation.lane("loop"),
                    [&](const Result<std::string>& waits_for) { forgot = waits_for.ok() && waits_for->empty(); });
    fixture.simulation.run_until([&] { return forgot; });
    EXPECT_TRUE(forgot);
  }
  EXPECT_EQ(engine.forgotten, (std::vector<Scope>{{"local", "", "anna", ""}, {"local", "", "", ""}}));
}

}  // namespace
}  // namespace mnema
