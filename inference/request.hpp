// inference/request.hpp
//
// What is asked of an engine and what comes back: plain values, the same for the built-in engine and a remote one.
// Nothing here names a page, a slot or a token position.
//
// Threads: plain values; a request is moved into the engine.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/scope.hpp"

namespace mnema {

using TokenId = std::int32_t;

enum class Role { kSystem, kUser, kAssistant, kTool };
[[nodiscard]] std::string_view name_of(Role role);  // "system" | "user" | "assistant" | "tool"

/// Who may share the KV pages computed for a segment. A page takes the strictest of its tokens; never loosens later on.
enum class Sharing { kPublic, kTenant, kUser };

/// One piece of a message. `label` names it in reports ("system", "procedures", "recall", "event").
struct Segment {
  std::string text;
  Sharing sharing = Sharing::kUser;
  Trust trust = Trust::kUser;
  std::string label;
};

/// A function call the model made. `arguments` is a JSON text exactly as the model wrote it.
struct ToolCall {
  std::string id;
  std::string name;
  std::string arguments;
};

struct ToolDefinition {
  std::string name;
  std::string description;
  boost::json::value parameters;  // JSON Schema of the arguments
  bool strict = false;            // calls are held to the schema where the model is free to call or not, too
};

struct Message {
  Role role = Role::kUser;
  std::vector<Segment> content;      // concatenated without separators
  std::string reasoning;             // assistant only: what stood inside <think>
  std::vector<ToolCall> tool_calls;  // assistant only
  std::string tool_call_id;          // tool only
  std::string name;                  // tool only: the function's name

