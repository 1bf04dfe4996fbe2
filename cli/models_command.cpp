#include "cli/models_command.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <filesystem>
#include <map>

#include "cli/exit_code.hpp"
#include "cli/models/pull.hpp"
#include "inference/catalogue.hpp"
#include "inference/formats/gguf.hpp"
#include "runtime/clock.hpp"

namespace mnema {
namespace {

struct ModelsArguments {
  std::string folder = default_models_folder();
  std::vector<std::string> names;
  bool json = false;
  bool quiet = false;
};

bool all_files_here(const CatalogueModel& model, const std::string& folder) {
  std::error_code ignored;
  for (const CatalogueFile& file : model.files) {
    const std::string path = path_in_folder(folder, model, file);
    if (!std::filesystem::exists(path, ignored) ||
        static_cast<std::int64_t>(std::filesystem::file_size(path, ignored)) != file.bytes) {
      return false;
    }
  }
  return true;
}

std::int64_t total_bytes(const CatalogueModel& model) {
  std::int64_t bytes = 0;
  for (const CatalogueFile& file : model.files) bytes += file.bytes;
  return bytes;
}

int list_models(const ModelsArguments& arguments) {
  boost::json::array rows;
  for (const CatalogueModel& model : catalogue()) {
    const bool here = all_files_here(model, arguments.folder);
    if (arguments.json) {
      rows.push_back({{"name", model.name},
                      {"kind", model.is_encoder ? "encoder" : "decoder"},
                      {"bytes", total_bytes(model)},
                      {"licence", model.licence},
                      {"here", here},
                      {"about", model.about}});
    } else {
      std::printf("%-22s %-8s %7.1f MB  %-12s %s\n", model.name.c_str(), here ? "here" : "-",
                  static_cast<double>(total_bytes(model)) / 1e6, model.licence.c_str(), model.about.c_str());
    }
  }
  if (arguments.json) std::printf("%s\n", boost::json::serialize(rows).c_str());
  return kExitOk;
}

int pull_models(const ModelsArguments& arguments) {
  const SystemClock clock;
  PullOptions options;
  options.folder = arguments.folder;
  options.quiet = arguments.quiet;
  for (const std::string& name : arguments.names) {
    const Result<std::string> path = pull_model(name, options, clock);
    if (!path.ok()) return report(path.error(), kExitModel);
    std::printf("%s\n", path->c_str());
  }
  return kExitOk;
}

int verify_models(const ModelsArguments& arguments) {
  int exit_code = kExitOk;
  std::size_t checked = 0;
  for (const CatalogueModel& model : catalogue()) {
    const bool named = std::find(arguments.names.begin(), arguments.names.end(), model.name) != arguments.names.end();
    if (!arguments.names.empty() ? !named : !all_files_here(model, arguments.folder)) continue;
    ++checked;
    const Status status = verify_model(model, arguments.folder);
    if (status.ok()) {
      std::printf("%-22s ok\n", model.name.c_str());
    } else {
      exit_code = report(status.error(), kExitModel);
    }
  }
  if (checked < arguments.names.size()) {
    return report(fail(ErrorCode::kNotFound, "a name given is not in the catalogue", "see 'mnema models list'"),
                  kExitModel);
  }
  return exit_code;
}

/// What decides how a model behaves and how fast it can be, read from the file alone.
int describe_model(const ModelsArguments& arguments) {
  const Result<std::string> path = resolve_model(arguments.names.front(), arguments.folder);
  if (!path.ok()) return report(path.error(), kExitModel);
  const auto opened = GgufFile::open(*path);
  if (!opened.ok()) return report(opened.error(), kExitModel);
  const GgufFile& file = **opened;
  const std::string architecture(file.string("general.architecture").value_or("?"));
  std::map<std::string, std::pair<int, std::size_t>> types;
  std::int64_t parameters = 0;
  for (const GgufTensor& tensor : file.tensors()) {
    auto& [count, bytes] = types[std::string(traits_of(tensor.type).name)];
    ++count;
    bytes += tensor.data.size();
    parameters += static_cast<std::int64_t>(tensor.columns() * tensor.rows());
  }
  const auto hyper = [&](const char* key) { return file.integer(architecture + "." + key).value_or(0); };
  boost::json::object out{{"file", *path},
                          {"bytes", file.file_bytes()},
                          {"architecture", architecture},
                          {"name", std::string(file.string("general.name").value_or(""))},
                          {"parameters", parameters},
                          {"layers", hyper("block_count")},
                          {"embedding_length", hyper("embedding_length")},
                          {"heads", hyper("attention.head_count")},
                          {"kv_heads", hyper("attention.head_count_kv")},
                          {"context_length", hyper("context_length")},
                          {"sliding_window", hyper("attention.sliding_window")},
                          {"tokenizer", std::string(file.string("tokenizer.ggml.model").value_or(""))},
                          {"pre_tokenizer", std::string(file.string("tokenizer.ggml.pre").value_or(""))},
                          {"chat_template", file.string("tokenizer.chat_template").has_value()}};
  boost::json::object by_type;
  for (const auto& [type, row] : types) by_type[type] = {{"tensors", row.first}, {"bytes", row.second}};
  out["types"] = by_type;
  if (arguments.json) {
    std::printf("%s\n", boost::json::serialize(out).c_str());
    return kExitOk;
  }
  for (const auto& entry : out) {
    if (entry.key() == "types") continue;
    std::printf(
        "%-18s %s\n", std::string(entry.key()).c_str(),
        entry.value().is_string() ? entry.value().get_string().c_str() : boost::json::serialize(entry.value()).c_str());
  }
  for (const auto& [type, row] : types) {
    std::printf("%-18s %d tensors, %.1f MB\n", type.c_str(), row.first, static_cast<double>(row.second) / 1e6);
  }
  return kExitOk;
}

}  // namespace

void add_models_command(CLI::App& app, int& exit_code) {
  CLI::App* models = app.add_subcommand("models", "The model catalogue and what of it is on this machine");
  models->require_subcommand(1);
  auto arguments = std::make_shared<ModelsArguments>();
  const auto add = [&](const char* name, const char* about, int (*run)(const ModelsArguments&)) {
    CLI::App* command = models->add_subcommand(name, about);
    command->add_option("--models-folder", arguments->folder, "Where models are kept")->capture_default_str();
    command->callback([arguments, run, &exit_code] { exit_code = run(*arguments); });
    return command;
  };
  add("list", "The catalogue, and which models are here", list_models)->add_flag("--json", arguments->json, "As JSON");
  CLI::App* pull = add("pull", "Fetch models, checked by SHA-256; resumes, and skips what is here", pull_models);
  pull->add_option("names", arguments->names, "Catalogue names, or hf:ORG/REPO:FILE")->required();
  pull->add_flag("--quiet", arguments->quiet, "No progress bar");
  add("verify", "Recompute the digests of models that are here", verify_models)
      ->add_option("names", arguments->names, "Only these; default: all that are here");
  CLI::App* info = add("info", "What a model file holds", describe_model);
  info->add_option("model", arguments->names, "Catalogue name or GGUF file")->required()->expected(1);
  info->add_flag("--json", arguments->json, "As JSON");
}

}  // namespace mnema
