// tests/inference/local_engine_fixture.hpp
//
// The whole engine over models that are scripted (scripted_backend.hpp) and a loader that keeps a book.
#pragma once

#include <gtest/gtest.h>

#include <boost/json/parse.hpp>
#include <deque>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/grammar/constraint_compiler.hpp"
#include "inference/local_engine.hpp"
#include "runtime/random.hpp"
#include "tests/inference/grammar/matching.hpp"
#include "tests/inference/scripted_backend.hpp"

namespace mnema::testing {

using grammar::testing::SmallTokenizer;

inline constexpr const char* kTemplate =
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
inline constexpr const char* kToolTemplate =
    "{% if tools %}{{ 'Write <tool_call>.\\n' }}{% endif %}"
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
inline constexpr std::int64_t kModelBytes = 100;

/// A text's vector is its length, after `kLayers` parts of work.
class TextCounter final : public TextEncoder {
 public:
  static constexpr int kLayers = 3;
  explicit TextCounter(std::function<void(std::size_t texts)> after_layer) : after_layer_(std::move(after_layer)) {}
  Result<std::unique_ptr<Encoding>> begin(std::span<const std::string> texts) override {
    return std::unique_ptr<Encoding>(std::make_unique<Batch>(texts, after_layer_));
  }

 private:
  class Batch final : public Encoding {
   public:
    Batch(std::span<const std::string> texts, const std::function<void(std::size_t)>& after_layer)
        : after_layer_(after_layer) {
      for (const std::string& text : texts) vectors_.push_back({static_cast<float>(text.size())});
    }
    bool advance() override {
      if (after_layer_) after_layer_(vectors_.size());
      return ++done_ < kLayers;
    }
    std::vector<std::vector<float>> take_vectors() override {
      EXPECT_EQ(done_, kLayers);
      return std::move(vectors_);
    }

   private:
    const std::function<void(std::size_t)>& after_layer_;
    std::vector<std::vector<float>> vectors_;
    int done_ = 0;
  };
  const std::function<void(std::size_t)> after_layer_;
};

/// Models "a" to "d" (d's template knows no tools), and "vectors", an encoder.
class BookLoader final : public ModelLoader {
 public:
  Result<ModelFile> locate(const std::string& name) override {
    if (name.ends_with("/disk/file.gguf")) return ModelFile{"file", "/disk/file.gguf"};
    if (name.starts_with("/disk/")) return ModelFile{name.substr(6), name};
    if (name.size() == 1 || name == "vectors") return ModelFile{name, "/models/" + name};
    return fail(ErrorCode::kNotFound, "there is no model '" + name + "'");
  }
  Result<std::shared_ptr<const ModelText>> load_text(const ModelFile& file) override {
    ++texts;
    auto text = std::make_shared<ModelText>();
    const auto tokenizer = std::make_shared<SmallTokenizer>();
    text->info.name = file.name;
    text->info.context_length = 4000;
    text->info.is_encoder = file.name == "vectors";
    text->tokenizer = tokenizer;
    const auto made = ChatTemplate::create(file.name == "d" ? kTemplate : kToolTemplate, {}, "", "");
    if (!made.ok()) return made.error();
    text->chat_template = *made;
    const auto compiler = std::make_shared<grammar::ConstraintCompiler>(tokenizer, Limits{});
    text->compile = [compiler](const Constraint& constraint) { return compiler->compile(constraint); };
    return std::shared_ptr<const ModelText>(std::move(text));
  }
  Result<std::unique_ptr<ModelCompute>> load_compute(const ModelFile& file) override {
    loads += file.name + " ";
    auto compute = std::make_unique<ModelCompute>();
    compute->memory_bytes = kModelBytes;
    if (file.name == "vectors") {
      compute->encoder = std::make_unique<TextCounter>(after_layer);
      return compute;
    }
    auto backend = std::make_unique<ScriptedBackend>(200, SmallTokenizer().vocabulary_size());
    backend->adjust = adjust;
    backend->after_step = after_step;
    compute->backend = std::move(backend);
    return compute;
  }
  std::int64_t estimate_bytes(const ModelFile&) override { return kModelBytes; }
  std::vector<ModelInfo> known() const override { return {}; }

  std::string loads;  // in their order
  int texts = 0;
  std::function<void(const std::vector<TokenId>&, std::vector<float>&)> adjust;
  std::function<void()> after_step;
  std::function<void(std::size_t texts)> after_layer;  // of an encoder
};

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
    compute.now = clock.at;
    const bool computed = compute.run_one(), prepared = background.run_one(), told = reply.run_one();
    return computed || prepared || told;
  }
  void run() {
    while (run_one()) {
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
  QueueExecutor compute, background, reply;
  FixedClock clock;
  SeededRandom random{1};
  std::shared_ptr<BookLoader> loader = std::make_shared<BookLoader>();
  std::unique_ptr<LocalEngine> engine;
  std::deque<Heard> all;
};

}  // namespace mnema::testing
