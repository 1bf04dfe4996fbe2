#include "cli/models/describe.hpp"

#include <filesystem>
#include <map>
#include <numeric>

#include "inference/engine_options.hpp"
#include "inference/formats/gguf.hpp"
#include "inference/loading/catalogue.hpp"
#include "inference/loading/model_loader.hpp"
#include "inference/model/encoder_weights.hpp"
#include "inference/model/hyper_parameters.hpp"
#include "runtime/base/limits.hpp"

namespace mnema {
namespace {

/// How many tensors there are of each type, and their bytes.
class TypeCount {
 public:
  void add(const std::string& type, std::size_t bytes, std::uint64_t values) {
    auto& [tensors, type_bytes] = rows_[type];
    ++tensors;
    type_bytes += bytes;
    parameters_ += values;
  }
  [[nodiscard]] std::uint64_t parameters() const { return parameters_; }
  [[nodiscard]] boost::json::object rows() const {
    boost::json::object out;
    for (const auto& [type, row] : rows_) out[type] = {{"tensors", row.first}, {"bytes", row.second}};
    return out;
  }

 private:
  std::map<std::string, std::pair<int, std::size_t>> rows_;
  std::uint64_t parameters_ = 0;
};

std::optional<Error> problem_of(const std::string& path) {
  const auto text = cpu_model_loader(EngineOptions{}, Limits{})->load_text({path, path});
  if (text.ok()) return std::nullopt;
  Error error = text.error();
  if (error.message.find(path) == std::string::npos) error.message = "'" + path + "': " + error.message;
  return error;
}

Result<ModelDescription> describe_decoder(const std::string& path) {
  ASSIGN_OR_RETURN(const std::shared_ptr<GgufFile> opened, GgufFile::open(path));
  const GgufFile& file = *opened;
  TypeCount types;
  for (const GgufTensor& tensor : file.tensors()) {
    types.add(std::string(traits_of(tensor.type).name), tensor.data.size(), tensor.columns() * tensor.rows());
  }
  const std::string architecture(file.string("general.architecture").value_or("?"));
  // null: the file does not say.
  const auto hyper = [&](const char* key) -> boost::json::value {
    const auto value = file.integer(architecture + "." + key);
    return value ? boost::json::value(*value) : boost::json::value(nullptr);
  };
  const auto text = [&](const char* key) -> boost::json::value {
    const auto value = file.string(key);
    return value ? boost::json::value(std::string(*value)) : boost::json::value(nullptr);
  };
  ModelDescription description;
  description.facts = {{"file", path},
                       {"bytes", file.file_bytes()},
                       {"architecture", architecture},
                       {"name", text("general.name")},
                       {"parameters", types.parameters()},
                       {"layers", hyper("block_count")},
                       {"embedding_length", hyper("embedding_length")},
                       {"heads", hyper("attention.head_count")},
                       {"kv_heads", hyper("attention.head_count_kv")},
                       {"context_length", hyper("context_length")},
                       {"sliding_window", hyper("attention.sliding_window")},
                       {"tokenizer", text("tokenizer.ggml.model")},
                       {"pre_tokenizer", text("tokenizer.ggml.pre")},
                       {"chat_template", file.string("tokenizer.chat_template").has_value()},
                       {"types", types.rows()}};
  const Result<HyperParameters> parameters = read_hyper_parameters(file);
  description.problem = parameters.ok() ? problem_of(path) : std::optional(parameters.error());
  return description;
}

/// Adds what the file holds to `types`.
Status count_types(const std::string& path, TypeCount& types) {
  const auto add = [&](const auto& tensor, const std::string& type) {
    types.add(type, tensor.data.size(),
              std::accumulate(tensor.shape.begin(), tensor.shape.end(), std::uint64_t{1}, std::multiplies<>()));
  };
  if (path.ends_with(".onnx")) {
    ASSIGN_OR_RETURN(const std::shared_ptr<OnnxFile> file, OnnxFile::open(path));
    for (const OnnxTensor& tensor : file->tensors()) add(tensor, std::string(name_of(tensor.type)));
    return {};
  }
  ASSIGN_OR_RETURN(const std::shared_ptr<SafetensorsFile> file, SafetensorsFile::open(path));
  for (const SafeTensor& tensor : file->tensors()) add(tensor, tensor.type);
  return {};
}

Result<ModelDescription> describe_encoder(const std::string& folder, const std::string& name) {
  ASSIGN_OR_RETURN(const std::string path, EncoderWeights::locate(folder));
  TypeCount types;
  RETURN_IF_ERROR(count_types(path, types));
  const EncoderProfile profile = encoder_profile(name);
  std::error_code ignored;
  ModelDescription description;
  description.facts = {{"file", path},
                       {"bytes", std::filesystem::file_size(path, ignored)},
                       {"architecture", "bert"},
                       {"parameters", types.parameters()},
                       {"tokenizer", "wordpiece"},
                       {"tokens_max", profile.options.tokens_max},
                       {"pooling", name_of(profile.options.pooling)},
                       {"before_question", profile.question},
                       {"before_passage", profile.passage},
                       {"vectors_id", embedding_id(name)},
                       {"types", types.rows()}};
  description.problem = problem_of(folder);
  return description;
}

}  // namespace

Result<ModelDescription> describe_model(const std::string& path, const std::string& name) {
  std::error_code ignored;
  if (!std::filesystem::is_directory(path, ignored)) return describe_decoder(path);
  return describe_encoder(path, name.empty() ? path : name);
}

}  // namespace mnema
