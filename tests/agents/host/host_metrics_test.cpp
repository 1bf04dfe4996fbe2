#include "agents/host/host_metrics.hpp"

#include <gtest/gtest.h>

#include "agents/host/turn_metrics.hpp"
#include "tests/agents/fixture.hpp"

namespace mnema {
namespace {

using testing::Fixture;
using testing::say;

bool has(const std::string& text, const std::string& line) { return ("\n" + text).find("\n" + line) != text.npos; }

TEST(HostMetrics, NamesWhatThePartsCount) {
  Metrics metrics;
  metrics.on_scrape([](MetricsReport& shown) {
    RuntimeCounts runtime;
    runtime.events_dead = 2;
    runtime.messages_dead_total = 5;
    report(shown, runtime);
    HttpServer::Counts http;
    http.connections_opened = 7;
    http.connections_closed = 4;
    report(shown, http);
    UpstreamCounts upstream;
    upstream.calls_total = 9;
    upstream.breaker = Breaker::State::kOpen;
    report(shown, "payments", upstream);
    MemoryStatistics memory;
    memory.episodes = 11;
    report(shown, memory);
  });
  const std::string text = metrics.render();
  for (const char* line :
       {"mnema_events{state=\"dead\"} 2\n", "mnema_messages_dead_total 5\n", "mnema_http_connections 3\n",
        "mnema_connector_calls_total{connector=\"payments\"} 9\n",
        "mnema_connector_breaker_open{connector=\"payments\"} 1\n", "mnema_memory_entries{kind=\"episode\"} 11\n",
        "# TYPE mnema_events_accepted_total counter\n"}) {
    EXPECT_TRUE(has(text, line)) << line << "in\n" << text;
  }
}

task<Outcome> counts(Ctx&, Event) { co_return done(); }

TEST(TurnMetrics, CountTurnsByTheirEndBesideOtherListeners) {
  Fixture fixture(1, [](const GenerateRequest&) { return say("ok"); });
  fixture.agent("desk", counts);
  fixture.boot();
  Metrics metrics;
  TurnMetrics turns(metrics);
  int others = 0;
  fixture.runtime->dispatcher().on_turn_end(
      [&turns](const Event& event, Sequence, TurnEnd end, const TurnReport& report) {
        turns.on_turn_end(event, end, report);
      });
  fixture.runtime->dispatcher().on_turn_end(
      [&others](const Event&, Sequence, TurnEnd, const TurnReport&) { ++others; });
  for (const char* id : {"1", "2"}) fixture.send("desk", id, "secret-key", "x");
  fixture.settle();
  EXPECT_EQ(others, 2);
  const std::string text = metrics.render();
  EXPECT_TRUE(has(text, "mnema_turns_total{agent=\"desk\",end=\"done\"} 2\n")) << text;
  EXPECT_TRUE(has(text, "mnema_turn_wake_seconds_count{agent=\"desk\"} 2\n")) << text;
  EXPECT_EQ(text.find("secret-key"), std::string::npos) << "no key is a label";
}

}  // namespace
}  // namespace mnema
