#include "agents/host.hpp"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>
#include <filesystem>
#include <thread>

#include "agents/host_harness.hpp"
#include "runtime/base/log.hpp"

// Whole programs, driven from outside. How they end is in shutdown_test.cpp.

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;
using testing::say;

struct Orders {
  int seen = 0;
  int reminders = 0;
};
BOOST_DESCRIBE_STRUCT(Orders, (), (seen, reminders))

task<Outcome> count(Ctx& ctx, Event) {
  ++ctx.state<Orders>().seen;
  co_return done();
}

/// Counts, reminds itself a day later, and says both to a connector.
task<Outcome> orders(Ctx& ctx, Event event) {
  if (event.type == "timer") {
    ++ctx.state<Orders>().reminders;
    ctx.send("warehouse", "late");
    co_return done();
  }
  ++ctx.state<Orders>().seen;
  ctx.send("warehouse", "new");
  ctx.wake_at("reminder", ctx.now() + std::chrono::hours(24), "{}");
  co_return done();
}

std::atomic<bool> warehouse_is_down = false;

task<Outcome> ask_warehouse(Ctx&, Event) {
  if (warehouse_is_down) throw Failure(fail_retryable(ErrorCode::kUnavailable, "the warehouse does not answer"));
  co_return done();
}

task<Outcome> think_of_it(Ctx& ctx, Event event) {
  PromptPlan plan = ctx.prompt().user(event.data);
  Reply answer = co_await ctx.think(plan);
  co_return reply(answer.text);
}

task<Outcome> remember_it(Ctx& ctx, Event event) {
  Episode said;
  said.role = "user";
  said.text = event.data;
  ctx.remember(said);
  RecallQuery query;
  query.text = event.data;
  Recalled found = co_await ctx.recall(query);
  ctx.state<Orders>().seen = static_cast<int>(found.hits.size());
  co_return done();
}

/// One request over a socket of its own, and the whole answer.
std::string http(const std::string& address, const std::string& request) {
  const int descriptor = ::socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in to{};
  to.sin_family = AF_INET;
  to.sin_port = htons(static_cast<std::uint16_t>(std::stoi(address.substr(address.rfind(':') + 1))));
  to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  std::string answer;
  if (::connect(descriptor, reinterpret_cast<const sockaddr*>(&to), sizeof to) == 0 &&
      ::send(descriptor, request.data(), request.size(), MSG_NOSIGNAL) == static_cast<ssize_t>(request.size())) {
    char buffer[4096];
    for (ssize_t got = 0; (got = ::recv(descriptor, buffer, sizeof buffer, 0)) > 0;) {
      answer.append(buffer, static_cast<std::size_t>(got));
    }
  }
  ::close(descriptor);
  return answer;
}

std::string get(const HostHarness& harness, const std::string& path) {
  return http(harness.address(),
              "GET " + path + " HTTP/1.1\r\nHost: " + harness.address() + "\r\nConnection: close\r\n\r\n");
}

std::string post(const HostHarness& harness, const std::string& path, const std::string& body) {
  return http(harness.address(), "POST " + path + " HTTP/1.1\r\nHost: " + harness.address() +
                                     "\r\nConnection: close\r\nContent-Type: application/json\r\nContent-Length: " +
                                     std::to_string(body.size()) + "\r\n\r\n" + body);
}

/// A configuration without any model on this machine.
Config no_models() {
  Config config;
  config.inference.models_directory = "/nonexistent";
  return config;
}

