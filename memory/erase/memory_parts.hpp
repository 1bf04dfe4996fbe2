// memory/erase/memory_parts.hpp
//
// Where memory itself holds what is to be erased, as parts of an eraser:
//
//   memory       rows: each holding of each scope, entry by entry, then threads and scopes that are empty now
//   words        the text index: what was removed stays in its segments until they are merged
//   index files  vectors: files go, the index is made again from the rows, and written
//   log          of the database: copied into the file, whose free pages are zeroed (secure_delete), and cut
//
// Threads:   as erase_part.hpp says.
// Ownership: the parts borrow the database, and share the rest.
#pragma once

#include <functional>
#include <vector>

#include "memory/erase/erase_part.hpp"
#include "memory/followers.hpp"
#include "memory/procedural/procedure.hpp"
#include "memory/semantic/fact.hpp"

namespace mnema {

struct MemoryPartsOf {
  Database& database;
  Executor& background;  // where an index is made again
  Followers followers;
  FactLimits facts;
  ProcedureLimits procedures;
  std::function<std::int64_t()> draw_tag;
};

/// In their order; those of others come before them.
[[nodiscard]] std::vector<ErasePart> memory_parts(MemoryPartsOf of);

}  // namespace mnema
