// inference/engine.hpp                                                                   START HERE
//
// The seam between whoever wants text and whatever makes it. The built-in engine (local_engine.hpp) implements it with
// a scheduler, paged KV and a backend; a remote text-only server can implement it too.
//
// Threads:   every method from any thread. Callbacks run on the executor passed to `generate`, in order, never two at
//            a time for one generation; after `on_done` no more come.
// Ownership: the engine outlives its generations; a `Generation` handle may be dropped at any time (the generation
//            goes on; call `cancel` to stop it).
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "inference/engine_stats.hpp"
#include "inference/prepared_prompt.hpp"
#include "inference/request.hpp"
#include "inference/token_vectors.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

/// Where a turn stands: decides where its KV pages live.
enum class TurnState { kRunning, kWaitingForTool, kIdle, kSuperseded, kDone };

/// One generation in flight.
class Generation {
 public:
  virtual ~Generation() = default;
  /// Stops it soon (checked between layers). `on_done` follows with `FinishReason::kCancelled`. Idempotent.
  virtual void cancel() = 0;
  virtual void set_turn_state(TurnState state) = 0;
};

struct GenerationCallbacks {
  std::function<void(Delta)> on_delta;              // may be empty
  std::function<void(Result<Completion>)> on_done;  // exactly once
};

struct ModelInfo {
  std::string name;  // catalogue name or file stem
  std::string architecture;
  std::string file;
  long long file_bytes = 0;
  long long parameters = 0;
  int context_length = 0;
  int vocabulary = 0;
  bool loaded = false;
  bool is_encoder = false;
  long long created_unix_seconds = 0;
  std::optional<SamplingOptions> sampling;  // how it wants to be sampled (sampling_defaults.hpp)
};

/// A text, or the ids of the encoder's own tokenizer; its begin and end marks may be left out.
using EmbeddingInput = std::variant<std::string, std::vector<TokenId>>;

struct EmbeddingRequest {
  /// What becomes of an input that is longer than the encoder takes: the mean of the vectors of its parts, the vector
  /// of its beginning, or `kContextLengthExceeded`.
  enum class Longer { kAverage, kCut, kRefuse };
  /// What the texts are in a search. An encoder that was trained with other words before a question than before a
  /// passage gets them; others make no difference. kPlain: nothing is put before. Of texts with kAverage.
  enum class Kind { kPlain, kQuestion, kPassage };
  std::string model;
  std::vector<EmbeddingInput> inputs;
  Priority priority = Priority::kInteractive;
  Longer longer = Longer::kAverage;
  Kind kind = Kind::kPlain;
  int tokens_max = 0;  // with kCut: tokens that are read of an input, marks included; 0 = as many as the encoder takes
  /// Each token's vector too. They take `dimensions` floats a token until they are read: for few texts at a time.
  bool token_vectors = false;
};

struct Embeddings {
  std::vector<std::vector<float>> vectors;  // L2-normalised, one per input
  int tokens = 0;                           // that were read, of all inputs
  std::vector<int> cut_from;                // empty, or per input: how many tokens it has if it was cut, else 0
  /// One per input, where asked for. Spans are those of texts that were sent with kAverage.
  std::vector<TokenVectors> token_vectors;
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// Starts a generation. Errors of the request itself (too long, bad schema, unknown model) come through `on_done`
  /// like all others: `kContextLengthExceeded`, `kInvalidArgument`, `kNotFound`, `kResourceExhausted` (retryable).
  virtual std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                               GenerationCallbacks callbacks) = 0;

  /// Reads `prompt` as `model` does, once: its size, its comparison with another and its generation
  /// (`GenerateRequest::prepared`) take the result. What the scope's tenant has had prepared before is not read again.
  /// Blocks for microseconds to milliseconds. Errors: `kInvalidArgument` (empty, not UTF-8, refused by the template),
  /// `kNotFound`, `kUnsupported` (the model makes no text), `kResourceExhausted` (too long).
  /// Here: by `apply_template` and `tokenize`, everything the user's own.
  [[nodiscard]] virtual Result<std::shared_ptr<const PreparedPrompt>> prepare(const std::string& model,
                                                                              const Prompt& prompt, const Scope& scope);

  /// An event for this prompt's session has arrived: make its prefix warm. Advisory, never fails, may do nothing.
  virtual void prestage(std::string model, Scope scope, Prompt prompt) = 0;

  [[nodiscard]] virtual Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text,
                                                              bool add_special, bool parse_special) = 0;
  [[nodiscard]] virtual Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) = 0;
  [[nodiscard]] virtual Result<std::string> apply_template(const std::string& model, const Prompt& prompt) = 0;

  /// Vectors of all inputs or of none, by the engine's encoder model. `on_done` on `reply_to`. Errors: those of the
  /// model; `kContextLengthExceeded` as the request says; `kInvalidArgument` (an id that is none, nothing to read); and
  /// `kResourceExhausted`: too many inputs of this or a better priority wait (retryable), or the request alone has more
  /// than may wait.
  virtual void embed(EmbeddingRequest request, Executor& reply_to, std::function<void(Result<Embeddings>)> on_done) = 0;
  /// Texts of any length: no part of one is without weight in its vector.
  void embed(std::string model, std::vector<std::string> texts, Priority priority, Executor& reply_to,
             std::function<void(Result<Embeddings>)> on_done);

  [[nodiscard]] virtual std::vector<ModelInfo> models() const = 0;

  /// Prefill rate measured over the recent past, in tokens/s; the context builder turns milliseconds into tokens by
  /// it. 0 = not yet known.
  [[nodiscard]] virtual double prefill_tokens_per_second(const std::string& model) const = 0;

  /// Loads a model ahead of its first request; `on_done` on `reply_to`. Here: there is nothing to load.
  virtual void load(std::string model, Executor& reply_to, std::function<void(Status)> on_done);

  /// Forgets what is kept of a tenant and all its users, or of one user where `scope.user` is set: generations that
  /// have come before are cancelled, wherever they stand. `on_done` on `reply_to`, when nothing of it can be found any
  /// more. Here: nothing is kept.
  virtual void erase(Scope scope, Executor& reply_to, std::function<void()> on_done);

  /// Who keeps something that was made of prompts elsewhere is told what to forget, before `erase` answers. Before the
  /// first `erase`; called on any thread. Here: nothing is kept.
  virtual void on_erase(std::function<void(const Scope& scope)> /*forget*/) {}

  /// What it has done so far. Here: nothing is counted.
  [[nodiscard]] virtual EngineStats stats() const { return {}; }

  /// What to do with the finding of an audit before it is repaired. Before the first request. Here: nothing is audited.
  virtual void on_violation(std::function<void(const std::string& report)> /*report*/) {}

  /// The end: what is in flight is cancelled as soon as its step allows, what comes later too. Returns at once.
  virtual void stop() {}
};

}  // namespace mnema
