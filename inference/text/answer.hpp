// inference/text/answer.hpp
//
// One generation of the local engine: what the client asked, what it is told, and the answer as it grows.
//
// Threads:   `cancel` from any thread; the rest on the background executor while the request is read, then on the
//            compute executor. Callbacks go to `reply_to`.
// Ownership: shared by the client's handle, by what is in flight and by the sequence that computes it.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>

#include "inference/engine.hpp"
#include "inference/sampling/repetition_watch.hpp"
#include "inference/sampling/sampler.hpp"
#include "inference/text/output_stream.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct Answer : public Generation {
  GenerateRequest request;
  Executor* reply_to = nullptr;
  GenerationCallbacks callbacks;
  std::shared_ptr<std::atomic<bool>> cancelled = std::make_shared<std::atomic<bool>>(false);
  std::function<void()> wake;  // makes the engine look; set before the handle is returned
  std::shared_ptr<const Tokenizer> tokenizer;
  std::unique_ptr<OutputStream> output;
  std::optional<RepetitionWatch> repetition;  // none: may repeat itself
  Completion completion;
  bool over = false;
  bool is_loop = false;  // ended because it repeated itself

  void cancel() override;
  void set_turn_state(TurnState) override {}  // with one tier there is nowhere else to keep pages

  /// Adds to the completion, and tells the client unless there is nothing to tell.
  void send(Delta delta);
  /// The end; only the first counts.
  void finish(Result<Completion> result);
  /// A token was chosen: its text goes out. False: a stop string, or a loop, has ended the answer.
  bool take(const ChosenToken& token);
  /// The sequence has ended: what was held back goes out, then the whole.
  void complete(FinishReason reason, const Usage& usage);
  [[nodiscard]] TokenLogprob logprob_of(const ChosenToken& token) const;
};

}  // namespace mnema
