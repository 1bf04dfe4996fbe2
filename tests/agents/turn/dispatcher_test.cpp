#include "agents/turn/dispatcher.hpp"

#include <gtest/gtest.h>

#include <future>
#include <thread>

#include "agents/host_harness.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::event_for;
using testing::Fixture;
using testing::HostHarness;
using testing::say;

std::atomic<int> handled = 0;

task<Outcome> count(Ctx&, Event) {
  ++handled;
  co_return done();
}

Result<Completion> ok(const GenerateRequest&) { return say("ok"); }

TEST(Dispatcher, LeasesNothingOnceItStops) {
  for (std::uint64_t seed = 1; seed <= 50; ++seed) {
    Fixture fixture(seed, ok);
    fixture.agent("counter", count);
    fixture.boot();
    fixture.simulation.run_ready();  // all consumers wait
    handled = 0;
    bool stopped = false;
    fixture.runtime->stop(std::chrono::seconds(1), [&] { stopped = true; });
    fixture.simulation.run_until([&] { return stopped; });
    for (int i = 0; i < 5; ++i) fixture.send("counter", std::to_string(i), "k" + std::to_string(i), "x");
    fixture.simulation.run_until_idle(std::chrono::seconds(1));
    EXPECT_EQ(handled, 0);
    EXPECT_EQ(fixture.runtime->runtime().mailbox().depths().ready, 5);
    fixture.crash();  // what was on its way when it stopped is not counted either
    fixture.boot();
    fixture.settle();
    EXPECT_EQ(handled, 5);
    EXPECT_TRUE(fixture.dead().empty());
  }
}

TEST(Dispatcher, GivesBackWhatWasOnItsWayWhenItStopped) {
  for (std::uint64_t seed = 1; seed <= 100; ++seed) {
    Limits limits;
    limits.attempts_max = 1;
    Fixture fixture(seed, ok, limits);
    fixture.agent("counter", count);
    fixture.boot();
    handled = 0;
    for (int i = 0; i < 5; ++i) fixture.send("counter", std::to_string(i), "k" + std::to_string(i), "x");
    for (std::uint64_t steps = fixture.simulation.random().below(30); steps > 0; --steps) fixture.simulation.run_one();
    fixture.stop();
    fixture.boot();
    fixture.settle();
    EXPECT_TRUE(fixture.dead().empty()) << "seed " << seed;
    EXPECT_GE(handled, 5) << "seed " << seed;
    fixture.runtime->check_integrity();
  }
}

TEST(Dispatcher, StartsNoChatAfterItSaidThatItStopped) {
  for (int round = 0; round < 20; ++round) {
    HostHarness harness({.declare = [](Host& host) { host.agent("counter", count).answers_chat(); }});
    ASSERT_TRUE(harness.start().ok());
    AgentRuntime& runtime = harness.host().runtime();
    handled = 0;
    std::atomic<int> answered = 0, asked = 0;
    std::atomic<bool> ended = false;
    std::vector<std::thread> clients;
    for (int client = 0; client < 3; ++client) {
      clients.emplace_back([&, client] {
        while (!ended) {
          TurnRequest request;
          request.agent = &runtime.agents().at("counter");
          request.event = std::make_shared<const Event>(event_for("counter", std::to_string(client), "hello"));
          request.chat.emplace();
          request.chat->session = std::to_string(client);
          request.chat->sent.push_back(message_of(Role::kUser, "hello"));
          ++asked;
          runtime.dispatcher().start_chat(std::move(request),
                                          [&](TurnEnd, const Result<Outcome>&, const TurnReport&) { ++answered; });
          while (answered < asked - 3 && !ended) std::this_thread::yield();
        }
      });
    }
    while (handled < 5) std::this_thread::yield();
    std::promise<int> stopped;
    runtime.dispatcher().stop(std::chrono::seconds(10), [&] { stopped.set_value(handled); });
    const int at_the_end = stopped.get_future().get();
    EXPECT_EQ(runtime.dispatcher().running(), 0);
    std::this_thread::sleep_for(std::chrono::milliseconds(2));
    ended = true;
    for (std::thread& client : clients) client.join();
    while (answered < asked) std::this_thread::yield();
    EXPECT_EQ(handled, at_the_end) << "no turn runs on a runtime that has stopped";
    runtime.dispatcher().check_integrity();
  }
}

}  // namespace
}  // namespace mnema
