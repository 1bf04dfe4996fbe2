#include <sys/stat.h>

#include <algorithm>
#include <cmath>
#include <filesystem>
#include <mutex>
#include <thread>

#include "inference/formats/gguf.hpp"
#include "inference/formats/safetensors.hpp"
#include "inference/grammar/constraint_compiler.hpp"
#include "inference/kernels/thread_pool.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/loading/sampling_defaults.hpp"
#include "inference/model/backend_cpu.hpp"
#include "inference/model/encoder.hpp"
#include "inference/tokenizer/gguf_tokenizer.hpp"
#include "inference/tokenizer/wordpiece.hpp"

namespace mnema {
namespace {

long long modified_seconds(const std::string& path) {
  struct stat status{};
  return ::stat(path.c_str(), &status) == 0 ? static_cast<long long>(status.st_mtime) : 0;
}

/// One spelling for every file: "./x", "x" and "folder/../x" are the same model. A link keeps its own name, because
/// what lies beside it (an encoder's vocabulary) may be links too, to files that do not lie together.
std::string one_spelling(const std::filesystem::path& path) {
  namespace fs = std::filesystem;
  const fs::path named = path.has_filename() ? path : path.parent_path();  // a folder may be written with its slash
  const std::string last = named.filename().string();
  std::error_code error;
  const bool is_name = !last.empty() && last != "." && last != "..";
  const fs::path folder = is_name && named.has_parent_path() ? named.parent_path() : fs::path(".");
  const fs::path found = is_name ? fs::canonical(folder, error) / last : fs::canonical(named, error);
  return error ? path.string() : found.string();
}

/// MiniLM and its kind: tokens by WordPiece, vectors by the encoder.
class CpuTextEncoder final : public TextEncoder {
 public:
  CpuTextEncoder(std::shared_ptr<const Tokenizer> tokenizer, std::unique_ptr<Encoder> encoder)
      : tokenizer_(std::move(tokenizer)), encoder_(std::move(encoder)) {}

  Result<std::unique_ptr<Encoding>> begin(std::span<const EmbeddingInput> inputs) override {
    auto batch = std::make_unique<Batch>(*encoder_, inputs.size());
    for (std::size_t input = 0; input < inputs.size(); ++input) {
      if (const auto* ids = std::get_if<std::vector<TokenId>>(&inputs[input])) {
        batch->add(input, *ids);
        continue;
      }
      ASSIGN_OR_RETURN(const std::vector<TokenId> ids,
                       tokenizer_->encode(std::get<std::string>(inputs[input]), true, false));
      // Marks stand around each part. Parts of one length, or the last word would weigh as much as a page.
      const std::size_t inner = ids.size() - 2, most = static_cast<std::size_t>(encoder_->tokens_max()) - 2;
      const std::size_t parts = std::max<std::size_t>(1, (inner + most - 1) / most);
      for (std::size_t part = 0; part < parts; ++part) {
        std::vector<TokenId> window{ids.front()};
        const auto first = ids.begin() + 1;
        window.insert(window.end(), first + static_cast<std::ptrdiff_t>(inner * part / parts),
                      first + static_cast<std::ptrdiff_t>(inner * (part + 1) / parts));
        window.push_back(ids.back());
        batch->add(input, std::move(window));
      }
    }
    return std::unique_ptr<Encoding>(std::move(batch));
  }

 private:
  /// Some windows at a time, so that a long text takes no more memory than a short one.
  class Batch final : public Encoding {
   public:
    Batch(Encoder& encoder, std::size_t inputs) : encoder_(encoder), vectors_(inputs), windows_of_(inputs, 0) {}

