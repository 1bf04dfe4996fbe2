// agents/testing.hpp
//
// What tests of agents need instead of a model and a wall clock: an engine that follows a script, a clock that is moved
// by hand, and a switch that stops a turn at a chosen step as a crash would. A whole program around them is in
// agents/host_harness.hpp.
//
// Threads: as the interfaces they implement; `VirtualClock` and `CrashSwitch` from any thread.
#pragma once

#include <atomic>
#include <functional>
#include <mutex>
#include <string>
#include <vector>

#include "agents/turn/turn_observer.hpp"
#include "inference/engine.hpp"
#include "runtime/base/clock.hpp"

namespace mnema::testing {

/// Stands still until it is moved.
class VirtualClock final : public Clock {
 public:
  explicit VirtualClock(Time start = from_micros(1'700'000'000'000'000)) : now_micros_(to_micros(start)) {}
  [[nodiscard]] Time now() const override { return from_micros(now_micros_.load()); }
  [[nodiscard]] MonotonicTime monotonic_now() const override { return MonotonicTime(Duration(now_micros_.load())); }
  void advance(Duration by) { now_micros_ += by.count(); }

 private:
  std::atomic<long long> now_micros_;
};

/// An answer in words, and one that calls a tool.
[[nodiscard]] Completion say(std::string text);
[[nodiscard]] Completion call(std::string tool, std::string arguments_json);

/// An engine that answers what its script says, word by word, in the time it is told to take. A token is a byte, so
/// that budgets are easy to reckon; embeddings are hashed bags of words, so that texts with common words are near.
/// A token is a byte. Constraints hold: under a choice, an answer that is none of the choices becomes one of them,
/// picked by the seed.
class ScriptedEngine : public Engine {
 public:
  using Script = std::function<Result<Completion>(const GenerateRequest& request)>;
  struct Options {
    std::string model = "scripted";
    int context_length = 8192;
    int dimensions = 64;
    Duration first_word_after = std::chrono::milliseconds(2);
    Duration word_after = std::chrono::milliseconds(1);
    double prefill_tokens_per_second = 0;
  };

  /// Answers come by `timer.post_after`; under the simulation executor that is virtual time.
  ScriptedEngine(Executor& timer, Script script) : ScriptedEngine(timer, std::move(script), Options{}) {}
  ScriptedEngine(Executor& timer, Script script, Options options);

  std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                       GenerationCallbacks callbacks) override;
  void prestage(std::string model, Scope scope, Prompt prompt) override;
  [[nodiscard]] Result<int> count_tokens(const std::string& model, const Prompt& prompt);
  [[nodiscard]] Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text,
                                                      bool add_special, bool parse_special) override;
  [[nodiscard]] Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) override;
  [[nodiscard]] Result<std::string> apply_template(const std::string& model, const Prompt& prompt) override;
  using Engine::embed;
  void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override;
  [[nodiscard]] std::vector<ModelInfo> models() const override;
  [[nodiscard]] double prefill_tokens_per_second(const std::string& model) const override;

  /// Every generation asked for so far, oldest first.
  [[nodiscard]] std::vector<GenerateRequest> requests() const;
  [[nodiscard]] int prestages() const { return prestages_; }
  /// Texts that were given a vector.
  [[nodiscard]] int embedded() const { return embedded_; }
  /// Generations started and neither finished nor cancelled.
  [[nodiscard]] int in_flight() const { return *in_flight_; }

 private:
  class Running;
  Executor& timer_;
  const Script script_;
  const Options options_;
  mutable std::mutex mutex_;  // guards requests_
  std::vector<GenerateRequest> requests_;
  std::atomic<int> prestages_ = 0;
  std::atomic<int> embedded_ = 0;
  std::shared_ptr<std::atomic<int>> in_flight_ = std::make_shared<std::atomic<int>>(0);
};

/// Fires once when a turn comes to the `visit`-th passage of `phase` at a step of this name. What a crash is, the test
/// says in `on_crash`: stop a simulated world, or end the process.
class CrashSwitch final : public TurnObserver {
 public:
  CrashSwitch(std::string step_name, StepPhase phase, int visit, std::function<void()> on_crash)
      : step_name_(std::move(step_name)), phase_(phase), visits_left_(visit), on_crash_(std::move(on_crash)) {}
  void on_step(const StepPassage& passage) override;
  [[nodiscard]] bool fired() const { return visits_left_ <= 0; }

 private:
  const std::string step_name_;
  const StepPhase phase_;
  std::atomic<int> visits_left_;
  const std::function<void()> on_crash_;
};

}  // namespace mnema::testing