  [[nodiscard]] std::string text() const;
};

[[nodiscard]] Message message_of(Role role, std::string text, Sharing sharing = Sharing::kUser);

/// What the model is to continue: a chat (rendered by the model's own template), a text, or token ids.
struct Prompt {
  std::vector<Message> messages;
  std::vector<ToolDefinition> tools;
  bool add_generation_prompt = true;
  std::map<std::string, boost::json::value> template_arguments;  // e.g. {"enable_thinking": false}
  std::optional<std::string> raw_text;                           // /v1/completions: instead of messages
  std::optional<std::vector<TokenId>> raw_tokens;                // likewise, as token ids
};

struct SamplingOptions {
  float temperature = 0.0F;  // below 1e-6: greedy
  int top_k = 0;             // 0 = off
  float top_p = 1.0F;
  float min_p = 0.0F;
  float repetition_penalty = 1.0F;
  float presence_penalty = 0.0F;
  float frequency_penalty = 0.0F;
  int penalty_window_tokens = 64;
  std::optional<std::uint64_t> seed;    // absent: drawn by the engine and reported in the outcome
  std::map<TokenId, float> logit_bias;  // added before sampling; ≤ -100 forbids
  int logprobs_top = -1;                // -1 = none; 0..20 alternatives beside the chosen token
};

/// What shape the answer must have. Fails closed: a schema that cannot be honoured is refused before any compute.
struct NoConstraint {};
struct JsonObjectConstraint {};  // any JSON object
struct JsonSchemaConstraint {
  boost::json::value schema;
};
struct GrammarConstraint {
  std::string gbnf;
};
struct RegexConstraint {
  std::string pattern;  // the whole text, from its beginning to its end
};
struct ChoiceConstraint {
  std::vector<std::string> choices;
};  // exactly one of these texts
/// Calls of these tools, as models write them (chat/tool_calls.hpp), arguments by each tool's schema; or an answer
/// where one is allowed. Engines make it of `tool_choice`, of tools that are strict, of tools beside another
/// constraint, and of a shape that an answer has after the reasoning.
struct ToolCallConstraint {
  /// What may stand there instead of calls.
  enum class Answer { kNone, kText, kShape };  // kText: any text, also before the calls
  std::vector<ToolDefinition> tools;
  bool several = false;       // more than one call
  bool may_reason = false;    // <think>...</think> may stand before
  bool in_reasoning = false;  // the prompt has written <think> already
  Answer answer = Answer::kNone;
  std::variant<JsonObjectConstraint, JsonSchemaConstraint, RegexConstraint, ChoiceConstraint, GrammarConstraint> shape =
      {};  // with kShape
};
using Constraint = std::variant<NoConstraint, JsonObjectConstraint, JsonSchemaConstraint, GrammarConstraint,
                                RegexConstraint, ChoiceConstraint, ToolCallConstraint>;

/// Smaller runs first; ageing lifts what waits (scheduler.hpp).
enum class Priority : int { kInteractive = 0, kEvent = 1, kBackground = 2, kPrestage = 3 };

enum class ToolChoice { kAuto, kNone, kRequired };

struct PreparedPrompt;  // prepared_prompt.hpp

struct GenerateRequest {
  std::string model;  // catalogue name or "default"
  Scope scope;
  Prompt prompt;
  /// What `Engine::prepare` made of exactly this `prompt` for this model: then it is not read again. May be absent.
  std::shared_ptr<const PreparedPrompt> prepared;
  SamplingOptions sampling;
  Constraint constraint;
  ToolChoice tool_choice = ToolChoice::kAuto;
  std::string tool_choice_name;               // with kRequired: this one tool, or empty for any
  bool parallel_tool_calls = true;            // where calls are constrained: there may be several
  bool refuse_unread_tools = false;           // `kUnsupported` where the model's template has no tools; else they are
                                              // left out of the prompt
  std::vector<std::string> stop;              // removed from the output
  int tokens_max = 0;                         // 0 = what the context leaves, at most limits.completion_tokens_default
  bool ignore_end_of_sequence = false;        // for benchmarks
  std::optional<int> speculation_tokens_max;  // draft tokens, 0 = none; absent = EngineOptions' own
  bool echo_logprobs = false;  // /v1/completions echo: Completion::logprobs (never a Delta) then begins with
                               // one entry per prompt token, the first of which has no probability (NaN)
  Priority priority = Priority::kInteractive;
  std::optional<MonotonicTime> deadline;
};

struct TokenLogprob {
  TokenId id = 0;
  std::string bytes;  // the token's exact bytes; may be half a UTF-8 character
  float logprob = 0;
  std::vector<TokenLogprob> top;  // alternatives, best first; their own `top` is empty
};

/// A piece of one tool call. `id` and `name` come once, with the first delta of an index; later ones extend arguments.
struct ToolCallDelta {
  int index = 0;
  std::string id;
  std::string name;
  std::string arguments;
};

/// What became known since the last delta. Text is always whole UTF-8 characters.
struct Delta {
  std::string text;
  std::string reasoning;
  std::vector<ToolCallDelta> tool_calls;
  std::vector<TokenLogprob> logprobs;
};

enum class FinishReason { kStop, kLength, kToolCalls, kCancelled, kFailed };
[[nodiscard]] std::string_view name_of(FinishReason reason);  // OpenAI's words: "stop" | "length" | "tool_calls" | ...

struct Usage {
  int prompt_tokens = 0;
  int cached_tokens = 0;  // prompt tokens whose KV came from the prefix tree
  int completion_tokens = 0;
  int reasoning_tokens = 0;
  Duration queued{};   // submit → first compute
  Duration prefill{};  // first compute → first token
  Duration decode{};   // first token → end
};

/// A place of an answer that rests on a text with an address. Engines make none; agents that answer from texts do.
struct UrlCitation {
  std::string url;    // "docs/ARCHITECTURE.md#L12-L40"
  std::string title;  // "ARCHITECTURE.md › The way of one event, lines 12–40"
  int start = 0;      // characters of the answer: where "[1]" begins, and one past its end
  int end = 0;
};

/// The whole of a finished generation.
struct Completion {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  std::vector<TokenLogprob> logprobs;
  FinishReason finish_reason = FinishReason::kStop;
  Usage usage;
  std::uint64_t seed = 0;  // the seed that was used
  std::string model;       // catalogue name that answered
  std::string note;        // why it ended otherwise than its finish_reason says; mostly empty
  std::string refusal;     // instead of a text of the shape that was asked for: why there is none. Engines make none
  std::vector<UrlCitation> annotations;
};

}  // namespace mnema
