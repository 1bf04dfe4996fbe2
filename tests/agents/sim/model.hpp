// tests/agents/sim/model.hpp
//
// Models for the real LocalEngine: a decoder that writes, byte by byte, what a script says to its prompt, and an
// encoder of word bags that refuses now and then. The decoder reads its prompt back from its KV pages, so that a page
// that is mixed up shows in what it writes, and it computes on a device of its own: a step ends later, after others
// have run.
//
// Threads:   the simulation's one.
// Ownership: borrows the simulation. What a step has on the device borrows the backend: a crash drops the device's work
//            before the engine goes, an orderly end waits for it.
#pragma once

#include <cmath>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/grammar/constraint_compiler.hpp"
#include "inference/loading/model_loader.hpp"
#include "runtime/sim/simulation_executor.hpp"
#include "tests/inference/grammar/matching.hpp"
#include "tests/inference/scripted_backend.hpp"

namespace mnema::testing {

/// What the model answers to a prompt.
using ModelScript = std::function<std::string(const std::string& prompt)>;

inline constexpr std::string_view kAnswerMark = "[answer] ";
inline constexpr const char* kModelTemplate =
    "{% if tools %}{{ 'Write <tool_call>.\\n' }}{% endif %}"
    "{% for message in messages %}{{ '[' + message.role + '] ' + message.content + '\\n' }}{% endfor %}"
    "{{ '[answer] ' }}";

class ScriptedDecoder final : public Backend {
 public:
  ScriptedDecoder(Simulation& simulation, ModelScript script, int pages)
      : simulation_(simulation), script_(std::move(script)), pages_(pages) {
    info_.name = info_.fingerprint = "simulated";
    info_.vocabulary = tokenizer_.vocabulary_size();
    info_.context_length = 4'000;
  }
  const BackendInfo& info() const override { return info_; }
  PageStore& page_store() override { return pages_; }
  int tokens_per_step_max() const override { return 512; }
  void step(std::span<SequenceStep> batch, std::function<void(Status)> on_done) override {
    simulation_.lane("device").post_after(std::chrono::milliseconds(1), [this, batch, on_done = std::move(on_done)] {
      for (SequenceStep& entry : batch) compute(entry);
      on_done({});
    });
  }

 private:
  void compute(SequenceStep& entry) {
    const int count = static_cast<int>(entry.tokens.size());
    for (int i = 0; i < count; ++i) {
      pages_.at(entry.pages, entry.position + i) = entry.tokens[static_cast<std::size_t>(i)];
    }
    for (int wanted = entry.logits_wanted; wanted > 0; --wanted) {
      std::string before;
      for (int p = 0; p <= entry.position + count - wanted; ++p) {
        before += tokenizer_.decode_token(pages_.at(entry.pages, p), true).value();
      }
      std::vector<float> logits(static_cast<std::size_t>(info_.vocabulary), 0.0F);
      logits[static_cast<std::size_t>(next_after(before))] = 100;
      if (entry.logits != nullptr) entry.logits->insert(entry.logits->end(), logits.begin(), logits.end());
      if (entry.chooser != nullptr) entry.chosen.push_back(entry.chooser->choose(logits));
    }
  }

  [[nodiscard]] TokenId next_after(const std::string& before) const {
    const std::size_t mark = before.rfind(kAnswerMark);
    if (mark == std::string::npos) return tokenizer_.end_of_sequence();
    const std::string answer = script_(before.substr(0, mark));
    const std::size_t written = before.size() - mark - kAnswerMark.size();
    return written < answer.size() ? static_cast<std::uint8_t>(answer[written]) : tokenizer_.end_of_sequence();
  }

