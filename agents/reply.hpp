// agents/reply.hpp
//
// What a handler may ask of a `think`, and what it gets.
//
// Threads: plain values.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/outcome.hpp"
#include "inference/request.hpp"
#include "memory/semantic/fact.hpp"

namespace mnema {

struct ThinkOptions {
  std::string model;                 // "" = the agent's
  std::optional<float> temperature;  // none = the agent's
  Constraint constraint;             // the shape the answer must have
  int tokens_max = 0;                // of each answer; 0 = the agent's
  int passage_tokens_max = -1;       // of recalled text; -1 = the agent's
  bool tools = true;                 // may the model call the agent's tools?
  bool procedures = true;            // with tools: is it shown how such a task was done?
  bool stream = true;                // in a chat, is this part of what the client reads?
  /// Every claim must rest on a passage that was shown: one that does not is marked, and one without a number gets it.
  /// Else only the numbers that the model wrote are checked. (agents/turn/citations.hpp; not under a constraint.)
  bool grounded = false;
  /// With `grounded`: an answer that no passage supports, or that says so itself, is this text.
  std::string refusal;
  /// With `refusal`: a passage of up to this many bytes stands in for an answer that none supports, if it has most of
  /// the question's words. 0: never.
  std::size_t quote_bytes_max = 0;
};

/// A passage that went into the prompt under a number.
struct Citation {
  int number = 0;  // as the model sees it: [1]
  std::string title;
  std::string uri;
  double relevance = 0;
  std::string text;
};

struct LeftOut {
  std::string what;
  std::string reason;
};

struct Reply {
  std::string text;
  std::string reasoning;
  std::vector<Citation> citations;       // the passages the model saw, by the numbers it saw
  std::vector<Fact> facts;               // that the model was told, with their evidence
  std::int64_t procedure = 0;            // that it was shown (memory/procedural/procedure.hpp); 0: none
  std::vector<UrlCitation> annotations;  // what `text` rests on, by its own numbers
  bool refused = false;                  // the passages do not tell
  std::vector<LeftOut> left_out;         // what it did not see, and why
  std::vector<std::string> tools_called;
  Trust trust = Trust::kExternal;  // the weakest of all texts the model saw, results of tools included
  FinishReason finish_reason = FinishReason::kStop;
  Usage usage;             // of all rounds together
  std::uint64_t seed = 0;  // of the last round
  std::string model;
  std::string note;  // why it ended otherwise than finish_reason says
};

/// `co_return reply(answer);` : its text, and what that rests on.
[[nodiscard]] inline Outcome reply(const Reply& answer) { return reply(answer.text, answer.annotations); }

}  // namespace mnema
