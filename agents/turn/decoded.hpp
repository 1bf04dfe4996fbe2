// agents/turn/decoded.hpp
//
// One finished decode as the journal keeps it. Persisted: names are never changed.
//
// Threads: plain value.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "agents/message_json.hpp"

namespace mnema {

struct Decoded {
  std::string text;
  std::string reasoning;
  std::vector<ToolCall> tool_calls;
  FinishReason finish_reason = FinishReason::kStop;
  int prompt_tokens = 0;
  int cached_tokens = 0;
  int completion_tokens = 0;
  int reasoning_tokens = 0;
  std::int64_t queued_us = 0;
  std::int64_t prefill_us = 0;
  std::int64_t decode_us = 0;
  std::uint64_t seed = 0;
  std::string model;
  std::optional<std::string> note;
};
BOOST_DESCRIBE_STRUCT(Decoded, (),
                      (text, reasoning, tool_calls, finish_reason, prompt_tokens, cached_tokens, completion_tokens,
                       reasoning_tokens, queued_us, prefill_us, decode_us, seed, model, note))

[[nodiscard]] inline Decoded decoded_of(const Completion& completion) {
  const Usage& usage = completion.usage;
  return {completion.text,         completion.reasoning,
          completion.tool_calls,   completion.finish_reason,
          usage.prompt_tokens,     usage.cached_tokens,
          usage.completion_tokens, usage.reasoning_tokens,
          usage.queued.count(),    usage.prefill.count(),
          usage.decode.count(),    completion.seed,
          completion.model,        completion.note.empty() ? std::nullopt : std::optional(completion.note)};
}

}  // namespace mnema
