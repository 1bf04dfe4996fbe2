// inference/tokenizer/gguf_tokenizer.hpp
//
// The tokenizer that a model file describes.
//
// Threads: pure function; the tokenizer is immutable.
#pragma once

#include <memory>

#include "inference/formats/gguf.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Errors: `kUnsupported` kind or pre-tokenizer, `kCorrupt` metadata; both name the file and the key.
[[nodiscard]] Result<std::shared_ptr<const Tokenizer>> tokenizer_from_gguf(const GgufFile& file);

}  // namespace mnema
