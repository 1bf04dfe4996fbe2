// inference/loading/encoder_config.hpp
//
// What an encoder's weights do not say: into how many heads its attention is cut, and what its activation is. Shapes
// alone let a model of other heads load, and give vectors that mean nothing. Whoever publishes one puts a config.json
// beside it (Hugging Face Transformers, BertConfig); what it says must be what is computed here.
//
// Threads: reads one small file; any thread.
// Trust:   none.
#pragma once

#include <string>

#include "runtime/base/result.hpp"

namespace mnema {

/// Of the encoder in `folder`, as its weights say. Without a config.json, or where it is silent about heads, only the
/// width of 384 is taken, whose encoders in use have heads of 32. Errors: `kUnsupported` (other heads, another
/// activation), `kCorrupt` (another number of layers; no JSON object).
[[nodiscard]] Status check_encoder_config(const std::string& folder, int width, int layers);

}  // namespace mnema
