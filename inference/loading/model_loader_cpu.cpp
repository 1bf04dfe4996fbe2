#include <sys/stat.h>

#include <algorithm>
#include <filesystem>
#include <mutex>
#include <thread>

#include "inference/formats/gguf.hpp"
#include "inference/grammar/constraint_compiler.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/cpu_text_encoder.hpp"
#include "inference/loading/encoder_config.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/loading/sampling_defaults.hpp"
#include "inference/model/backend_cpu.hpp"
#include "inference/tokenizer/gguf_tokenizer.hpp"
#include "inference/tokenizer/wordpiece.hpp"

namespace mnema {
namespace {

long long modified_seconds(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<long long>(status.st_mtime) : 0;
}

bool is_encoder(const ModelFile& file) {
  const CatalogueModel* model = find_in_catalogue(file.name);
  return (model != nullptr && model->is_encoder) || file.path.ends_with(".safetensors") ||
         file.path.ends_with(".onnx") || std::filesystem::is_directory(file.path);
}

/// An encoder's tokenizer, in either form that it is published in.
Result<std::shared_ptr<const Tokenizer>> encoder_tokenizer(const std::filesystem::path& folder) {
  std::error_code error;
  const std::filesystem::path json = folder / "tokenizer.json", words = folder / "vocab.txt";
  if (!std::filesystem::exists(words, error) && std::filesystem::exists(json, error)) {
    return WordPieceTokenizer::open_json(json.string());
  }
  return WordPieceTokenizer::open(words.string());
}

/// An encoder's folder, whichever of its files was named.
std::filesystem::path folder_of(const ModelFile& file) {
  return std::filesystem::is_directory(file.path) ? std::filesystem::path(file.path)
                                                  : std::filesystem::path(file.path).parent_path();
}

/// A tokenizer must not give ids that the model has no embedding for. More embeddings than tokens are usual: tables are
/// padded.
Status check_vocabulary(const std::string& path, int tokens, std::uint64_t embeddings) {
  if (static_cast<std::uint64_t>(tokens) <= embeddings) return {};
  return fail(ErrorCode::kCorrupt,
              "'" + path + "': its tokenizer has " + std::to_string(tokens) + " tokens, its embedding table only " +
                  std::to_string(embeddings) + " rows",
              "convert the model again, or fetch the file again");
}

class CpuModelLoader final : public ModelLoader {
 public:
  CpuModelLoader(const EngineOptions& options, const Limits& limits) : options_(options), limits_(limits) {}

  Result<ModelFile> locate(const std::string& name) override {
    ModelFile file;
    ASSIGN_OR_RETURN(const std::string path, resolve_model(name, folder()));
    file.path = one_spelling(path);
    file.name = find_in_catalogue(name) != nullptr ? name : client_name(file.path);
    return file;
  }

  Result<std::shared_ptr<const ModelText>> load_text(const ModelFile& file) override {
    if (is_encoder(file)) return load_encoder_text(file);
    ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> gguf, GgufFile::open(file.path));
    auto text = std::make_shared<ModelText>();
    ASSIGN_OR_RETURN(text->tokenizer, tokenizer_from_gguf(*gguf));
    if (const GgufTensor* table =
            gguf->find_tensor("token_embd.weight")) {  // else the computing side says it is missing
      RETURN_IF_ERROR(check_vocabulary(file.path, text->tokenizer->vocabulary_size(), table->rows()));
    }
    const auto source = gguf->string("tokenizer.chat_template").value_or("");
    Result<std::shared_ptr<const ChatTemplate>> chat = ChatTemplate::create_for(source, *text->tokenizer);
    if (!chat.ok()) {
      return fail(ErrorCode::kUnsupported, "'" + file.path + "': " + chat.error().message,
                  "this model's chat template uses what is not known here");
    }
    text->chat_template = *chat;
    const std::string architecture(gguf->string("general.architecture").value_or("?"));
    text->info.name = file.name;
    text->info.architecture = architecture;
    text->info.file = file.path;
    text->info.file_bytes = static_cast<long long>(gguf->file_bytes());
    text->info.vocabulary = text->tokenizer->vocabulary_size();
    const auto context = static_cast<int>(gguf->integer(architecture + ".context_length").value_or(2048));
    text->info.context_length = options_.context_length > 0 ? std::min(options_.context_length, context) : context;
    text->info.created_unix_seconds = modified_seconds(file.path);
    text->info.sampling = sampling_in(*gguf);
    if (!text->info.sampling) text->info.sampling = sampling_in_catalogue(file.name);
    for (const GgufTensor& tensor : gguf->tensors()) {
      text->info.parameters += static_cast<long long>(tensor.rows() * tensor.columns());
    }
    auto compiler = std::make_shared<grammar::ConstraintCompiler>(text->tokenizer, limits_);
    text->compile = [compiler](const Constraint& constraint) { return compiler->compile(constraint); };
    return std::shared_ptr<const ModelText>(std::move(text));
  }

