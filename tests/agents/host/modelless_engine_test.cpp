#include "agents/host/modelless_engine.hpp"

#include <gtest/gtest.h>

#include <optional>

#include "agents/testing.hpp"

namespace mnema {
namespace {

struct InlineExecutor final : Executor {
  void post(std::function<void()> work) override { work(); }
  void post_after(Duration, std::function<void()>) override { FAIL() << "nothing is to come later"; }
};

/// An engine behind the one that has no language model.
class Encoder final : public testing::ScriptedEngine {
 public:
  explicit Encoder(Executor& timer) : ScriptedEngine(timer, {}) {}
  void load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) override {
    asked += "load " + model + " ";
    reply_to.post([on_done = std::move(on_done)] { on_done({}); });
  }
  void erase(Scope scope, Executor& reply_to, std::function<void()> on_done) override {
    asked += "erase " + scope.tenant + " ";
    reply_to.post(std::move(on_done));
  }
  EngineStats stats() const override {
    EngineStats counted;
    counted.texts_embedded = 3;
    return counted;
  }
  void on_violation(std::function<void(const std::string& report)>) override { asked += "audit "; }
  void stop() override { asked += "stop "; }

  std::string asked;
};

TEST(ModellessEngine, LetsTheEncodersEngineLoadEraseCountAndStop) {
  InlineExecutor executor;
  Encoder encoder(executor);
  ModellessEngine engine(&encoder);
  int ended = 0;
  engine.on_violation({});
  engine.load("vectors", executor, [&](const Status& status) { ended += status.ok() ? 1 : 0; });
  engine.erase({"red", "", "", ""}, executor, [&] { ++ended; });
  engine.stop();
  EXPECT_EQ(encoder.asked, "audit load vectors erase red stop ");
  EXPECT_EQ(ended, 2);
  EXPECT_EQ(engine.stats().texts_embedded, 3U);
}

TEST(ModellessEngine, RefusesEveryPromptAndSaysWhatToDo) {
  InlineExecutor executor;
  ModellessEngine engine(nullptr);
  Prompt prompt;
  prompt.messages.push_back(message_of(Role::kUser, "hello"));
  const auto prepared = engine.prepare("default", prompt, {});
  ASSERT_FALSE(prepared.ok());
  EXPECT_EQ(prepared.error().code, ErrorCode::kFailedPrecondition);
  EXPECT_NE(prepared.error().hint.find("[inference] model"), std::string::npos);
  int ended = 0;
  engine.load("default", executor, [&](const Status& status) { ended += status.ok() ? 1 : 0; });
  engine.erase({}, executor, [&] { ++ended; });
  EXPECT_EQ(ended, 2) << "nothing to load and nothing kept";
  EXPECT_EQ(engine.stats().texts_embedded, 0U);
}

}  // namespace
}  // namespace mnema
