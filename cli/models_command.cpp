#include "cli/models_command.hpp"

#include <CLI/CLI.hpp>
#include <boost/json.hpp>
#include <cstdio>
#include <map>
#include <memory>

#include "cli/exit_code.hpp"
#include "cli/models/describe.hpp"
#include "cli/models/on_disk.hpp"
#include "cli/models/pull.hpp"
#include "cli/models/quantize.hpp"
#include "inference/loading/catalogue.hpp"
#include "runtime/base/clock.hpp"

namespace mnema {
namespace {

struct ModelsArguments {
  std::string folder = default_models_folder();
  std::vector<std::string> names;
  bool json = false;
  bool quiet = false;
  bool force = false;
  std::string type;
};

ExitCode exit_code_of(const Error& error) {
  switch (error.code) {
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kInvalidArgument:
      return kExitUsage;
    case ErrorCode::kStorage:
      return kExitFailed;
    default:
      return kExitModel;
  }
}

std::int64_t total_bytes(const CatalogueModel& model) {
  std::int64_t bytes = 0;
  for (const CatalogueFile& file : model.files) bytes += file.bytes;
  return bytes;
}

int list_models(const ModelsArguments& arguments) {
  boost::json::array rows;
  for (const CatalogueModel& model : catalogue()) {
    const OnDisk state = on_disk(model, arguments.folder);
    const char* shown = state == OnDisk::kWhole ? "here" : state == OnDisk::kPart ? "partial" : "-";
    if (arguments.json) {
      rows.push_back({{"name", model.name},
                      {"kind", model.is_encoder ? "encoder" : "decoder"},
                      {"bytes", total_bytes(model)},
                      {"licence", model.licence},
                      {"here", state == OnDisk::kWhole},
                      {"partial", state == OnDisk::kPart},
                      {"about", model.about}});
    } else {
      std::printf("%-22s %-8s %7.1f MB  %-12s %s\n", model.name.c_str(), shown,
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
  std::vector<const CatalogueModel*> models;
  for (const std::string& name : arguments.names) {
    models.push_back(find_in_catalogue(name));
    if (models.back() == nullptr) {
      return report(fail(ErrorCode::kNotFound, "no model named '" + name + "' in the catalogue",
                         "'mnema models list' shows it; 'mnema models info FILE' reads any other file"),
                    kExitModel);
    }
  }
  for (const CatalogueModel& model : catalogue()) {
    if (arguments.names.empty() && on_disk(model, arguments.folder) != OnDisk::kNothing) models.push_back(&model);
  }
  if (models.empty()) {
    return report(fail(ErrorCode::kNotFound, "no catalogue model is in '" + arguments.folder + "'",
                       "'mnema models pull NAME' fetches one"),
                  kExitModel);
  }
  int exit_code = kExitOk;
  for (const CatalogueModel* model : models) {
    const Status status = verify_model(*model, arguments.folder);
    if (status.ok()) {
      std::printf("%-22s ok\n", model->name.c_str());
    } else {
      exit_code = report(status.error(), kExitModel);
    }
  }
  return exit_code;
}

int describe(const ModelsArguments& arguments) {
  const Result<std::string> path = resolve_model(arguments.names.front(), arguments.folder);
  if (!path.ok()) return report(path.error(), kExitModel);
  Result<ModelDescription> described = describe_model(*path, arguments.names.front());
  if (!described.ok()) return report(described.error(), kExitModel);
  boost::json::object& facts = described->facts;
  if (arguments.json) {
    facts["runs"] = !described->problem.has_value();
    std::printf("%s\n", boost::json::serialize(facts).c_str());
  } else {
    for (const auto& [key, value] : facts) {
      if (key == "types") continue;
      const std::string shown = value.is_null()     ? "not stated"
                                : value.is_string() ? std::string(value.get_string())
                                                    : boost::json::serialize(value);
      std::printf("%-18s %s\n", std::string(key).c_str(), shown.c_str());
    }
    for (const auto& [type, row] : facts["types"].as_object()) {
      std::printf("%-18s %d tensors, %.1f MB\n", std::string(type).c_str(), row.at("tensors").to_number<int>(),
                  row.at("bytes").to_number<double>() / 1e6);
    }
  }
  std::fflush(stdout);  // the facts come before the problem, whatever both go to
  return described->problem ? report(*described->problem, kExitModel) : kExitOk;
}

int quantize(const ModelsArguments& arguments) {
  static const std::map<std::string, QuantType> types{{"q8_0", QuantType::kQ8_0}, {"q5_1", QuantType::kQ5_1},
                                                      {"q5_0", QuantType::kQ5_0}, {"q4_1", QuantType::kQ4_1},
                                                      {"q4_0", QuantType::kQ4_0}, {"f16", QuantType::kF16}};
  const auto type = types.find(arguments.type);
  if (type == types.end()) {
    return report(fail(ErrorCode::kInvalidArgument, "--type " + arguments.type + " cannot be written",
                       "q8_0, q5_1, q5_0, q4_1 and q4_0 can; f16 too, to measure by"),
                  kExitUsage);
  }
  const Result<std::string> source = resolve_model(arguments.names.front(), arguments.folder);
  if (!source.ok()) return report(source.error(), kExitModel);
  const std::string& target = arguments.names.back();
  const SystemClock clock;
  const Result<QuantizeReport> done =
      quantize_model(*source, target, {type->second, arguments.force, arguments.quiet}, clock);
  if (!done.ok()) return report(done.error(), exit_code_of(done.error()));
  if (arguments.json) {
    const boost::json::object out{{"file", target},
                                  {"type", arguments.type},
                                  {"bytes", done->target_bytes},
                                  {"source_bytes", done->source_bytes},
                                  {"tensors_quantized", done->tensors_quantized},
                                  {"tensors_kept", done->tensors_kept},
                                  {"seconds", done->seconds}};
    std::printf("%s\n", boost::json::serialize(out).c_str());
  } else {
    std::printf("%s: %.1f MB, was %.1f MB; %d tensors in %s, %d kept; %.1f s\n", target.c_str(),
                static_cast<double>(done->target_bytes) / 1e6, static_cast<double>(done->source_bytes) / 1e6,
                done->tensors_quantized, arguments.type.c_str(), done->tensors_kept, done->seconds);
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
  CLI::App* info = add("info", "What a model file holds", describe);
  info->add_option("model", arguments->names, "Catalogue name or GGUF file")->required()->expected(1);
  info->add_flag("--json", arguments->json, "As JSON");
  CLI::App* quantized = add("quantize", "Write a smaller file of a model with float weights", quantize);
  quantized->add_option("files", arguments->names, "Source (catalogue name or GGUF file), then the file to write")
      ->required()
      ->expected(2);
  quantized->add_option("--type", arguments->type, "Type of the matrices: q8_0, q5_1, q5_0, q4_1, q4_0")->required();
  quantized->add_flag("--force", arguments->force, "Replace the target; take a source that is quantised already");
  quantized->add_flag("--quiet", arguments->quiet, "No progress bar");
  quantized->add_flag("--json", arguments->json, "As JSON");
}

}  // namespace mnema
