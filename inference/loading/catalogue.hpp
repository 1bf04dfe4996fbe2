// inference/loading/catalogue.hpp
//
// The models Mnema knows by name. The catalogue itself is data (configs/models.toml, built into the program); this is
// how it is read, and how a name or a path becomes files on disk. Nothing here touches the network: `mnema models
// pull` (cli/models/pull.hpp) does.
//
// Threads: immutable after the first call; any thread.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// One package of the mirror and the member of it that is the next part of the file.
struct MirrorPart {
  std::string package;  // "name==version"
  std::string member;   // path inside the package
};

struct CatalogueFile {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;              // lower-case hex; decides whether the file is right
  std::string home;                // "ORG/REPO:FILE" on the hub; may be empty
  std::vector<MirrorPart> mirror;  // joined in order; may be empty
};

struct CatalogueModel {
  std::string name;
  bool is_encoder = false;
  std::string about;
  std::string licence;
  std::vector<CatalogueFile> files;         // the first one is what is loaded
  std::optional<SamplingOptions> sampling;  // as its makers recommend; what the file itself says goes before
};

/// All models, by name.
[[nodiscard]] const std::vector<CatalogueModel>& catalogue();

/// The model of that name, or nullptr.
[[nodiscard]] const CatalogueModel* find_in_catalogue(std::string_view name);

/// Parses a catalogue text. Errors: `kInvalidArgument` with line. (The built-in one always parses; a test says so.)
[[nodiscard]] Result<std::vector<CatalogueModel>> parse_catalogue(std::string_view toml);

/// $MNEMA_MODELS, else $XDG_CACHE_HOME/mnema/models, else ~/.cache/mnema/models.
[[nodiscard]] std::string default_models_folder();

/// Where a model's file lies: `FOLDER/NAME/FILE`.
[[nodiscard]] std::string path_in_folder(const std::string& folder, const CatalogueModel& model,
                                         const CatalogueFile& file);

/// What clients call a model that is given by catalogue name or path: the catalogue's name, else the file's or folder's
/// without its ending.
[[nodiscard]] std::string client_name(const std::string& name_or_path);

/// The path of a decoder or encoder given by catalogue name, by `hub/ORG/REPO/FILE` as pulled, or by path (a GGUF
/// file, or an encoder's folder). Errors: `kNotFound` with what to run.
[[nodiscard]] Result<std::string> resolve_model(const std::string& name_or_path, const std::string& folder);

}  // namespace mnema
