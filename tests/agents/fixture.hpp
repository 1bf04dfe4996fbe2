// tests/agents/fixture.hpp
//
// A whole process on one thread, and the world around it that outlives its crashes: a disk, a sink that counts what
// reaches it, and an upstream that counts effects by idempotency key.
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "agents/agent_chat.hpp"
#include "agents/agent_runtime.hpp"
#include "agents/host/engine_embedder.hpp"
#include "agents/testing.hpp"
#include "connectors/connector.hpp"
#include "runtime/sim/fault_vfs.hpp"
#include "runtime/sim/simulation_executor.hpp"

namespace mnema::testing {

/// Takes every message, sometimes late, and remembers how often each idempotency key came. Fails when it is told to.
class CountingSink final : public Sink {
 public:
  explicit CountingSink(Simulation& simulation) : simulation_(simulation) {}
  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override {
    Status answer;
    const bool fails = fails_one_in > 0 && simulation_.random().below(static_cast<std::uint64_t>(fails_one_in)) == 0;
    if (fails) answer = fail_retryable(ErrorCode::kUnavailable, "the sink does not answer");
    const bool lost_on_the_way = fails && simulation_.random().below(2) == 0;  // else only the answer is lost
    if (!lost_on_the_way && counts[message.idempotency_key]++ == 0) arrived.push_back(message);
    reply_to.post_after(std::chrono::milliseconds(simulation_.random().below(5)),
                        [done = std::move(done), answer = std::move(answer)] { done(answer); });
  }
  void stop() override {}
  int fails_one_in = 0;  // 0 = never
  std::map<std::string, int> counts;
  std::vector<OutboxMessage> arrived;  // first arrivals, in order

 private:
  Simulation& simulation_;
};

class Fixture {
 public:
  explicit Fixture(std::uint64_t seed, ScriptedEngine::Script engine_script, Limits world_limits = {})
      : simulation(seed), vfs(seed), sink(simulation), limits(world_limits), script(std::move(engine_script)) {}
  ~Fixture() { stop(); }

  /// Before `boot`; again before a later one to change it.
  AgentBuilder agent(const std::string& name, Handler handler) { return AgentBuilder(spec(name, handler)); }
  AgentSpec& spec(const std::string& name, Handler handler) {
    AgentSpec& spec = agents_[name];
    spec.name = name;
    spec.handler = handler;
    return spec;
  }

  /// Starts a process over the disk as it is.
  void boot(TurnObserver* observer = nullptr) {
    engine = std::make_unique<ScriptedEngine>(simulation.lane("engine"), script);
    embedder = std::make_unique<EngineEmbedder>(*engine, "scripted", "scripted/1", 64);
    AgentRuntime::Options options;
    options.database.path = "/mnema.db";
    options.database.vfs = vfs.name();
    options.default_model = "scripted";
    options.agents = agents_;
    options.observer = observer;
    AgentRuntime::Executors executors{simulation.lane("loop"),
                                      simulation.lane("store"),
                                      simulation.lane("turns", Simulation::LaneKind::kAnyOrder),
                                      simulation.lane("queries", Simulation::LaneKind::kAnyOrder),
                                      simulation.lane("background"),
                                      simulation.lane("blocking", Simulation::LaneKind::kAnyOrder),
                                      simulation.lane("recall", Simulation::LaneKind::kAnyOrder)};
    auto opened = AgentRuntime::open(std::move(options), executors, *engine, *embedder, simulation.clock(),
                                     simulation.random(), limits);
    CHECK(opened.ok(), opened.ok() ? "" : opened.error().text().c_str());
    runtime = std::move(*opened);
    runtime->connect([this](const std::string& name) { return name == "nowhere" ? nullptr : &sink; },
                     [this](const std::string& name) { return clients ? clients(name) : nullptr; });
    runtime->start();
    chat = std::make_unique<AgentChat>(*runtime);
  }

  /// kill -9 and a power cut.
  void crash() {
    simulation.crash();
    vfs.crash(simulation.random());
    chat.reset();
    runtime.reset();
    embedder.reset();
    engine.reset();
    simulation.crash();
  }

  /// An orderly end.
  void stop() {
    if (!runtime) return;
    bool stopped = false;
    runtime->stop(std::chrono::seconds(10), [&] { stopped = true; });
    simulation.run_until([&] { return stopped; });
    simulation.run_until_idle(std::chrono::seconds(1));
    runtime->close();
    chat.reset();
    runtime.reset();
    embedder.reset();
    engine.reset();
  }

  /// Sends one event and waits until it is acknowledged.
  Sequence send(const std::string& agent_name, const std::string& id, const std::string& key, const std::string& text) {
    Event event;
    event.id = id;
    event.source = "test";
    event.type = "test.event";
    event.agent = agent_name;
    event.key = key;
    event.content_type = "text/plain";
    event.data = text;
    event.trust = Trust::kUser;
    Sequence sequence = 0;
    runtime->acceptor()(event, [&](Result<Accepted> accepted) {
      CHECK(accepted.ok(), accepted.ok() ? "" : accepted.error().text().c_str());
      sequence = accepted->sequence;
    });
    simulation.run_until([&] { return sequence != 0; });
    return sequence;
  }

  /// Lets everything happen that will happen.
  void settle(Duration horizon = std::chrono::minutes(10)) {
    simulation.run_until(
        [&] {
          const auto depths = runtime->runtime().mailbox().depths();
          const auto out = runtime->runtime().outbox().depths();
          return depths.ready + depths.leased + depths.waiting == 0 && out.waiting + out.in_flight == 0 &&
                 runtime->dispatcher().running() == 0 && runtime->runtime().timers().pending() == 0;
        },
        horizon);
  }

  std::vector<DeadLetterSummary> dead() { return runtime->runtime().dead_letters().list(100).value(); }

  std::optional<StoredState> state(const std::string& agent_name, const std::string& key) {
    return runtime->runtime()
        .database()
        .read<std::optional<StoredState>>(
            [&](Transaction& transaction) { return find_state(transaction, "local", agent_name, key); })
        .value();
  }

  Simulation simulation;
  FaultVfs vfs;
  CountingSink sink;
  AgentRuntime::FindClient clients;    // connectors that tools may call
  std::map<std::string, int> effects;  // by idempotency key: what tools did to the world
  const Limits limits;
  ScriptedEngine::Script script;
  std::unique_ptr<ScriptedEngine> engine;
  std::unique_ptr<EngineEmbedder> embedder;
  std::unique_ptr<AgentRuntime> runtime;
  std::unique_ptr<AgentChat> chat;

 private:
  std::map<std::string, AgentSpec> agents_;
};

}  // namespace mnema::testing
