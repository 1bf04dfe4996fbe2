#include "agents/host/shutdown.hpp"

#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <unistd.h>

#include <csignal>
#include <cstdlib>
#include <filesystem>

#include "agents/host/modelless_engine.hpp"
#include "agents/host_harness.hpp"
#include "connectors/connector_registry.hpp"
#include "runtime/base/log.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/store/folder_lock.hpp"

// How a whole program ends when something in it does not. Those that get signals are processes of their own.

namespace mnema {
namespace {

using testing::event_for;
using testing::HostHarness;
using testing::say;
using testing::ScriptedEngine;

struct Seen {
  int count = 0;
};
BOOST_DESCRIBE_STRUCT(Seen, (), (count))
struct Nothing {
  int unused = 0;
};
BOOST_DESCRIBE_STRUCT(Nothing, (), (unused))

/// Where work that hangs is, and what lets it go.
struct Hang {
  std::mutex mutex;
  std::condition_variable changed;
  int inside = 0;
  int passed = 0;
  bool let_go = false;

  void enter() {
    std::unique_lock lock(mutex);
    ++inside;
    changed.notify_all();
    changed.wait(lock, [this] { return let_go; });
    ++passed;
    changed.notify_all();
  }
  void wait_for(int count) {
    std::unique_lock lock(mutex);
    changed.wait(lock, [&] { return inside >= count; });
  }
  void release() {
    std::unique_lock lock(mutex);
    let_go = true;
    changed.notify_all();
    changed.wait(lock, [this] { return passed == inside; });
  }
};
Hang* in_use = nullptr;

Nothing hang_for_ever(Nothing) {
  in_use->enter();
  return {};
}

task<Outcome> count(Ctx& ctx, Event) {
  ++ctx.state<Seen>().count;
  co_return done();
}

task<Outcome> block(Ctx& ctx, Event) {
  Nothing nothing;
  co_await ctx.blocking("hang", hang_for_ever, nothing);
  co_return done();
}

task<Nothing> call_out(ToolCtx& tool, Nothing) {
  ConnectorCall call;
  call.path = "/x";
  co_await tool.call("silent", call);
  Nothing nothing;
  co_return nothing;
}

task<Outcome> use_a_tool(Ctx& ctx, Event) {
  Nothing nothing;
  co_await ctx.step("call_out", call_out, nothing);
  co_return done();
}

task<Outcome> send_out(Ctx& ctx, Event) {
  ctx.send("silent", "{}");
  co_return done();
}

task<Outcome> remember_much(Ctx& ctx, Event) {
  for (int i = 0; i < 200; ++i) {
    Episode said;
    said.role = "user";
    said.text = "line " + std::to_string(i);
    ctx.remember(said);
  }
  co_return done();
}

/// Accepts connections and says nothing, ever.
class SilentPeer {
 public:
  SilentPeer() : descriptor_(::socket(AF_INET, SOCK_STREAM, 0)) {
    sockaddr_in at{};
    at.sin_family = AF_INET;
    at.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    CHECK(::bind(descriptor_, reinterpret_cast<const sockaddr*>(&at), sizeof at) == 0, "a port is free");
    CHECK(::listen(descriptor_, 64) == 0, "it listens");
    socklen_t size = sizeof at;
    ::getsockname(descriptor_, reinterpret_cast<sockaddr*>(&at), &size);
    port_ = ntohs(at.sin_port);
  }
  ~SilentPeer() { ::close(descriptor_); }
  [[nodiscard]] ConnectorConfig connector() const {
    ConnectorConfig config;
    config.kind = "http";
    config.url = "http://127.0.0.1:" + std::to_string(port_);
    return config;
  }

