#include "inference/loading/catalogue.hpp"

#include <toml++/toml.h>
#include <cstdlib>
#include <filesystem>

#include "runtime/base/sha256.hpp"

namespace mnema {

extern const char kCatalogueText[];  // configs/models.toml, embedded by CMake

namespace {

/// Of how vectors are computed. Goes up when they differ so much (cosine below 0.999) that old and new ones are better
/// not compared; every memory then embeds all its entries again. 2: long texts are the mean of their parts. 8-bit
/// weights did not change it: of 200 short texts each new vector had a cosine of 0.9993 or more with its old one.
constexpr const char* kEncodingVersion = "2";

CatalogueFile file_from(const toml::table& table) {
  CatalogueFile file;
  file.name = table["name"].value_or(std::string());
  file.bytes = table["bytes"].value_or(std::int64_t{0});
  file.sha256 = table["sha256"].value_or(std::string());
  file.home = table["home"].value_or(std::string());
  if (const toml::array* parts = table["mirror"].as_array()) {
    for (const toml::node& node : *parts) {
      const toml::table* part = node.as_table();
      if (part == nullptr) continue;
      file.mirror.push_back({(*part)["package"].value_or(std::string()), (*part)["member"].value_or(std::string())});
    }
  }
  return file;
}

Result<EncoderProfile> encoder_from(const toml::table* table, const std::string& model) {
  EncoderProfile profile;
  if (table == nullptr) return profile;
  const std::string pooling = (*table)["pooling"].value_or(std::string("mean"));
  if (pooling != "mean" && pooling != "first") {
    return fail(ErrorCode::kInvalidArgument,
                "model catalogue: '" + model + "' has the pooling '" + pooling + "'; known: mean, first");
  }
  profile.options.pooling = pooling == "mean" ? Pooling::kMean : Pooling::kFirst;
  profile.options.tokens_max = (*table)["tokens_max"].value_or(profile.options.tokens_max);
  profile.question = (*table)["question"].value_or(std::string());
  profile.passage = (*table)["passage"].value_or(std::string());
  for (const std::string& prefix : {profile.question, profile.passage}) {
    if (prefix.empty() || prefix.ends_with(' ')) continue;
    return fail(ErrorCode::kInvalidArgument,
                "model catalogue: '" + model + "' has the prefix '" + prefix + "', which does not end in a blank");
  }
  return profile;
}

std::optional<SamplingOptions> sampling_from(const toml::table* table) {
  if (table == nullptr) return std::nullopt;
  SamplingOptions sampling;
  sampling.temperature = (*table)["temperature"].value_or(1.0F);
  sampling.top_k = (*table)["top_k"].value_or(0);
  sampling.top_p = (*table)["top_p"].value_or(1.0F);
  sampling.min_p = (*table)["min_p"].value_or(0.0F);
  sampling.repetition_penalty = (*table)["repetition_penalty"].value_or(1.0F);
  return sampling;
}

/// Of a file that holds weights; a folder may be called "bge-small-en-v1.5".
bool ends_as_weights(const std::filesystem::path& path) {
  const std::filesystem::path ending = path.extension();
  return ending == ".gguf" || ending == ".safetensors" || ending == ".onnx";
}

}  // namespace

Result<std::vector<CatalogueModel>> parse_catalogue(std::string_view text) {
  toml::table root;
  try {
    root = toml::parse(text);
  } catch (const toml::parse_error& error) {
    return fail(ErrorCode::kInvalidArgument, "model catalogue, line " + std::to_string(error.source().begin.line) +
                                                 ": " + std::string(error.description()));
  }
  std::vector<CatalogueModel> models;
  for (auto&& [key, node] : root) {
    const toml::table* table = node.as_table();
    if (table == nullptr) continue;
    CatalogueModel model;
    model.name = std::string(key.str());
    model.is_encoder = (*table)["kind"].value_or(std::string()) == "encoder";
    model.about = (*table)["about"].value_or(std::string());
    model.licence = (*table)["licence"].value_or(std::string());
    model.sampling = sampling_from((*table)["sampling"].as_table());
    ASSIGN_OR_RETURN(model.encoder, encoder_from((*table)["encoder"].as_table(), model.name));
    if (const toml::array* files = (*table)["files"].as_array()) {
      for (const toml::node& file : *files) {
        if (file.is_table()) model.files.push_back(file_from(*file.as_table()));
      }
    }
    for (const CatalogueFile& file : model.files) {
      if (file.name.empty() || file.sha256.size() != 64) {
        return fail(ErrorCode::kInvalidArgument,
                    "model catalogue: '" + model.name + "' has a file without name or SHA-256");
      }
    }
    if (model.files.empty()) {
      return fail(ErrorCode::kInvalidArgument, "model catalogue: '" + model.name + "' has no files");
    }
    models.push_back(std::move(model));
  }
  return models;
}

const std::vector<CatalogueModel>& catalogue() {
  static const std::vector<CatalogueModel> models = parse_catalogue(kCatalogueText).value();
  return models;
}

const CatalogueModel* find_in_catalogue(std::string_view name) {
  for (const CatalogueModel& model : catalogue()) {
    if (model.name == name) return &model;
  }
  return nullptr;
}

std::string one_spelling(const std::string& path) {
  namespace fs = std::filesystem;
  fs::path named = path;
  if (!named.has_filename()) named = named.parent_path();  // a folder may be written with its slash
  const std::string last = named.filename().string();
  std::error_code error;
  const bool is_name = !last.empty() && last != "." && last != "..";
  const fs::path folder = is_name && named.has_parent_path() ? named.parent_path() : fs::path(".");
  const fs::path found = is_name ? fs::canonical(folder, error) / last : fs::canonical(named, error);
  return error ? named.string() : found.string();
}

EncoderProfile encoder_profile(const std::string& name_or_path) {
  const CatalogueModel* model = find_in_catalogue(name_or_path);
  if (model == nullptr) {
    const std::filesystem::path path = one_spelling(name_or_path);
    model = find_in_catalogue((ends_as_weights(path) ? path.parent_path() : path).filename().string());
  }
  return model == nullptr ? EncoderProfile{} : model->encoder;
}

std::string embedding_id(const std::string& name_or_path) {
  const EncoderProfile profile = encoder_profile(name_or_path);
  std::string id = name_or_path + "/" + std::string(name_of(profile.options.pooling));
  if (!profile.question.empty() || !profile.passage.empty()) {
    id += "+" + to_hex(sha256(profile.question + '\n' + profile.passage)).substr(0, 8);
  }
  return id + "/" + kEncodingVersion;
}

std::string default_models_folder() {
  if (const char* folder = std::getenv("MNEMA_MODELS"); folder != nullptr && *folder != '\0') return folder;
  if (const char* cache = std::getenv("XDG_CACHE_HOME"); cache != nullptr && *cache != '\0') {
    return std::string(cache) + "/mnema/models";
  }
  const char* home = std::getenv("HOME");
  return std::string(home != nullptr ? home : ".") + "/.cache/mnema/models";
}

std::string path_in_folder(const std::string& folder, const CatalogueModel& model, const CatalogueFile& file) {
  return folder + "/" + model.name + "/" + file.name;
}

std::string client_name(const std::string& name_or_path) {
  if (find_in_catalogue(name_or_path) != nullptr) return name_or_path;
  std::filesystem::path path(name_or_path);
  if (!path.has_filename()) path = path.parent_path();
  return (ends_as_weights(path) ? path.stem() : path.filename()).string();
}

Result<std::string> resolve_model(const std::string& name_or_path, const std::string& folder) {
  std::error_code ignored;
  if (const CatalogueModel* model = find_in_catalogue(name_or_path)) {
    for (const CatalogueFile& file : model->files) {
      const std::string path = path_in_folder(folder, *model, file);
      if (!std::filesystem::exists(path, ignored)) {
        return fail(ErrorCode::kNotFound, "model '" + model->name + "' is not on this machine (no file " + path + ")",
                    "run 'mnema models pull " + model->name + "'");
      }
    }
    if (model->is_encoder) return folder + "/" + model->name;
    return path_in_folder(folder, *model, model->files.front());
  }
  if (std::filesystem::exists(name_or_path, ignored)) return name_or_path;
  if (const std::string pulled = folder + "/" + name_or_path; std::filesystem::exists(pulled, ignored)) return pulled;
  std::string known;
  for (const CatalogueModel& model : catalogue()) known += (known.empty() ? "" : ", ") + model.name;
  return fail(ErrorCode::kNotFound, "there is no model and no file named '" + name_or_path + "'",
              "catalogue models: " + known + "; or give the path of a GGUF file or of an encoder's folder");
}

}  // namespace mnema
