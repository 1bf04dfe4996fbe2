// inference/engine.hpp                                                                   START HERE
//
// The seam between whoever wants text and whatever makes it. The built-in engine (local_engine.hpp) implements it with
// a scheduler, paged KV and a backend; a remote text-only server can implement it too.
//
// Threads:   every method from any thread. Callbacks run on the executor handed to `generate`, in order, never two at
//            a time for one generation; after `on_done` no more come.
// Ownership: the engine outlives its generations; a `Generation` handle may be dropped at any time (the generation
//            goes on; call `cancel` to stop it).
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/request.hpp"
#include "runtime/executor.hpp"

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
};

/// What an engine can do, so that callers refuse early instead of failing late.
struct Capabilities {
  bool tokenize = false;
  bool constrained_output = false;
  bool logprobs = false;
  bool embeddings = false;
};

class Engine {
 public:
  virtual ~Engine() = default;

  /// Starts a generation. Errors of the request itself (too long, bad schema, unknown model) come through `on_done`
  /// like all others: `kContextLengthExceeded`, `kInvalidArgument`, `kNotFound`, `kResourceExhausted` (retryable).
  virtual std::shared_ptr<Generation> generate(GenerateRequest request, Executor& reply_to,
                                               GenerationCallbacks callbacks) = 0;

  /// An event for this prompt's session has arrived: make its prefix warm. Advisory, never fails, may do nothing.
  virtual void prestage(std::string model, Scope scope, Prompt prompt) = 0;

  /// Tokens that `prompt` has after rendering by the model's template. Blocks for microseconds to milliseconds.
  [[nodiscard]] virtual Result<int> count_tokens(const std::string& model, const Prompt& prompt) = 0;
  [[nodiscard]] virtual Result<std::vector<TokenId>> tokenize(const std::string& model, const std::string& text,
                                                              bool add_special, bool parse_special) = 0;
  [[nodiscard]] virtual Result<std::string> detokenize(const std::string& model, const std::vector<TokenId>& ids) = 0;
  [[nodiscard]] virtual Result<std::string> apply_template(const std::string& model, const Prompt& prompt) = 0;

  /// L2-normalised vectors, one per text, by the engine's encoder model. `on_done` on `reply_to`.
  virtual void embed(std::string model, std::vector<std::string> texts, Priority priority, Executor& reply_to,
                     std::function<void(Result<std::vector<std::vector<float>>>)> on_done) = 0;

  [[nodiscard]] virtual std::vector<ModelInfo> models() const = 0;
  [[nodiscard]] virtual Capabilities capabilities() const = 0;

  /// Prefill rate measured over the recent past, in tokens/s; the context builder turns milliseconds into tokens by
  /// it. 0 = not yet known.
  [[nodiscard]] virtual double prefill_tokens_per_second(const std::string& model) const = 0;

  /// The end: what is in flight is cancelled as soon as its step allows, what comes later too. Returns at once.
  virtual void stop() {}
};

}  // namespace mnema