  Result<std::unique_ptr<ModelCompute>> load_compute(const ModelFile& file) override {
    if (is_encoder(file)) return load_encoder(file);
    CpuBackendOptions options;
    ASSIGN_OR_RETURN(options.isa, instruction_set_from(options_.backend));
    options.kv_type = options_.kv_type;
    options.kv_memory_bytes = static_cast<std::size_t>(options_.kv_memory_bytes);
    options.tokens_per_step_max = options_.max_batched_tokens;
    ASSIGN_OR_RETURN(std::shared_ptr<GgufFile> gguf, GgufFile::open(file.path));
    auto compute = std::make_unique<ModelCompute>();
    ASSIGN_OR_RETURN(compute->backend, load_cpu_backend(gguf, options, pool()));
    compute->memory_bytes = compute->backend->info().weight_bytes_resident + options_.kv_memory_bytes;
    return compute;
  }

  std::int64_t estimate_bytes(const ModelFile& file) override {
    std::error_code error;
    const auto bytes = std::filesystem::file_size(file.path, error);
    return (error ? 0 : static_cast<std::int64_t>(bytes)) + options_.kv_memory_bytes;
  }

  std::vector<ModelInfo> known() const override {
    std::vector<ModelInfo> models;
    for (const CatalogueModel& model : catalogue()) {
      const std::string path = path_in_folder(folder(), model, model.files[0]);
      std::error_code error;
      const auto bytes = std::filesystem::file_size(path, error);
      if (error) continue;
      ModelInfo info;
      info.name = model.name;
      info.file = path;
      info.file_bytes = static_cast<long long>(bytes);
      info.is_encoder = model.is_encoder;
      info.sampling = model.sampling;
      info.created_unix_seconds = modified_seconds(path);
      models.push_back(std::move(info));
    }
    return models;
  }

 private:
  [[nodiscard]] std::string folder() const {
    return options_.models_folder.empty() ? default_models_folder() : options_.models_folder;
  }
  Result<std::shared_ptr<const ModelText>> load_encoder_text(const ModelFile& file) {
    auto text = std::make_shared<ModelText>();
    ASSIGN_OR_RETURN(text->tokenizer, encoder_tokenizer(folder_of(file)));
    std::error_code error;
    ASSIGN_OR_RETURN(const std::string weights, EncoderWeights::locate(folder_of(file).string()));
    const auto bytes = std::filesystem::file_size(weights, error);
    text->info.name = file.name;
    text->info.architecture = "bert";
    text->info.file = weights;
    text->info.file_bytes = error ? 0 : static_cast<long long>(bytes);
    text->info.vocabulary = text->tokenizer->vocabulary_size();
    text->info.context_length = encoder_profile(file.path).options.tokens_max;
    text->info.is_encoder = true;
    text->info.created_unix_seconds = modified_seconds(weights);
    return std::shared_ptr<const ModelText>(std::move(text));
  }

  Result<std::unique_ptr<ModelCompute>> load_encoder(const ModelFile& file) {
    ASSIGN_OR_RETURN(const InstructionSet isa, instruction_set_from(options_.backend));
    ASSIGN_OR_RETURN(std::shared_ptr<const Tokenizer> tokenizer, encoder_tokenizer(folder_of(file)));
    ASSIGN_OR_RETURN(const auto weights, EncoderWeights::open(folder_of(file).string()));
    const EncoderProfile profile = encoder_profile(file.path);
    ASSIGN_OR_RETURN(std::unique_ptr<Encoder> encoder, Encoder::load(*weights, profile.options, isa, pool()));
    RETURN_IF_ERROR(check_encoder_config(folder_of(file).string(), encoder->dimensions(), encoder->layers()));
    RETURN_IF_ERROR(check_vocabulary(file.path, tokenizer->vocabulary_size(), encoder->vocabulary()));
    auto compute = std::make_unique<ModelCompute>();
    compute->memory_bytes = encoder->weight_bytes();
    ASSIGN_OR_RETURN(compute->encoder, CpuTextEncoder::make(std::move(tokenizer), std::move(encoder), profile));
    return compute;
  }

  /// One pool for all models, made with the first: steps of different models never overlap.
  ThreadPool& pool() {
    std::call_once(pool_made_, [this] {
      const int cores = std::max(1, static_cast<int>(std::thread::hardware_concurrency()));
      const int threads = options_.threads > 0 ? options_.threads : cores;
      pool_ = std::make_unique<ThreadPool>(threads, cores > threads);
    });
    return *pool_;
  }

  const EngineOptions options_;
  const Limits limits_;
  std::once_flag pool_made_;
  std::unique_ptr<ThreadPool> pool_;
};

}  // namespace

std::shared_ptr<ModelLoader> cpu_model_loader(const EngineOptions& options, const Limits& limits) {
  return std::make_shared<CpuModelLoader>(options, limits);
}

}  // namespace mnema