 private:
  int descriptor_;
  int port_ = 0;
};

/// Makes vectors only while it is not held.
class HeldEmbedding final : public testing::ScriptedEngine {
 public:
  using ScriptedEngine::ScriptedEngine;
  void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override {
    if (request.inputs.size() > 1 || hold_all) return static_cast<void>(++held);
    ScriptedEngine::embed(std::move(request), reply_to, std::move(on_done));
  }
  static inline bool hold_all = false;
  static inline std::atomic<int> held = 0;
};

std::unique_ptr<Engine> held_embedding(Executor& compute) {
  return std::make_unique<HeldEmbedding>(compute,
                                         [](const GenerateRequest&) -> Result<Completion> { return say("ok"); });
}

void declare_all(Host& host) {
  host.agent("counter", count).state<Seen>();
  host.agent("blocker", block);
  host.agent("tool_user", use_a_tool);
  host.agent("sender", send_out);
  host.agent("rememberer", remember_much).recalls();
}

void wait_until(const std::function<bool()>& holds) {
  while (!holds()) std::this_thread::sleep_for(std::chrono::milliseconds(1));
}

bool folder_is_free(const std::string& data) { return FolderLock::take(data + "/mnema.db.lock").ok(); }

// ---- in this process, by Host::stop ----

/// Its peer never says that it knows of the end.
class SourceThatLeavesForEver final : public Source {
 public:
  [[nodiscard]] std::string name() const override { return "silent"; }
  [[nodiscard]] std::optional<std::string> tenant() const override { return std::nullopt; }
  [[nodiscard]] Status start(Accept /*accept*/) override { return {}; }
  void pause() override {}
  void resume() override {}
  void drain() override {}
  void stop() override {}
  [[nodiscard]] bool is_leaving() const override { return true; }
  void report(MetricsReport& /*metrics*/) const override {}
};

TEST(Shutdown, LeavesASourceBehindWhoseBrokerDoesNotAnswerItsLeaving) {
  Loop loop;
  ModellessEngine engine(nullptr);
  ConnectorRegistry registry;
  registry.add_source_kind("silent", [](const std::string&, const SourceConfig&) -> Result<std::unique_ptr<Source>> {
    return std::unique_ptr<Source>(std::make_unique<SourceThatLeavesForEver>());
  });
  SourceConfig config;
  config.kind = "silent";
  ASSERT_TRUE(registry.open_sources({{"orders", config}}).ok());
  ASSERT_TRUE(registry.start([](EventBatch, BatchDone) {}).ok());
  loop.start();
  const std::vector<std::string> left =
      shut_down({loop, engine, nullptr, nullptr, &registry, {}, {}}, std::chrono::milliseconds(10));
  ASSERT_EQ(left.size(), 1U);
  EXPECT_NE(left.front().find("'orders'"), std::string::npos) << left.front();
}

TEST(Shutdown, LeavesABlockingFunctionThatHangsBehindAndNamesItsPool) {
  in_use = new Hang;  // never destroyed, like the thread inside
  HostHarness::Options options;
  options.declare = declare_all;
  options.config.limits.shutdown_grace_ms = 100;
  HostHarness harness(options);
  ASSERT_TRUE(harness.start().ok());
  ASSERT_TRUE(harness.post(event_for("blocker", "k", "{}")).ok());
  in_use->wait_for(1);
  const Host::Ended ended = harness.stop();
  ASSERT_EQ(ended.left_behind.size(), 1U);
  EXPECT_NE(ended.left_behind[0].find("'blocking'"), std::string::npos) << ended.left_behind[0];
  EXPECT_TRUE(folder_is_free(harness.folder() + "/data"));
  in_use->release();  // what it says now, nobody hears
}

TEST(Shutdown, GivesTheEventOfACancelledTurnBackUncounted) {
  SilentPeer peer;
  HostHarness::Options options;
  options.declare = declare_all;
  options.config.limits.shutdown_grace_ms = 50;
  options.config.limits.attempts_max = 1;
  options.config.connectors["silent"] = peer.connector();
  HostHarness harness(options);
  ASSERT_TRUE(harness.start().ok());
  ASSERT_TRUE(harness.post(event_for("tool_user", "k", "{}")).ok());
  wait_until([&] { return harness.host().runtime().dispatcher().running() == 1; });
  harness.stop();
  EXPECT_TRUE(folder_is_free(harness.folder() + "/data"));
  options.config.limits.attempts_max = 1;
  ASSERT_TRUE(harness.start().ok());
  EXPECT_TRUE(harness.dead_letters().empty());
  wait_until([&] { return harness.host().runtime().dispatcher().running() == 1; });
}

TEST(Shutdown, WaitsForNeitherSinksNorTheEmbeddingBacklog) {
  SilentPeer peer;
  HostHarness::Options options;
  options.declare = declare_all;
  options.engine = held_embedding;
  options.config.connectors["silent"] = peer.connector();
  options.config.limits.shutdown_grace_ms = 60'000;
  HostHarness harness(options);
  HeldEmbedding::held = 0;
  ASSERT_TRUE(harness.start().ok());
  ASSERT_EQ(*harness.handle(event_for("rememberer", "k", "{}")), TurnEnd::kDone);
  ASSERT_EQ(*harness.handle(event_for("sender", "k", "{}")), TurnEnd::kDone);
  wait_until([] { return HeldEmbedding::held > 0; });
  wait_until([&] { return !harness.host().runtime().deliveries().empty(); });
  const auto begun = std::chrono::steady_clock::now();
  harness.stop();
  EXPECT_LT(std::chrono::steady_clock::now() - begun, std::chrono::seconds(30)) << "it waited for one of them";
  EXPECT_TRUE(folder_is_free(harness.folder() + "/data"));
}

TEST(Shutdown, EndsInABurstAndHandlesTheRestAfterTheNextStart) {
  HostHarness harness({.declare = declare_all});
  ASSERT_TRUE(harness.start().ok());
  constexpr int kEvents = 2'000;
  std::atomic<int> accepted = 0;
  for (int i = 0; i < kEvents; ++i) {
    harness.host().runtime().acceptor()(event_for("counter", std::to_string(i % 10), "{}"),
                                        [&](const Result<Accepted>& stored) { accepted += stored.ok() ? 1 : 0; });
  }
  ASSERT_TRUE(harness.wait_for_turns(1).ok());
  EXPECT_TRUE(harness.stop().left_behind.empty());
  const int sure = accepted;
  ASSERT_TRUE(harness.start().ok());
  const auto handled = [&] {
    int sum = 0;
    for (int key = 0; key < 10; ++key) {
      const auto seen = harness.state<Seen>("counter", std::to_string(key));
      sum += seen ? seen->count : 0;
    }
    return sum;
  };
  wait_until([&] {
    const RuntimeCounts counts = harness.host().runtime().runtime().counts();
    return handled() >= sure && counts.events_ready + counts.events_leased == 0;
  });
  EXPECT_GE(handled(), sure);
  EXPECT_LE(handled(), kEvents);
}

TEST(Shutdown, EndsAHostThatStillLoadsItsModels) {
  HeldEmbedding::hold_all = true;
  HeldEmbedding::held = 0;
  HostHarness::Options options;
  options.declare = declare_all;
  options.engine = held_embedding;
  HostHarness harness(options);
  Status started;
  std::thread opening([&] { started = harness.start(); });
  wait_until([] { return HeldEmbedding::held > 0; });
  harness.host().stop();
  opening.join();
  HeldEmbedding::hold_all = false;
  ASSERT_FALSE(started.ok());
  EXPECT_EQ(started.error().code, ErrorCode::kCancelled);
}

// ---- in a process of its own, by signals ----

struct Child {
  std::string name;
  std::function<void(Host&)> before_signal = {};  // posts, and waits until what hangs hangs
  std::function<std::unique_ptr<Engine>(Executor&)> engine = {};
  int grace_ms = 100;
  std::optional<ConnectorConfig> silent = {};
  bool opening = false;  // the signal comes while it opens
  int signals = 1;
};

std::string folder_of(const std::string& name, pid_t parent) {
  return ::testing::TempDir() + "mnema-shutdown-" + std::to_string(parent) + "-" + name;
}

/// Serves, and ends as its signals make it. The alarm is for what would never end.
void serve_until_signal(const Child& child) {
  ::alarm(60);
  Config config;
  config.server.data = folder_of(child.name, ::getppid());
  config.server.port = 0;
  config.log.level = "off";
  config.inference.model = "none";
  config.limits.shutdown_grace_ms = child.grace_ms;
  if (child.silent) config.connectors["silent"] = *child.silent;
  HostOptions how;
  how.engine = child.engine;
  if (!child.engine) config.inference.embedding_model = "none";
  Host host(std::move(how));
  declare_all(host);
  const auto send = [&] {
    if (child.before_signal) child.before_signal(host);
    for (int i = 0; i < child.signals; ++i) {
      if (i > 0) std::this_thread::sleep_for(std::chrono::milliseconds(50));
      ::kill(::getpid(), SIGTERM);
    }
  };
  std::thread sender;
  if (child.opening) sender = std::thread(send);
  if (host.open(config)) std::_Exit(2);
  if (child.opening) std::_Exit(3);
  sender = std::thread(send);
  const Host::Ended ended = host.run();
  sender.join();
  std::_Exit(ended.signal == SIGTERM && ended.left_behind.empty() ? 0 : 4);
}

void accept_event(Host& host, const std::string& agent, int count = 1) {
  static std::atomic<int> accepted;
  accepted = 0;
  for (int i = 0; i < count; ++i) {
    host.runtime().acceptor()(event_for(agent, std::to_string(i), "{}"), [](const Result<Accepted>&) { ++accepted; });
  }
  wait_until([] { return accepted > 0; });
}

class ShutdownBySignalDeathTest : public ::testing::Test {
 protected:
  void SetUp() override {
    GTEST_FLAG_SET(death_test_style, "threadsafe");
    static auto* const all = new std::vector<Hang*>;
    all->push_back(in_use = new Hang);  // never destroyed, like the threads inside
  }
  static void expect(const Child& child, int exit_code) {
    EXPECT_EXIT(serve_until_signal(child), ::testing::ExitedWithCode(exit_code), "") << child.name;
    const std::string folder = folder_of(child.name, ::getpid());
    if (std::filesystem::exists(folder)) {
      EXPECT_TRUE(folder_is_free(folder)) << child.name;
    }
    std::filesystem::remove_all(folder);
  }
};

TEST_F(ShutdownBySignalDeathTest, EndsWhenIdle) { expect({.name = "idle"}, 0); }

TEST_F(ShutdownBySignalDeathTest, EndsInABurst) {
  expect({.name = "burst", .before_signal = [](Host& host) { accept_event(host, "counter", 3'000); }}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsBesideABlockingFunctionThatHangs) {
  const auto before = [](Host& host) {
    accept_event(host, "blocker");
    in_use->wait_for(1);
  };
  expect({.name = "blocking", .before_signal = before}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsBesideAToolThatHangs) {
  SilentPeer peer;
  const auto before = [](Host& host) {
    accept_event(host, "tool_user");
    wait_until([&] { return host.runtime().dispatcher().running() == 1; });
  };
  expect({.name = "tool", .before_signal = before, .silent = peer.connector()}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsBesideASinkThatHangs) {
  SilentPeer peer;
  const auto before = [](Host& host) {
    accept_event(host, "sender");
    wait_until([&] { return !host.runtime().deliveries().empty(); });
  };
  expect({.name = "sink", .before_signal = before, .silent = peer.connector()}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsWithABacklogOfTextsThatWaitForTheirVectors) {
  const auto before = [](Host& host) {
    accept_event(host, "rememberer", 50);
    wait_until([] { return HeldEmbedding::held > 0; });
  };
  expect({.name = "backlog", .before_signal = before, .engine = held_embedding}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsWhileAModelLoads) {
  const auto before = [](Host&) { wait_until([] { return HeldEmbedding::held > 0; }); };
  const auto loads_for_ever = [](Executor& compute) {
    HeldEmbedding::hold_all = true;
    return held_embedding(compute);
  };
  expect({.name = "loading", .before_signal = before, .engine = loads_for_ever, .opening = true}, 0);
}

TEST_F(ShutdownBySignalDeathTest, EndsAtOnceAtTheSecondSignalAndSaysSoByItsExitCode) {
  const auto before = [](Host& host) {
    accept_event(host, "blocker");
    in_use->wait_for(1);
  };
  expect({.name = "second", .before_signal = before, .grace_ms = 600'000, .signals = 2}, 128 + SIGTERM);
}

}  // namespace
}  // namespace mnema
