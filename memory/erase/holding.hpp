// memory/erase/holding.hpp
//
// What each table of memory holds of a scope, so that nothing is forgotten where a scope is erased, counted, exported
// or imported. Every table stands in exactly one holding (memory/erase_holdings.cpp lists them); a test walks the
// schema of a data file and fails for one that does not, so whoever adds a table says here what becomes of its rows.
//
//   A table with a column scope_id and nothing of its own to keep in step is one line: scoped_table(...).
//   A table that holds nothing of anybody says why: holds_nothing(...).
//
// Threads: each function inside a unit of work; `count` and `write` also inside Database::read.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "memory/blocks/block.hpp"
#include "memory/procedural/procedure.hpp"
#include "memory/record.hpp"
#include "memory/scope_store.hpp"
#include "memory/semantic/fact.hpp"
#include "memory/vector/codec.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// What an erasing function works with, and what it leaves to its caller.
struct EraseContext {
  std::int64_t tag = 0;  // random, for the log of vectors
  FactLimits facts;
  ProcedureLimits procedures;
  std::vector<VectorLabel> removed;  // labels of vectors that went: the index is to forget them
  bool is_part = false;              // what `erase` erased is a part of a row that is counted when all of it has gone
};

/// The bounds of what a reading function stores.
struct ImportLimits {
  BlockLimits blocks;
};

struct Holding {
  std::string name;                 // in receipts, and as "type" in exports: "episodes", "procedures"
  std::vector<std::string> tables;  // a name that ends with '*' stands for all that begin so

  /// Rows of exactly this scope.
  std::function<Result<std::int64_t>(Transaction&, const ScopeKey&)> count = {};
  /// Erases about `rows_max` rows of exactly this scope. Returns how many; 0: none is left. After it, every invariant
  /// of memory holds: derived rows are made again, what lay behind is put in order.
  std::function<Result<int>(Transaction&, const ScopeKey&, int rows_max, EraseContext&)> erase = {};
  /// An entry of this scope goes: what is held because of it goes, or is made again without it. Returns how many rows.
  std::function<Result<int>(Transaction&, const ScopeKey&, EntryId, EraseContext&)> erase_entry = {};
  /// The rows of exactly this scope, in an order that depends on nothing else, as objects that `read` understands.
  std::function<Status(Transaction&, const ScopeKey&, const std::function<void(boost::json::object)>& put)> write = {};
  /// Stores what `write` has put. False: it was there already. Errors: `kInvalidArgument` (it is no such object).
  std::function<Result<bool>(Transaction&, const ScopeKey&, const boost::json::object&, const ImportLimits&)> read = {};
};

/// A table whose rows belong to the scope in their column `scope_id` and to nothing else. `key`: its primary key's
/// columns, without scope_id where that is one of them: "name, version"; where that is a number that the table gives,
/// the columns that tell a row from others of its scope. `given`: such numbers, which mean nothing elsewhere.
[[nodiscard]] Holding scoped_table(std::string name, std::string table, std::string key,
                                   std::vector<std::string> given = {});

/// Tables without anybody's data.
[[nodiscard]] Holding holds_nothing(std::string why, std::vector<std::string> tables);

}  // namespace mnema
