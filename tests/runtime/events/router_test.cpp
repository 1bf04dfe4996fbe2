#include "runtime/events/router.hpp"

#include <gtest/gtest.h>

#include "tests/runtime/runtime_fixture.hpp"

namespace mnema {
namespace {

using testing::event_of;
using testing::RuntimeFixture;

class RouterTest : public ::testing::Test {
 protected:
  Router& router() { return fixture.runtime->router(); }
  Result<Accepted> accept(const Event& event) {
    return fixture.wait<Accepted>([&](auto done) { router().accept(event, fixture.loop, done); });
  }
  /// Which agent an event of this type and source would wake; the error's text where none.
  std::string agent_of(const std::string& type, const std::string& source) {
    Event event = event_of("e");
    event.agent.clear();
    event.type = type;
    event.source = source;
    const Result<Event> routed = router().route(event);
    return routed.ok() ? routed->agent : routed.error().message;
  }
  RuntimeFixture fixture{Limits::tiny()};
};

TEST_F(RouterTest, PicksTheAgentOfTheFirstLineThatFits) {
  for (const char* agent : {"triage", "audit", "rest"}) router().add_agent(agent);
  router().subscribe({"triage", "github.issues.*", "webhook:/hooks/github"});
  router().subscribe({"audit", "github.*", ""});
  router().subscribe({"rest", "", "mail"});
  EXPECT_EQ(agent_of("github.issues.opened", "webhook:/hooks/github"), "triage");
  EXPECT_EQ(agent_of("github.issues.opened", "kafka:a/b/0"), "audit");
  EXPECT_EQ(agent_of("github.issues", "webhook:/hooks/github"), "audit") << "a star stands for what follows the dot";
  EXPECT_EQ(agent_of("anything", "mail"), "rest");
  EXPECT_EQ(agent_of("anything", "mailbox"), "no agent subscribes to events of type 'anything' from 'mailbox'");
}

TEST_F(RouterTest, RefusesAgentsAndTenantsItDoesNotKnow) {
  Event event = event_of("e");
  event.agent = "nobody";
  EXPECT_EQ(accept(event).error().code, ErrorCode::kNotFound);
  event = event_of("e");
  event.tenant = "acme";
  EXPECT_EQ(accept(event).error().code, ErrorCode::kPermissionDenied);
  router().add_tenant("acme");
  EXPECT_TRUE(accept(event).ok());
  event.tenant = "local";
  EXPECT_EQ(accept(event).error().code, ErrorCode::kPermissionDenied) << "once tenants are named, only they may send";
}

TEST_F(RouterTest, MakesTheKeyOfAnEventThatBringsNone) {
  router().add_agent("keyed", "{/customer}/{subject}");
  Event event = event_of("e", "");
  event.agent = "keyed";
  event.subject = "s";
  event.data = R"({"customer": 7})";
  EXPECT_EQ(router().route(event)->key, "7/s");
  event.key = "given";
  EXPECT_EQ(router().route(event)->key, "given");
  event.key.clear();
  event.data = "{}";
  EXPECT_EQ(accept(event).error().code, ErrorCode::kInvalidArgument);
  event.data = R"({"customer":")" + std::string(1'100, 'x') + R"("})";
  EXPECT_NE(accept(event).error().message.find("key has 1102 bytes"), std::string::npos);
}

TEST_F(RouterTest, MakesTheKeyOfABatchOnlyForEventsThatAnAgentTakes) {
  router().add_agent("triage", "{/customer}");
  router().subscribe({"triage", "issues", ""});
  EventBatch batch;
  batch.key_template = "#{/issue}";
  for (const char* type : {"issues", "push", "issues"}) {
    Event event = event_of(std::to_string(batch.events.size()), "");
    event.agent.clear();
    event.type = type;
    event.data = batch.events.empty() ? R"({"issue": 7, "customer": "c"})" : R"({"customer": "c"})";
    batch.events.emplace_back(event);
  }
  const Result<AcceptResults> results =
      fixture.wait<AcceptResults>([&](auto done) { router().accept(batch, fixture.loop, done); });
  ASSERT_TRUE(results.ok());
  EXPECT_TRUE(results->at(0).ok());
  EXPECT_EQ(results->at(1).error().code, ErrorCode::kNotFound) << "nobody wants it, so its key is nobody's business";
  EXPECT_EQ(results->at(2).error().code, ErrorCode::kInvalidArgument);
  EXPECT_NE(results->at(2).error().message.find("/issue"), std::string::npos) << "says which part is missing";
  fixture.runtime->mailbox().take(fixture.loop, [&](Delivery delivery) { EXPECT_EQ(delivery.event().key, "#7"); });
  fixture.simulation.run_until_idle();
}

TEST_F(RouterTest, TellsASourceToComeBackWhenTheMailboxIsFull) {
  for (int i = 0; i < fixture.limits.mailbox_rows_per_key_max; ++i) {
    ASSERT_TRUE(accept(event_of(std::to_string(i))).ok());
  }
  const auto refused = accept(event_of("more"));
  ASSERT_FALSE(refused.ok());
  EXPECT_EQ(refused.error().code, ErrorCode::kMailboxFull);
  EXPECT_TRUE(refused.error().retryable);
  EXPECT_GT(refused.error().retry_after_ms, 0);
}

TEST_F(RouterTest, AnnouncesAnEventOnceAndOnlyWhenItIsStored) {
  struct Observer final : PrestageObserver {
    void on_event_accepted(Sequence sequence, const std::shared_ptr<const Event>& event) override {
      announced.push_back(std::to_string(sequence) + " " + event->id);
    }
    std::vector<std::string> announced;
  } observer;
  router().add_observer(observer);
  ASSERT_TRUE(accept(event_of("a")).ok());
  ASSERT_TRUE(accept(event_of("a"))->duplicate);
  fixture.disk.fail(FaultVfs::Operation::kSync, 0);
  ASSERT_FALSE(accept(event_of("b")).ok());
  EXPECT_EQ(observer.announced, std::vector<std::string>{"1 a"});
}

TEST_F(RouterTest, RoutesEveryEventOfABatchByItself) {
  EventBatch batch;
  for (const char* agent : {"worker", "nobody", "worker"}) {
    Event event = event_of("e" + std::to_string(batch.events.size()));
    event.agent = agent;
    batch.events.emplace_back(std::move(event));
  }
  const auto results = fixture.wait<AcceptResults>([&](auto done) { router().accept(batch, fixture.loop, done); });
  ASSERT_TRUE(results.ok()) << results.error().text();
  ASSERT_EQ(results->size(), 3U);
  EXPECT_TRUE((*results)[0].ok());
  EXPECT_EQ((*results)[1].error().code, ErrorCode::kNotFound);
  EXPECT_EQ((*results)[2]->sequence, 2) << "a refused one takes no number";
}

}  // namespace
}  // namespace mnema
