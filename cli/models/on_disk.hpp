// cli/models/on_disk.hpp
//
// What of a catalogue model lies in the models folder, and whether it is right. A file's digest is computed when it is
// stored; an empty file `FILE.sha256-XXXX` beside it says so, so that a start does not read half a gigabyte.
//
// Threads: any; two processes writing the same model lock its folder (pull.hpp).
#pragma once

#include <string>

#include "inference/loading/catalogue.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

enum class OnDisk { kNothing, kPart, kWhole };

/// Judged by names and sizes alone. kPart: some file is missing or has another size.
[[nodiscard]] OnDisk on_disk(const CatalogueModel& model, const std::string& folder);

/// Is the file at `path` of the right size and marked as checked?
[[nodiscard]] bool is_marked_good(const std::string& path, const CatalogueFile& file);
void mark_good(const std::string& path, const std::string& sha256);

/// Errors: `kCorrupt` with both digests, `kNotFound`.
[[nodiscard]] Status check_digest(const std::string& path, const std::string& sha256);

/// Reads every file of a model and compares. A file that is not right loses its mark, so that the next pull fetches it
/// again. Errors: `kNotFound` (a file is missing), `kCorrupt` (cut short, or another digest), naming file and remedy.
[[nodiscard]] Status verify_model(const CatalogueModel& model, const std::string& folder);

}  // namespace mnema
