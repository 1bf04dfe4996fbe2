#include "cli/data_folder.hpp"

#include <filesystem>

namespace mnema {

int with_data_folder(const std::string& config, const std::string& data,
                     const std::function<int(const DataFolder&)>& act) {
  DataFolder folder;
  if (!config.empty()) {
    Result<Config> loaded = load_config(config);
    if (!loaded.ok()) return report(loaded.error(), kExitConfig);
    folder.config = std::move(*loaded);
  }
  folder.path = data.empty() ? folder.config.server.data : data;
  folder.file = folder.path + "/mnema.db";
  std::error_code error;
  if (std::filesystem::exists(folder.file, error)) return act(folder);
  return report(fail(ErrorCode::kNotFound, "there is no '" + folder.file + "'",
                     "name the data folder with --data DIR, or the configuration that does with --config FILE"),
                kExitUsage);
}

ExitCode exit_code_in_folder(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kNotFound:
      return kExitUsage;
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kStorage:
    case ErrorCode::kCorrupt:
    case ErrorCode::kPermissionDenied:
    case ErrorCode::kUnavailable:  // who has the folder in use does not answer
      return kExitDatabase;
    default:
      return kExitFailed;
  }
}

}  // namespace mnema
