// tests/inference/local_engine_fixture.hpp
//
// The whole engine over scripted models (scripted_models.hpp), one task of each executor after the other. Steps end on
// the device: a test that runs the other executors alone is in mid-step.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/local_engine.hpp"
#include "runtime/base/random.hpp"
#include "tests/inference/scripted_models.hpp"

namespace mnema::testing {

struct Heard {
  std::string text;  // of the deltas
  std::vector<ToolCallDelta> calls;
  std::optional<Result<Completion>> done;
  std::shared_ptr<Generation> generation;
};

class LocalEngineTest : public ::testing::Test {
 protected:
  LocalEngineTest() { options.model = "a"; }
  ~LocalEngineTest() override {
    engine.reset();
    run();
  }
  void open() { open(loader); }
  void open(std::shared_ptr<ModelLoader> opener) {
    engine = std::make_unique<LocalEngine>(options, LocalEngine::Executors{compute, background}, std::move(opener),
                                           clock, random, limits);
    engine->on_violation([](const std::string& report) { ADD_FAILURE() << report; });
  }
  static GenerateRequest asks(const std::string& model, const std::string& text = "hello", int tokens = 10) {
    GenerateRequest request;
    request.model = model;
    request.prompt.messages.push_back(message_of(Role::kUser, text));
    request.tokens_max = tokens;
    return request;
  }
  Heard& ask(GenerateRequest request) {
    Heard& heard = all.emplace_back();
    GenerationCallbacks callbacks;
    callbacks.on_delta = [&heard](const Delta& delta) {
      heard.text += delta.text;
      heard.calls.insert(heard.calls.end(), delta.tool_calls.begin(), delta.tool_calls.end());
    };
    callbacks.on_done = [&heard](Result<Completion> result) {
      EXPECT_FALSE(heard.done.has_value()) << "on_done comes once";
      heard.done = std::move(result);
    };
    heard.generation = engine->generate(std::move(request), reply, std::move(callbacks));
    return heard;
  }
  Completion answer(GenerateRequest request) {
    const Heard& heard = ask(std::move(request));
    run();
    EXPECT_TRUE(heard.done && heard.done->ok()) << (heard.done ? heard.done->error().text() : "no answer");
    return heard.done && heard.done->ok() ? **heard.done : Completion{};
  }
  Error error(GenerateRequest request) {
    const Heard& heard = ask(std::move(request));
    run();
    EXPECT_TRUE(heard.done && !heard.done->ok());
    return heard.done && !heard.done->ok() ? heard.done->error() : Error{};
  }
  bool run_one() {
    compute.now = device.now = clock.at;
    const bool computed = compute.run_one(), prepared = background.run_one(), told = reply.run_one();
    return device.run_one() || computed || prepared || told;
  }
  void run() {
    while (run_one() || wait_for_held_back()) {
    }
  }
  /// Texts that leave the cores to somebody else for a moment: it passes.
  bool wait_for_held_back() {
    if (!engine || engine->stats().embeddings_waiting == 0) return false;
    clock.at += std::chrono::milliseconds(1);
    return true;
  }
  /// All but the device: afterwards every step that could begin is under way.
  void run_into_a_step() {
    for (bool more = true; more;) {
      compute.now = clock.at;
      const bool computed = compute.run_one(), prepared = background.run_one();
      more = reply.run_one() || computed || prepared;
    }
  }
  EngineStats stats() {
    static_cast<void>(engine->stats());
    run();
    return engine->stats();
  }
  std::string loaded() {
    std::string names;
    for (const ModelStats& model : stats().models) names += model.model + " ";
    return names;
  }

  EngineOptions options;
  Limits limits;
  QueueExecutor compute, background, reply, device;
  FixedClock clock;
  SeededRandom random{1};
  std::shared_ptr<ScriptedLoader> loader = std::make_shared<ScriptedLoader>(device);
  std::unique_ptr<LocalEngine> engine;
  std::deque<Heard> all;
};

}  // namespace mnema::testing
