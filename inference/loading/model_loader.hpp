// inference/loading/model_loader.hpp
//
// How a model's name becomes something that tokenizes and computes. The two halves are loaded apart: text (tokenizer,
// template) is quick and answers `prepare` or refuses a bad request before any weight is read; compute (weights,
// KV pages, threads) comes with the first request that needs it.
//
// Threads:   every method from any thread, also at the same time.
// Ownership: a ModelText is shared and immutable; a ModelCompute belongs to the registry, and to an encoding that is
//            under way.
#pragma once

#include <functional>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "inference/backend.hpp"
#include "inference/chat/chat_template.hpp"
#include "inference/chat/tool_calls.hpp"
#include "inference/engine.hpp"
#include "inference/engine_options.hpp"
#include "inference/token_mask.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Which file a name stands for.
struct ModelFile {
  std::string name;  // what clients call it
  std::string path;  // absolute, the same however the file was named
};

/// A constraint as a mask at the beginning of the answer, or nullptr where nothing is constrained.
/// Errors: `kInvalidArgument`, `kUnsupported`. Any thread.
using ConstraintCompiler = std::function<Result<std::unique_ptr<TokenMask>>(const Constraint&)>;

/// The text side of a model. Immutable.
struct ModelText {
  ModelInfo info;                                     // `loaded` is the registry's to say
  std::shared_ptr<const Tokenizer> tokenizer;         // nullptr for encoders
  std::shared_ptr<const ChatTemplate> chat_template;  // nullptr where the file has none
  ConstraintCompiler compile;                         // empty: constrained output is not supported
};

/// Texts on their way to vectors. Confined to the thread that computes; borrows its encoder.
class Encoding {
 public:
  virtual ~Encoding() = default;
  /// Computes a part, about the work of `rows_max` tokens in a layer, or the smallest that is possible. Returns how
  /// many it was, or 0 when all is done.
  [[nodiscard]] virtual std::size_t advance(std::size_t rows_max) = 0;
  [[nodiscard]] virtual bool done() const = 0;
  /// Of all its texts, as they are read.
  [[nodiscard]] virtual int tokens() const = 0;
  /// Once, when it is done: one L2-normalised vector per text.
  [[nodiscard]] virtual std::vector<std::vector<float>> take_vectors() = 0;
  /// Once, when it is done: those of each text's tokens, where they were asked for; else none.
  [[nodiscard]] virtual std::vector<TokenVectors> take_token_vectors() = 0;
};

struct EncodingOptions {
  EmbeddingRequest::Kind kind = EmbeddingRequest::Kind::kPlain;
  bool token_vectors = false;
};

/// Texts to vectors. Confined to the thread that computes.
class TextEncoder {
 public:
  virtual ~TextEncoder() = default;
  /// The vector of a text that is longer than the model takes is the mean of those of its parts. Precondition: at least
  /// one input; ids are the tokenizer's, with its marks, and no more than the model takes.
  [[nodiscard]] virtual Result<std::unique_ptr<Encoding>> begin(std::span<const EmbeddingInput> inputs,
                                                                EncodingOptions options) = 0;
};

/// The computing side of a model: a decoder or an encoder. Confined to the thread that computes.
struct ModelCompute {
  std::shared_ptr<void> resources;       // what the others borrow (threads, file); goes last
  std::unique_ptr<Backend> backend;      // decoders
  std::unique_ptr<TextEncoder> encoder;  // encoders
  std::int64_t memory_bytes = 0;         // weights and KV
};

class ModelLoader {
 public:
  virtual ~ModelLoader() = default;

  /// By catalogue name or by any path: who lets strangers choose `name` checks it first. Errors: `kNotFound`, hint:
  /// what to run.
  [[nodiscard]] virtual Result<ModelFile> locate(const std::string& name) = 0;
  /// Errors: `kCorrupt` (among others: more tokens than embeddings), `kUnsupported`, naming file and field.
  [[nodiscard]] virtual Result<std::shared_ptr<const ModelText>> load_text(const ModelFile& file) = 0;
  /// Seconds of work and the model's memory. Errors: as above, and `kResourceExhausted`.
  [[nodiscard]] virtual Result<std::unique_ptr<ModelCompute>> load_compute(const ModelFile& file) = 0;
  /// What `load_compute` will take, before it is tried.
  [[nodiscard]] virtual std::int64_t estimate_bytes(const ModelFile& file) = 0;
  /// Models that could be asked for: those of the catalogue that are on this disk.
  [[nodiscard]] virtual std::vector<ModelInfo> known() const = 0;
};

/// GGUF decoders and safetensors or ONNX encoders on this machine's cores.
[[nodiscard]] std::shared_ptr<ModelLoader> cpu_model_loader(const EngineOptions& options, const Limits& limits);

}  // namespace mnema
