// agents/turn/context_builder.hpp
//
// Lays out a prompt inside a budget, the part that changes least first:
//
//   system · tools · shared documents | facts · blocks | history, bytes unchanged | recall · procedure · event
//
// so that the KV pages of everything before the first changed token are found again. Facts never stand inside the
// system text: all users share that. Recalled text and how such a task was done stand last, before the event, because
// they are new every turn.
//
// The budget is counted by the model's own tokenizer. What does not fit is left out with the reason, never cut in the
// middle: passages from the worst up, history from the oldest on, in blocks, so that the cut stays where it is for
// several turns; then the procedure, then the blocks. An event that does not fit even alone is an error before any
// compute.
//
// Everything is laid out and prepared at once, and mostly that is the prompt. Only where it is too long are its parts
// counted, by where they stand in it, and what is left prepared again.
//
// Threads: pure apart from `Engine::prepare`; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "agents/prompt.hpp"
#include "agents/reply.hpp"
#include "inference/engine.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct ContextBudget {
  int context_tokens = 0;         // what the model takes, answer included
  int answer_tokens = 512;        // kept free for the answer
  int passage_tokens_max = 1200;  // recalled text at most
  double prefill_ms_max = 0;      // 0 = no bound; else recall + event may take this long at the engine's measured rate
};

struct BuiltContext {
  Prompt prompt;
  std::shared_ptr<const PreparedPrompt> prepared;  // of `prompt`
  Message question;  // the event with what stands before it: what later turns repeat. Long-lived text is no part of it
  int prompt_tokens = 0;
  std::vector<Citation> citations;
  std::vector<Fact> facts;  // long-lived ones, in the order of the prompt
  std::vector<LeftOut> left_out;
  bool has_procedure = false;    // it is inside
  Trust trust = Trust::kSystem;  // the weakest of all that is inside
};

/// `scope`: whose prompt it is. Errors: `kContextLengthExceeded` with the numbers; those of `Engine::prepare`.
[[nodiscard]] Result<BuiltContext> build_context(const PromptPlan& plan, const std::vector<ToolDefinition>& tools,
                                                 const ContextBudget& budget, Engine& engine, const std::string& model,
                                                 const Scope& scope);

}  // namespace mnema