TEST(Host, TakesAWebhookWakesByATimerAndDelivers) {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("orders", orders).key("{/customer}").state<Orders>(); };
  options.virtual_time = true;
  SourceConfig shop;
  shop.kind = "webhook";
  shop.path = "/hooks/shop";
  shop.scheme = "unsigned";
  shop.agent = "orders";  // declared in code alone
  options.config.sources["shop"] = shop;
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();

  const std::string answer = post(harness, "/hooks/shop", R"({"type": "order", "customer": "ada"})");
  EXPECT_NE(answer.find(" 202 "), std::string::npos) << answer;
  ASSERT_TRUE(harness.wait_for_turns(1).ok());
  EXPECT_EQ(harness.wait_for_deliveries(1).size(), 1U);
  harness.advance(std::chrono::hours(23));
  EXPECT_EQ(harness.state<Orders>("orders", "ada")->reminders, 0);
  harness.advance(std::chrono::hours(1) + std::chrono::seconds(1));
  ASSERT_TRUE(harness.wait_for_turns(2).ok());
  EXPECT_EQ(harness.state<Orders>("orders", "ada")->reminders, 1);
  EXPECT_EQ(harness.wait_for_deliveries(2).back().body, "late");
  EXPECT_TRUE(harness.stop().left_behind.empty());
}

TEST(Host, PausesASourceWhileTheMailboxIsNearlyFullAndSaysSo) {
  warehouse_is_down = true;
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("orders", ask_warehouse).key("{/customer}"); };
  options.virtual_time = true;
  options.config.limits.mailbox_rows_per_tenant_max = 10;
  options.config.limits.attempts_max = 1'000;
  SourceConfig shop;
  shop.kind = "webhook";
  shop.path = "/hooks/shop";
  shop.scheme = "unsigned";
  shop.agent = "orders";
  options.config.sources["shop"] = shop;
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();

  const auto order = [&](int customer) {
    return post(harness, "/hooks/shop", R"({"customer": ")" + std::to_string(customer) + R"("})");
  };
  constexpr int kNearlyFull = 9;
  for (int i = 0; i < kNearlyFull; ++i) {
    const std::string answer = order(i);
    ASSERT_NE(answer.find(" 202 "), std::string::npos) << answer;
  }
  const std::string later = order(kNearlyFull);
  EXPECT_NE(later.find(" 429 "), std::string::npos) << later;
  EXPECT_NE(later.find("retry-after: 1\r\n"), std::string::npos) << later;
  EXPECT_NE(get(harness, "/health?full").find(R"("paused_sources":["webhook:/hooks/shop"])"), std::string::npos);
  EXPECT_NE(get(harness, "/metrics").find("mnema_source_paused{source=\"shop\"} 1\n"), std::string::npos);

  warehouse_is_down = false;
  harness.advance(std::chrono::hours(1));
  ASSERT_TRUE(harness.wait_for_turns(kNearlyFull).ok());
  const auto is_paused = [&] {
    return get(harness, "/health?full").find(R"("paused_sources":[])") == std::string::npos;
  };
  for (int i = 0; i < 5'000 && is_paused(); ++i) std::this_thread::sleep_for(std::chrono::milliseconds(1));
  EXPECT_NE(order(kNearlyFull).find(" 202 "), std::string::npos);
  EXPECT_NE(get(harness, "/metrics").find("mnema_source_paused{source=\"shop\"} 0\n"), std::string::npos);
}

TEST(Host, GoesOnOverTheSameFolderAndCanBeMadeAgain) {
  HostHarness harness({.declare = [](Host& host) { host.agent("counter", count).state<Orders>(); }});
  ASSERT_TRUE(harness.start().ok());
  for (int life = 1; life <= 3; ++life) {
    EXPECT_EQ(*harness.handle(event_for("counter", "k", "{}")), TurnEnd::kDone);
    EXPECT_EQ(harness.state<Orders>("counter", "k")->seen, life);
    ASSERT_TRUE(harness.restart().ok());
  }
}

TEST(Host, AnswersAChatByItsEngine) {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("helper", think_of_it).answers_chat().system("You help."); };
  options.script = [](const GenerateRequest&) -> Result<Completion> { return say("with pleasure"); };
  HostHarness harness(options);
  ASSERT_TRUE(harness.start().ok());
  const Result<std::string> answer = harness.chat("helper", "would you?");
  ASSERT_TRUE(answer.ok()) << answer.error().text();
  EXPECT_EQ(*answer, "with pleasure");
}