    void add(std::size_t input, std::vector<TokenId> window) {
      tokens_ += static_cast<int>(window.size());
      ++windows_of_[input];
      windows_.push_back(std::move(window));
      input_of_.push_back(input);
    }
    [[nodiscard]] std::size_t advance(std::size_t rows_max) override {
      if (rows_ == nullptr && next_ == windows_.size()) return 0;
      if (rows_ == nullptr) {
        const std::size_t count = std::min(kWindowsAtOnce, windows_.size() - next_);
        rows_ = encoder_.begin(std::span(windows_).subspan(next_, count));
        next_ += count;
      }
      const std::size_t rows = encoder_.advance(*rows_, rows_max);
      if (encoder_.is_done(*rows_)) take_rows();
      return rows;
    }
    [[nodiscard]] bool done() const override { return rows_ == nullptr && next_ == windows_.size(); }
    [[nodiscard]] int tokens() const override { return tokens_; }
    [[nodiscard]] std::vector<std::vector<float>> take_vectors() override {
      for (std::size_t input = 0; input < vectors_.size(); ++input) {
        if (windows_of_[input] > 1) normalise(vectors_[input]);  // one window's vector keeps its bits
      }
      return std::move(vectors_);
    }

   private:
    static constexpr std::size_t kWindowsAtOnce = 16;

    void take_rows() {
      const std::vector<std::vector<float>> made = encoder_.vectors(*rows_);
      for (std::size_t i = 0; i < made.size(); ++i) {
        std::vector<float>& sum = vectors_[input_of_[next_ - made.size() + i]];
        if (sum.empty()) {
          sum = made[i];
        } else {
          for (std::size_t d = 0; d < sum.size(); ++d) sum[d] += made[i][d];
        }
      }
      rows_.reset();
    }
    static void normalise(std::vector<float>& vector) {
      double square = 0;
      for (const float x : vector) square += static_cast<double>(x) * x;
      if (square <= 0) return;
      for (float& x : vector) x = static_cast<float>(x / std::sqrt(square));
    }

    Encoder& encoder_;
    std::vector<std::vector<TokenId>> windows_;
    std::vector<std::size_t> input_of_;        // per window
    std::size_t next_ = 0;                     // the first window that has not begun
    std::unique_ptr<Encoder::Rows> rows_;      // under way
    std::vector<std::vector<float>> vectors_;  // per input: the sum of its windows' so far
    std::vector<int> windows_of_;              // per input
    int tokens_ = 0;
  };

  const std::shared_ptr<const Tokenizer> tokenizer_;
  const std::unique_ptr<Encoder> encoder_;
};

bool is_encoder(const ModelFile& file) {
  const CatalogueModel* model = find_in_catalogue(file.name);
  return (model != nullptr && model->is_encoder) || file.path.ends_with(".safetensors") ||
         std::filesystem::is_directory(file.path);
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
    ASSIGN_OR_RETURN(text->tokenizer, WordPieceTokenizer::open((folder_of(file) / "vocab.txt").string()));
    std::error_code error;
    const std::string weights = (folder_of(file) / "model.safetensors").string();
    const auto bytes = std::filesystem::file_size(weights, error);
    text->info.name = file.name;
    text->info.architecture = "bert";
    text->info.file = weights;
    text->info.file_bytes = error ? 0 : static_cast<long long>(bytes);
    text->info.vocabulary = text->tokenizer->vocabulary_size();
    text->info.context_length = 256;
    text->info.is_encoder = true;
    text->info.created_unix_seconds = modified_seconds(weights);
    return std::shared_ptr<const ModelText>(std::move(text));
  }

  Result<std::unique_ptr<ModelCompute>> load_encoder(const ModelFile& file) {
    ASSIGN_OR_RETURN(const InstructionSet isa, instruction_set_from(options_.backend));
    ASSIGN_OR_RETURN(std::shared_ptr<const Tokenizer> tokenizer,
                     WordPieceTokenizer::open((folder_of(file) / "vocab.txt").string()));
    ASSIGN_OR_RETURN(const std::shared_ptr<SafetensorsFile> weights,
                     SafetensorsFile::open((folder_of(file) / "model.safetensors").string()));
    ASSIGN_OR_RETURN(std::unique_ptr<Encoder> encoder, Encoder::load(*weights, isa, pool()));
    RETURN_IF_ERROR(check_vocabulary(file.path, tokenizer->vocabulary_size(), encoder->vocabulary()));
    auto compute = std::make_unique<ModelCompute>();
    compute->memory_bytes = encoder->weight_bytes();
    compute->encoder = std::make_unique<CpuTextEncoder>(std::move(tokenizer), std::move(encoder));
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
