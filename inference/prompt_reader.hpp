// inference/prompt_reader.hpp
//
// A prompt as token ids, with the borders between what is everybody's, the tenant's and the user's.
//
// Threads: pure functions over immutable models.
#pragma once

#include <string>
#include <vector>

#include "inference/kv/salts.hpp"
#include "inference/model_loader.hpp"
#include "inference/request.hpp"
#include "runtime/limits.hpp"
#include "runtime/result.hpp"

namespace mnema {

struct ReadPrompt {
  std::vector<TokenId> tokens;
  kv::SharingBorders borders;
  bool begins_in_reasoning = false;  // the template has written <think> already
};

/// Errors: `kInvalidArgument` (empty, not UTF-8, ids out of range, refused by the template), `kUnsupported` (the model
/// is an encoder), `kResourceExhausted` (longer than limits.prompt_bytes_max).
[[nodiscard]] Result<ReadPrompt> read_prompt(const ModelText& model, const Prompt& prompt, const Limits& limits);

}  // namespace mnema