TEST(Host, StartsWithoutAnyModelWhereNoAgentNeedsOne) {
  HostHarness::Options options;
  options.declare = [](Host& host) {
    host.agent("counter", count).state<Orders>();
    host.agent("thinker", think_of_it);  // says nowhere that it thinks
    host.agent("rememberer", remember_it).state<Orders>();
  };
  options.models = true;
  options.config = no_models();
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_TRUE(started.ok()) << started.error().text();
  EXPECT_EQ(*harness.handle(event_for("counter", "k", "{}")), TurnEnd::kDone);
  EXPECT_EQ(harness.state<Orders>("counter", "k")->seen, 1);

  EXPECT_NE(get(harness, "/v1/models").find(R"("data":[])"), std::string::npos);
  const std::string chat = post(harness, "/v1/chat/completions",
                                R"({"model": "default", "messages": [{"role": "user", "content": "hello"}]})");
  EXPECT_NE(chat.find(" 404 "), std::string::npos) << chat;

  EXPECT_EQ(*harness.handle(event_for("thinker", "k", "hello")), TurnEnd::kDead);
  ASSERT_EQ(harness.dead_letters().size(), 1U);
  EXPECT_NE(harness.dead_letters()[0].error.text().find("without a language model"), std::string::npos);

  Event first = event_for("rememberer", "k", "the ferry to Oslo");
  first.content_type = "text/plain";
  Event again = first;
  again.id += "-again";
  EXPECT_EQ(*harness.handle(first), TurnEnd::kDone);
  EXPECT_EQ(*harness.handle(again), TurnEnd::kDone);
  EXPECT_GT(harness.state<Orders>("rememberer", "k")->seen, 0) << "memory goes by words";
}

TEST(Host, SaysWhichModelIsMissingWhereAnAgentNeedsOne) {
  HostHarness::Options options;
  options.declare = [](Host& host) { host.agent("thinker", think_of_it).thinks(); };
  options.models = true;
  options.config = no_models();
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().text().find("smollm2-135m"), std::string::npos) << started.error().text();
}

TEST(Host, WarmsNothingUpForAnAgentThatOnlyCounts) {
  HostHarness harness({.declare = [](Host& host) { host.agent("counter", count).state<Orders>(); }});
  ASSERT_TRUE(harness.start().ok());
  constexpr int kEvents = 300;
  for (int i = 0; i < kEvents; ++i) ASSERT_TRUE(harness.post(event_for("counter", std::to_string(i % 7), "{}")).ok());
  ASSERT_TRUE(harness.wait_for_turns(kEvents).ok());
  EXPECT_EQ(harness.engine().prestages(), 0);
  EXPECT_EQ(harness.engine().embedded(), 0);
}

TEST(Host, RefusesASourceThatWakesAnAgentNobodyDeclares) {
  HostHarness::Options options;
  SourceConfig shop;
  shop.kind = "webhook";
  shop.path = "/hooks/shop";
  shop.agent = "nobody";
  options.config.sources["shop"] = shop;
  HostHarness harness(options);
  const Status started = harness.start();
  ASSERT_FALSE(started.ok());
  EXPECT_NE(started.error().text().find("'nobody'"), std::string::npos) << started.error().text();
}

TEST(Host, ConfiguresTheLogOfAnyProgram) {
  const std::string folder = ::testing::TempDir() + "mnema-host-log-" + std::to_string(::getpid());
  std::filesystem::remove_all(folder);
  std::filesystem::create_directories(folder);
  Config config = no_models();
  config.server.data = folder + "/data";
  config.server.port = 0;
  config.log.file = folder + "/log";
  config.log.format = "json";
  {
    Host host({.signals = false});
    host.agent("counter", count).state<Orders>();
    ASSERT_FALSE(host.open(config).has_value());
    const std::string address = host.address();
    host.stop();
    host.run();
    std::string log(16'384, '\0');
    std::FILE* file = std::fopen((folder + "/log").c_str(), "r");
    ASSERT_NE(file, nullptr);
    log.resize(std::fread(log.data(), 1, log.size(), file));
    std::fclose(file);
    EXPECT_NE(log.find("\"serving\",\"address\":\"http://" + address), std::string::npos) << log;
  }
  ASSERT_TRUE(configure_log({}).ok());
  std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace mnema
