// inference/text/prompt_reader.hpp
//
// Renders and tokenizes a prompt.
//
// Threads: pure functions over immutable models.
#pragma once

#include "inference/loading/model_loader.hpp"
#include "inference/prepared_prompt.hpp"
#include "inference/request.hpp"
#include "inference/tokenizer/piece_memo.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// `PreparedPrompt::model` is the caller's to fill in; `now` is what a template may write. Errors: `kInvalidArgument`
/// (empty, not UTF-8, ids out of range, refused by the template), `kUnsupported` (the model is an encoder),
/// `kResourceExhausted` (longer than limits.prompt_bytes_max).
[[nodiscard]] Result<PreparedPrompt> read_prompt(const ModelText& model, const Prompt& prompt, const Limits& limits,
                                                 PieceMemo& memo, Time now);

}  // namespace mnema
