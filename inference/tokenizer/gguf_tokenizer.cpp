#include "inference/tokenizer/gguf_tokenizer.hpp"

#include "inference/tokenizer/bpe.hpp"
#include "inference/tokenizer/spm.hpp"

namespace mnema {

Result<std::shared_ptr<const Tokenizer>> tokenizer_from_gguf(const GgufFile& file) {
  const auto kind = file.string("tokenizer.ggml.model");
  if (!kind) return fail(ErrorCode::kCorrupt, "'" + file.path() + "': tokenizer.ggml.model is missing");
  if (*kind == "gpt2") return BpeTokenizer::from_gguf(file);
  if (*kind == "llama") return SpmTokenizer::from_gguf(file);
  return fail(ErrorCode::kUnsupported,
              "'" + file.path() + "': tokenizers of kind '" + std::string(*kind) + "' are not known",
              "gpt2 (BPE) and llama (SentencePiece) are");
}

}  // namespace mnema
