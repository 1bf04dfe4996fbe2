// agents/rest/sampling_fields.hpp
//
// The fields that chat completions and completions have in common: sampling, stop, seed, bias, count of choices.
//
// Threads: pure.
#pragma once

#include "agents/rest/json_fields.hpp"
#include "inference/request.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {

/// What a request that names none of them gets. OpenAI's own default (temperature 1, nothing cut) is meant for very
/// large models; small ones ramble under it.
[[nodiscard]] SamplingOptions default_sampling();

/// Reads temperature, top_p, top_k, min_p, repetition_penalty (or repeat_penalty), presence_penalty, frequency_penalty,
/// seed and logit_bias over what `sampling` already holds. Returns whether any of the first four was named.
bool read_sampling(JsonFields& fields, SamplingOptions& sampling);

/// `stop`: a string or an array of strings, none of them empty.
[[nodiscard]] std::vector<std::string> read_stop(JsonFields& fields, const Limits& limits);

/// `speculation_tokens_max`, ours: draft tokens by prompt look-up. Absent: as the server is configured.
[[nodiscard]] std::optional<int> read_speculation(JsonFields& fields);

/// `stream` with `stream_options.include_usage`.
struct StreamFields {
  bool stream = false;
  bool include_usage = false;
};
[[nodiscard]] StreamFields read_stream(JsonFields& fields);

}  // namespace mnema
