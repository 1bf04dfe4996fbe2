// memory/consolidation/job_store.hpp
//
// How far each job of consolidation has read the log of episodes. A watermark moves in the unit of work that writes
// what was made of the episodes up to it, and only from where the job had read it: a job that was overtaken, or killed,
// has done nothing.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::job_store {

struct Watermark {
  int version = 0;  // of what the job makes of an episode; 0: it never ran
  EntryId entry = 0;

  bool operator==(const Watermark&) const = default;
};
[[nodiscard]] Result<Watermark> watermark(Transaction& transaction, const std::string& job);

/// Errors: `kAborted`, retryable (it is not `from` any more).
[[nodiscard]] Status move(Transaction& transaction, const std::string& job, const Watermark& from, const Watermark& to);

struct LoggedEpisode {
  EntryId id = 0;
  ScopeId scope = 0;
  Episode episode;  // its scope is left empty
};
/// The first `count_max` episodes behind `after`, in the order in which they were written.
[[nodiscard]] Result<std::vector<LoggedEpisode>> episodes_behind(Transaction& transaction, EntryId after,
                                                                 int count_max);
/// Whether the episode was not erased.
[[nodiscard]] Result<bool> is_there(Transaction& transaction, EntryId entry);
/// How many are behind `after`.
[[nodiscard]] Result<std::int64_t> count_behind(Transaction& transaction, EntryId after);

}  // namespace mnema::job_store
