// inference/sequence.hpp
//
// One generation as the scheduler sees it: what was asked, its tokens, where its KV is, and how far it has come.
//
//   tokens    prompt ─────────────────────┬─ generated ──┐
//   computed  KV is there ───────┐        │              │
//             0                  computed prompt_tokens  tokens.size()
//
// A decoding sequence has exactly one token that is not computed: the one chosen last.
//
// Threads:   confined to the compute executor; `cancelled` is set from any thread.
// Ownership: the scheduler owns sequences; a step under way borrows `tokens`, `table` and the chooser.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <optional>
#include <vector>

#include "inference/engine.hpp"
#include "inference/kv/ledger.hpp"
#include "inference/request.hpp"
#include "inference/sampler.hpp"
#include "inference/speculation.hpp"
#include "runtime/clock.hpp"
#include "runtime/result.hpp"

namespace mnema {

/// Where the KV of a finished generation ends, so that its turn's later states can be applied to it.
struct KvChain {
  std::optional<kv::PageKey> last;
};

struct SequenceRequest {
  std::vector<TokenId> tokens;  // the prompt; not empty
  kv::SequenceOwner owner;
  std::unique_ptr<Sampler> sampler;
  std::vector<TokenId> end_tokens;  // a chosen one of these ends the sequence and is not given out
  int tokens_max = 1;               // 0: nothing is chosen, only the prompt's KV is made (prestage)
  int echo_top = -1;                // ≥ 0: log-probabilities of the prompt's tokens too, with so many alternatives
  Priority priority = Priority::kInteractive;
  std::optional<MonotonicTime> deadline;
  std::shared_ptr<std::atomic<bool>> cancelled;  // set from any thread

  /// A token was chosen; false ends the sequence (a stop string).
  std::function<bool(const ChosenToken&)> on_token;
  /// Before the first token, with `echo_top`: one entry per prompt token; the first one's logprob is NaN.
  std::function<void(std::vector<ChosenToken>)> on_echo;
  /// Exactly once. Errors: `kResourceExhausted` (the pages cannot hold it), `kDeadlineExceeded`, the backend's.
  std::function<void(Result<FinishReason>, const Usage&, const KvChain&)> on_done;
};

struct Sequence {
  SequenceRequest request;
  std::vector<TokenId> tokens;  // prompt and generated
  std::size_t prompt_tokens = 0;
  std::size_t computed = 0;                    // positions whose KV is there
  kv::PageTable table;                         // covers `computed`, and the step's positions while one is under way
  Priority priority = Priority::kInteractive;  // its own, or a more urgent one's that waits for its prefix
  MonotonicTime submitted{};
  std::optional<MonotonicTime> started, first_token;
  int generated = 0;
  Usage usage;

  // Of the step under way.
  std::size_t step_tokens = 0;  // of `tokens`, from `computed` on
  GuessingChooser chooser;
  std::vector<TokenId> step_row;  // with guesses: what the step computes
  std::vector<float> logits;      // echo only
  std::vector<ChosenToken> echoed;
  GuessLength guess_length;

  [[nodiscard]] bool decoding() const { return computed + 1 == tokens.size() && generated > 0; }
  [[nodiscard]] bool echoing() const { return request.echo_top >= 0 && generated == 0; }
  [[nodiscard]] int tokens_left() const { return request.tokens_max - generated; }
};

}  // namespace mnema
