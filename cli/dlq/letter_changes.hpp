// cli/dlq/letter_changes.hpp
//
// Who makes a change to dead letters: this process, which then has the data folder to itself, or the server that has it
// in use, by its admin routes. The change and its errors are the same.
//
// Threads: confined to one; every method waits.
#pragma once

#include <memory>
#include <string>

#include "runtime/base/limits.hpp"
#include "runtime/events/dead_letters.hpp"

namespace mnema {

class LetterChanges {
 public:
  virtual ~LetterChanges() = default;
  /// Errors: those of DeadLetters; of a server also `kUnavailable` (it does not answer: nothing was changed),
  /// `kInDoubt` (it ended before it answered).
  [[nodiscard]] virtual Status redrive(const DeadLetterId& id, const Redrive& how) = 0;
  [[nodiscard]] virtual Status drop(const DeadLetterId& id) = 0;
  /// One page of what fits; likewise.
  [[nodiscard]] virtual Result<BulkChange> redrive_all(const DeadLetterFilter& filter, const DeadLetterId& after,
                                                       int count, const Redrive& how) = 0;
  [[nodiscard]] virtual Result<BulkChange> drop_all(const DeadLetterFilter& filter, const DeadLetterId& after,
                                                    int count) = 0;
};

/// For the data folder `folder`, whose file is there. Errors: those of Database::open; `kFailedPrecondition` if the
/// folder is in use by a process that takes no commands.
[[nodiscard]] Result<std::unique_ptr<LetterChanges>> open_letter_changes(const std::string& folder,
                                                                         const Limits& limits);

}  // namespace mnema