  Simulation& simulation_;
  const ModelScript script_;
  const grammar::testing::SmallTokenizer tokenizer_;
  ScriptedPages pages_;
  BackendInfo info_;
};

/// A text's vector is the bag of its words, hashed.
class WordBags final : public TextEncoder {
 public:
  static constexpr std::size_t kDimensions = 16;
  explicit WordBags(std::function<bool()> refuses) : refuses_(std::move(refuses)) {}
  Result<std::unique_ptr<Encoding>> begin(std::span<const EmbeddingInput> texts, EncodingOptions /*options*/) override {
    if (refuses_()) return fail_retryable(ErrorCode::kUnavailable, "the encoder does not want to");
    return std::unique_ptr<Encoding>(std::make_unique<Batch>(texts));
  }

 private:
  class Batch final : public Encoding {
   public:
    explicit Batch(std::span<const EmbeddingInput> texts) {
      for (const EmbeddingInput& input : texts) {
        const std::string& text = std::get<std::string>(input);
        vectors_.push_back(bag_of(text));
        tokens_ += static_cast<int>(text.size());
      }
    }
    std::size_t advance(std::size_t /*rows_max*/) override {
      if (done()) return 0;
      ++layers_;
      return vectors_.size();
    }
    bool done() const override { return layers_ == kLayers; }
    int tokens() const override { return tokens_; }
    std::vector<std::vector<float>> take_vectors() override { return std::move(vectors_); }
    std::vector<TokenVectors> take_token_vectors() override { return {}; }

   private:
    static constexpr int kLayers = 3;
    static std::vector<float> bag_of(const std::string& text) {
      std::vector<float> vector(kDimensions, 0.01F);
      std::uint64_t word = 0;
      for (const char c : text + " ") {
        if (c != ' ') {
          word = word * 31 + static_cast<std::uint8_t>(c);
        } else if (word != 0) {
          vector[word * 0x9e3779b97f4a7c15ULL >> 60] += 1;
          word = 0;
        }
      }
      float square = 0;
      for (const float x : vector) square += x * x;
      for (float& x : vector) x /= std::sqrt(square);
      return vector;
    }
    std::vector<std::vector<float>> vectors_;
    int tokens_ = 0;
    int layers_ = 0;
  };
  const std::function<bool()> refuses_;
};

/// "scripted", a decoder, and "bags", an encoder.
class SimulatedModels final : public ModelLoader {
 public:
  SimulatedModels(Simulation& simulation, ModelScript script, int pages, std::function<bool()> encoder_refuses)
      : simulation_(simulation), script_(std::move(script)), pages_(pages), refuses_(std::move(encoder_refuses)) {}

  Result<ModelFile> locate(const std::string& name) override {
    if (name == "scripted" || name == "bags") return ModelFile{name, "/models/" + name};
    return fail(ErrorCode::kNotFound, "there is no model '" + name + "'");
  }
  Result<std::shared_ptr<const ModelText>> load_text(const ModelFile& file) override {
    auto text = std::make_shared<ModelText>();
    text->info.name = file.name;
    text->info.context_length = 4'000;
    text->info.is_encoder = file.name == "bags";
    const auto tokenizer = std::make_shared<grammar::testing::SmallTokenizer>();
    text->tokenizer = tokenizer;
    ASSIGN_OR_RETURN(text->chat_template, ChatTemplate::create(kModelTemplate, {}, "", ""));
    const auto compiler = std::make_shared<grammar::ConstraintCompiler>(tokenizer, Limits{});
    text->compile = [compiler](const Constraint& constraint) { return compiler->compile(constraint); };
    return std::shared_ptr<const ModelText>(std::move(text));
  }
  Result<std::unique_ptr<ModelCompute>> load_compute(const ModelFile& file) override {
    auto compute = std::make_unique<ModelCompute>();
    compute->memory_bytes = 100;
    if (file.name == "bags") {
      compute->encoder = std::make_unique<WordBags>(refuses_);
    } else {
      compute->backend = std::make_unique<ScriptedDecoder>(simulation_, script_, pages_);
    }
    return compute;
  }
  std::int64_t estimate_bytes(const ModelFile&) override { return 100; }
  std::vector<ModelInfo> known() const override { return {}; }

 private:
  Simulation& simulation_;
  const ModelScript script_;
  const int pages_;
  const std::function<bool()> refuses_;
};

}  // namespace mnema::testing
