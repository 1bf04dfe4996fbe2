// memory/erase/erase_part.hpp
//
// One place that may hold what is to be erased: memory's rows, its words, its index files; what agents add to them
// (agents/erase/), the log of the database last. A part has `rows`, `slices` or `elsewhere`.
//
// Threads: `rows` inside a unit of work, `count` inside Database::read; `slices` and `elsewhere` on the eraser's
//          strand, and their answers on the executor they are given.
#pragma once

#include <functional>
#include <string>

#include "memory/erase/erasure.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct ErasePart {
  /// What one unit of work did.
  struct Step {
    EraseCounts counts;
    std::int64_t cursor = 0;  // for the next one
    bool done = false;        // nothing is left that can be erased now
    std::string waits_for;    // what cannot be, a sentence; the parts are then gone through again
  };

  /// Enters rows in the receipt, inside the unit of work that erases them.
  using CountIn = std::function<Status(Transaction&, const EraseCounts&)>;

  std::string name;
  /// Erases about `rows_max` rows. Called again with the cursor of the step before (0 at first) until it is done.
  std::function<Result<Step>(Transaction&, const EraseTarget&, std::int64_t cursor, int rows_max)> rows = {};
  /// The same by a part that has its own units of work.
  std::function<void(const EraseTarget&, std::int64_t cursor, int rows_max, CountIn count_in, Executor& reply_to,
                     std::function<void(Result<Step>)> on_done)>
      slices = {};
  /// What is no row. Answers what it waits for; "": done.
  std::function<void(const EraseTarget&, Executor& reply_to, std::function<void(Result<std::string>)> on_done)>
      elsewhere = {};
  /// Goes on only where a part before it has erased something, or may have before a crash.
  bool only_after_rows = false;
  /// How many rows would go.
  std::function<Result<EraseCounts>(Transaction&, const EraseTarget&)> count = {};
};

}  // namespace mnema
