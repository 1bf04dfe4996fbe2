// inference/loading/sampling_defaults.hpp
//
// How a model wants to be sampled where a request names nothing: what its file says (general.sampling.* of GGUF), else
// what the catalogue says (from its makers' generation_config.json or model card), else nothing.
//
// Threads: pure functions.
#pragma once

#include <optional>
#include <string>

#include "inference/formats/gguf.hpp"
#include "inference/request.hpp"

namespace mnema {

/// What the file says; none: nothing. Values out of range are taken for absent.
[[nodiscard]] std::optional<SamplingOptions> sampling_in(const GgufFile& file);

/// What the catalogue says of a model by name.
[[nodiscard]] std::optional<SamplingOptions> sampling_in_catalogue(const std::string& name);

}  // namespace mnema
