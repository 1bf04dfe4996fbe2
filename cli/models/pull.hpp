// cli/models/pull.hpp
//
// Brings a model's files into the cache, checked by SHA-256 (of `hf:` files the one that the hub tells, or at least
// their size). A file that is there and right is not fetched again, so a second run for a catalogue model needs no
// network. A file appears under its name only when it is whole and right; a partial one (`FILE.part`) is gone on with
// where a digest can say that its parts belong together.
//
// Threads: blocks the caller. Two processes pulling the same model wait for each other (a lock file).
#pragma once

#include <string>

#include "inference/loading/catalogue.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct PullOptions {
  std::string folder;      // the models folder
  int answer_seconds = 4;  // how long a source may take to answer before the next is tried
  bool quiet = false;      // no progress bar
};

/// Pulls a catalogue model, or `hf:ORG/REPO:FILE`. Returns the path of the first file.
/// Errors: `kNotFound` (unknown name), `kUnavailable` (no source answers; each one's reason is named), `kCorrupt`
/// (every source's file had another digest; nothing was kept).
[[nodiscard]] Result<std::string> pull_model(const std::string& name, const PullOptions& options, const Clock& clock);

}  // namespace mnema
