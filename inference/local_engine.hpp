// inference/local_engine.hpp
//
// The built-in engine: renders a prompt by the model's template, finds how much of it is already in the KV pages,
// computes the rest in steps that all generations share, and streams what comes out.
//
//   prepare  ─ caller:     render, tokenize what is new (inference/text/prompt_reader.hpp,
//   inference/text/prompt_memo.hpp) generate ─ background: prepare, check, compile the constraint; left out where a
//   prepared prompt has no constraint
//            ─ compute:    load the model, or wait until it fits → scheduler.hpp → Backend::step → sampler.hpp
//            ─ reply_to:   tokens → text (output_stream.hpp) → on_delta ... on_done
//
// Threads:   every public method from any thread. The stats and the models' text sides are shared under a mutex; all
//            other state is confined to the compute executor, which has one thread. The background executor renders,
//            tokenizes and reads text sides, and may have several.
//            No thread is made here besides each model's compute pool: under the simulation both executors are lanes.
// Ownership: owns the loaded models. Executors, clock and random outlive the engine and everything it has posted.
//            `random` is used on the compute executor only.
// Invariant: pages of every model: free + used + cached + in flight == total, audited whenever the engine runs empty;
//            a violation is logged by `on_violation`, counted and repaired.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/engine.hpp"
#include "inference/engine_options.hpp"
#include "inference/engine_stats.hpp"
#include "inference/loading/model_loader.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"

namespace mnema {

class LocalEngine final : public Engine {
 public:
  struct Executors {
    Executor& compute;     // one thread: steps run here
    Executor& background;  // any number: preparing requests, loading models
  };

  /// `loader` opens model files: `cpu_model_loader` (model_loader.hpp), or a fake in tests.
  LocalEngine(EngineOptions options, Executors executors, std::shared_ptr<ModelLoader> loader, const Clock& clock,
              Random& random, const Limits& limits);
  /// Cancels what is in flight (each `on_done` still comes, on its own executor) and lets the models go.
  ~LocalEngine() override;
  LocalEngine(const LocalEngine&) = delete;
  LocalEngine& operator=(const LocalEngine&) = delete;

  std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                       GenerationCallbacks callbacks) override;
  [[nodiscard]] Result<std::shared_ptr<const PreparedPrompt>> prepare(const std::string& model, const Prompt& prompt,
                                                                      const Scope& scope) override;
  void prestage(std::string model, Scope scope, Prompt prompt) override;
  [[nodiscard]] Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text,
                                                      bool add_special, bool parse_special) override;
  [[nodiscard]] Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) override;
  [[nodiscard]] Result<std::string> apply_template(const std::string& model, const Prompt& prompt) override;
  using Engine::embed;
  void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) override;
  [[nodiscard]] std::vector<ModelInfo> models() const override;
  [[nodiscard]] double prefill_tokens_per_second(const std::string& model) const override;
  void stop() override;

  void load(std::string model, Executor& reply_to, std::function<void(Status)> on_done) override;
  /// KV pages too; of prepared prompts, those of the whole tenant.
  void erase(Scope scope, Executor& reply_to, std::function<void()> on_done) override;
  void on_erase(std::function<void(const Scope& scope)> forget) override;
  /// As of the compute thread's last word; a newer one is asked for.
  [[nodiscard]] EngineStats stats() const override;
  void on_violation(std::function<void(const std::string& report)> tell) override;

 private:
  class State;
  std::shared_ptr<State> state_;
};

}  // namespace mnema
