// agents/host_harness.hpp
//
// A whole program around agents, for their tests: a real `Host` with a real data folder, server, outbox and timers, and
// an engine that follows a script instead of a model.
//
//   HostHarness harness({.declare = [](Host& host) { host.agent("orders", orders).state<Order>().on_type("order"); }});
//   ASSERT_TRUE(harness.start().ok());
//   EXPECT_EQ(*harness.handle(event_for("orders", "42", R"({"cents": 990})")), TurnEnd::kDone);
//   EXPECT_EQ(harness.state<Order>("orders", "42")->cents, 990);
//   harness.advance(std::chrono::hours(24));                     // with `virtual_time`: timers and retries come due
//   EXPECT_EQ(harness.wait_for_deliveries(1).size(), 1U);        // messages to any connector that is not configured
//   ASSERT_TRUE(harness.restart().ok());                         // the same folder, a new process as far as it can
//   tell
//
// Nothing here waits longer than `Options::patience`; what does not come in time is an Error that says what was waited
// for. The folder is removed at the end.
//
// Threads:   one; the host serves on a thread of the harness.
// Ownership: owns host, folder, engine and clock.
#pragma once

#include <atomic>
#include <condition_variable>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "agents/agent_runtime.hpp"
#include "agents/convert.hpp"
#include "agents/host.hpp"
#include "agents/testing.hpp"
#include "agents/turn/session_store.hpp"
#include "runtime/events/dead_letters.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema::testing {

/// An event with a payload, as a source would hand it in. Its id is drawn; set it to send a repeat.
[[nodiscard]] Event event_for(const std::string& agent, const std::string& key, const std::string& data);

class HostHarness {
 public:
  struct Options {
    std::function<void(Host&)> declare = {};  // the agents; called at every start
    ScriptedEngine::Script script = {};       // empty: every answer is "ok"
    /// Instead of the scripted one; with one that is empty and `models`, the models of the configuration.
    std::function<std::unique_ptr<Engine>(Executor& compute)> engine = {};
    bool models = false;
    bool virtual_time = false;  // the clock stands still but for `advance`
    Config config = {};         // data folder and port are the harness's
    Duration patience = std::chrono::seconds(30);
  };

  explicit HostHarness(Options options);
  ~HostHarness();
  HostHarness(const HostHarness&) = delete;
  HostHarness& operator=(const HostHarness&) = delete;

  [[nodiscard]] Status start();
  /// As a signal would. Precondition: started.
  Host::Ended stop();
  [[nodiscard]] Status restart();

  [[nodiscard]] Host& host() { return *host_; }
  [[nodiscard]] const std::string& folder() const { return folder_; }
  [[nodiscard]] std::string address() const { return host_->address(); }
  /// The scripted engine. Precondition: there is one.
  [[nodiscard]] ScriptedEngine& engine() { return *scripted_; }

  // ---- what happens to it ----

  /// Hands an event in and waits until it is on disk. Errors: those of the router and mailbox.
  Result<Sequence> post(Event event);
  /// The same, and waits for the last turn of it: done or dead.
  Result<TurnEnd> handle(Event event);
  /// One question to an agent that answers chats, and its answer.
  Result<std::string> chat(const std::string& agent, const std::string& question, const std::string& session = "");
  /// Moves the clock. Precondition: virtual_time.
  void advance(Duration by);

  // ---- what came of it ----

  /// Waits until so many turns of events are done since the start.
  Status wait_for_turns(long long count);
  [[nodiscard]] long long turns_done() const { return turns_done_; }
  /// What an agent keeps under a key. None: nothing, or something that is no `T`.
  template <class T>
  [[nodiscard]] std::optional<T> state(const std::string& agent, const std::string& key,
                                       const std::string& tenant = "local") {
    const std::string json = state_json(tenant, agent, key);
    if (json.empty()) return std::nullopt;
    const Result<boost::json::value> value = parse_bounded_json(json, "stored state", kWrittenByUs);
    if (!value.ok()) return std::nullopt;
    Result<T> state = from_json<T>(*value, UnknownMembers::kIgnore);
    if (!state.ok()) return std::nullopt;
    return std::move(*state);
  }
  /// Messages that were delivered to connectors that are not configured, oldest first, once there are `count`; fewer
  /// if they do not come.
  [[nodiscard]] std::vector<OutboxMessage> wait_for_deliveries(std::size_t count);
  [[nodiscard]] std::vector<DeadLetterSummary> dead_letters();

 private:
  class MovedDelays;
  class Recorder;
  [[nodiscard]] std::string state_json(const std::string& tenant, const std::string& agent, const std::string& key);
  template <class Ready>
  bool wait(std::unique_lock<std::mutex>& lock, Ready ready) {
    return changed_.wait_for(lock, options_.patience, std::move(ready));
  }

  Options options_;
  std::string folder_;
  VirtualClock clock_;
  MovedDelays* delays_ = nullptr;
  ScriptedEngine* scripted_ = nullptr;
  std::unique_ptr<Recorder> recorder_;
  ThreadPoolExecutor replies_{"replies", 1};
  std::unique_ptr<Host> host_;
  std::thread serving_;
  Host::Ended ended_;
  std::atomic<long long> turns_done_ = 0;
  std::mutex mutex_;  // guards awaited_ and what the recorder keeps
  std::condition_variable changed_;
  std::map<std::string, std::optional<TurnEnd>> awaited_;  // by source and id
};

}  // namespace mnema::testing
