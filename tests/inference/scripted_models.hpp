// tests/inference/scripted_models.hpp
//
// Models for a whole engine without any file: decoders over scripted_backend.hpp whose tokens are bytes, and an encoder
// whose vectors say how long a text is. The loader writes down what it loads.
//
// Threads:   as the seam says; the hooks are set before the first load and called where they say.
// Ownership: borrows the device, which outlives the loader and every model. Needs no test framework.
#pragma once

#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "inference/grammar/constraint_compiler.hpp"
#include "inference/loading/model_loader.hpp"
#include "runtime/base/check.hpp"
#include "tests/inference/grammar/matching.hpp"
#include "tests/inference/scripted_backend.hpp"

namespace mnema::testing {

using grammar::testing::SmallTokenizer;

inline constexpr const char* kTemplate =
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
inline constexpr const char* kTimeTemplate = "{{ strftime_now('%Y') }}: {{ messages[0].content }}";
inline constexpr const char* kToolTemplate =
    "{% if tools %}{{ 'Write <tool_call>.\\n' }}{% endif %}"
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}";
inline constexpr const char* kReasoningTemplate =
    "{% for message in messages %}{{ message.role + ': ' + message.content + '\\n' }}{% endfor %}{{ '<think>\\n' }}";
inline constexpr std::int64_t kModelBytes = 100;

/// A text's vector is its length, or what `vector_of` says, after `kLayers` parts of work; that of each byte is 1.
class TextCounter final : public TextEncoder {
 public:
  static constexpr int kLayers = 3;
  static constexpr std::size_t kRowsOfAText = 50;
  using VectorOf = std::function<std::vector<float>(const std::string&)>;
  TextCounter(std::function<void(std::size_t texts)> after_layer, VectorOf vector_of)
      : after_layer_(std::move(after_layer)), vector_of_(std::move(vector_of)) {}
  Result<std::unique_ptr<Encoding>> begin(std::span<const EmbeddingInput> texts, EncodingOptions options) override {
    return std::unique_ptr<Encoding>(std::make_unique<Batch>(texts, *this, options));
  }

 private:
  class Batch final : public Encoding {
   public:
    Batch(std::span<const EmbeddingInput> texts, const TextCounter& encoder, EncodingOptions options)
        : after_layer_(encoder.after_layer_) {
      for (const EmbeddingInput& input : texts) {
        const auto* ids = std::get_if<std::vector<TokenId>>(&input);
        const std::string text = ids != nullptr ? std::string(ids->size(), 'x') : std::get<std::string>(input);
        tokens_ += static_cast<int>(text.size());
        vectors_.push_back(encoder.vector_of_ ? encoder.vector_of_(text)
                                              : std::vector<float>{static_cast<float>(text.size())});
        if (options.token_vectors) {
          TokenVectors& of_tokens = token_vectors_.emplace_back();
          of_tokens.vectors.assign(text.size(), 1.0F);
        }
      }
    }
    std::size_t advance(std::size_t) override {
      if (after_layer_) after_layer_(vectors_.size());
      ++done_;
      return kRowsOfAText * vectors_.size();
    }
    bool done() const override { return done_ == kLayers; }
    int tokens() const override { return tokens_; }
    std::vector<std::vector<float>> take_vectors() override {
      CHECK(done_ == kLayers, "vectors are there after the last part");
      return std::move(vectors_);
    }
    std::vector<TokenVectors> take_token_vectors() override { return std::move(token_vectors_); }

   private:
    const std::function<void(std::size_t)>& after_layer_;
    std::vector<std::vector<float>> vectors_;
    std::vector<TokenVectors> token_vectors_;
    int tokens_ = 0;
    int done_ = 0;
  };
  const std::function<void(std::size_t)> after_layer_;
  const VectorOf vector_of_;
};

/// Models "a" to "d" (d's template knows no tools), "t" (its template writes the year), "r" (its template begins the
/// reasoning), and "vectors", an encoder.
class ScriptedLoader final : public ModelLoader {
 public:
  /// Steps of the decoders end on `device`.
  explicit ScriptedLoader(Executor& device) : device_(device) {}

  Result<ModelFile> locate(const std::string& name) override {
    if (name.ends_with("/disk/file.gguf")) return ModelFile{"file", "/disk/file.gguf"};
    if (name.starts_with("/disk/")) return ModelFile{name.substr(6), name};
    if (name.size() == 1 || name == "vectors") return ModelFile{name, "/models/" + name};
    return fail(ErrorCode::kNotFound, "there is no model '" + name + "'");
  }
  Result<std::shared_ptr<const ModelText>> load_text(const ModelFile& file) override {
    ++texts;
    auto text = std::make_shared<ModelText>();
    const auto tokenizer = std::make_shared<SmallTokenizer>();
    text->info.name = file.name;
    text->info.context_length = 4000;
    text->info.is_encoder = file.name == "vectors";
    text->tokenizer = tokenizer;
    const char* source = file.name == "d"   ? kTemplate
                         : file.name == "t" ? kTimeTemplate
                         : file.name == "r" ? kReasoningTemplate
                                            : kToolTemplate;
    const auto made = ChatTemplate::create(source, {}, "", "");
    if (!made.ok()) return made.error();
    text->chat_template = *made;
    const auto compiler = std::make_shared<grammar::ConstraintCompiler>(tokenizer, Limits{});
    text->compile = [compiler](const Constraint& constraint) { return compiler->compile(constraint); };
    return std::shared_ptr<const ModelText>(std::move(text));
  }
  Result<std::unique_ptr<ModelCompute>> load_compute(const ModelFile& file) override {
    loads += file.name + " ";
    auto compute = std::make_unique<ModelCompute>();
    compute->memory_bytes = kModelBytes;
    if (file.name == "vectors") {
      compute->encoder = std::make_unique<TextCounter>(after_layer, vector_of);
      return compute;
    }
    auto backend = std::make_unique<ScriptedBackend>(pages, device_, SmallTokenizer().vocabulary_size());
    backend->adjust = adjust;
    backend->after_step = after_step;
    backend->step_time = step_time;
    compute->backend = std::move(backend);
    return compute;
  }
  std::int64_t estimate_bytes(const ModelFile&) override { return kModelBytes; }
  std::vector<ModelInfo> known() const override { return {}; }

  std::string loads;  // in their order
  int texts = 0;
  std::function<void(const std::vector<TokenId>&, std::vector<float>&)> adjust;
  std::function<void()> after_step;
  std::function<Duration(int tokens)> step_time;
  int pages = 200;                                     // of each decoder
  std::function<void(std::size_t texts)> after_layer;  // of an encoder
  TextCounter::VectorOf vector_of;

 private:
  Executor& device_;
};

}  // namespace mnema::testing
