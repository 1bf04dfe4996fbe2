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

#include "inference/model/encoder.hpp"
#include "inference/request.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// One package of the mirror and the member of it that is the next part of the file.
struct MirrorPart {
  std::string package;  // of PyPI "name==version", of Maven "group:artifact:version"
  std::string member;   // path inside the package
};

struct CatalogueFile {
  std::string name;
  std::int64_t bytes = 0;
  std::string sha256;              // lower-case hex; decides whether the file is right
  std::string home;                // "ORG/REPO:FILE" on the hub; may be empty
  std::vector<MirrorPart> mirror;  // joined in order; may be empty
};

/// How an encoder was trained to read texts and to make vectors of them.
struct EncoderProfile {
  Encoder::Options options;
  std::string question;  // put before a question; ends in a blank, so that the text's own tokens stay the same
  std::string passage;   // put before what is searched
};

struct CatalogueModel {
  std::string name;
  bool is_encoder = false;
  std::string about;
  std::string licence;
  std::vector<CatalogueFile> files;         // the first one is what is loaded
  std::optional<SamplingOptions> sampling;  // as its makers recommend; what the file itself says goes before
  EncoderProfile encoder;                   // of encoders
};

/// All models, by name.
[[nodiscard]] const std::vector<CatalogueModel>& catalogue();

/// The model of that name, or nullptr.
[[nodiscard]] const CatalogueModel* find_in_catalogue(std::string_view name);

/// One spelling for every file: "./x", "x" and "folder/../x" are the same model. A link keeps its own name, because
/// what lies beside it (an encoder's vocabulary) may be links too, to files that do not lie together.
[[nodiscard]] std::string one_spelling(const std::string& path);

/// How the encoder of that name or path reads texts: what the catalogue says of the name, or of the name of the folder
/// that the path leads to, whichever file in it is named; of others, the mean and no prefixes. So a copy of a model of
/// the catalogue is read as that model, under whatever path it is configured.
[[nodiscard]] EncoderProfile encoder_profile(const std::string& name_or_path);

/// Names model, pooling, prefixes and the version of our arithmetic. Vectors of different ids are never compared.
[[nodiscard]] std::string embedding_id(const std::string& name_or_path);

/// Parses a catalogue text. Errors: `kInvalidArgument` with line. (The built-in one always parses; a test says so.)
[[nodiscard]] Result<std::vector<CatalogueModel>> parse_catalogue(std::string_view toml);

/// $MNEMA_MODELS, else $XDG_CACHE_HOME/mnema/models, else ~/.cache/mnema/models.
[[nodiscard]] std::string default_models_folder();

/// Where a model's file lies: `FOLDER/NAME/FILE`.
[[nodiscard]] std::string path_in_folder(const std::string& folder, const CatalogueModel& model,
                                         const CatalogueFile& file);

/// What clients call a model that is given by catalogue name or path: the catalogue's name, else the folder's, or the
/// weights file's without its ending.
[[nodiscard]] std::string client_name(const std::string& name_or_path);

/// The path of a decoder or encoder given by catalogue name, by `hub/ORG/REPO/FILE` as pulled, or by path (a GGUF
/// file; an encoder's folder or weights). Errors: `kNotFound` with what to run.
[[nodiscard]] Result<std::string> resolve_model(const std::string& name_or_path, const std::string& folder);

}  // namespace mnema
