// memory/import/import_rows_store.hpp
//
// The objects of an export as rows. The writing counterpart is memory/export/export_rows_store.hpp.
//
// Threads: inside a unit of work.
#pragma once

#include <boost/json/object.hpp>
#include <functional>
#include <string>
#include <vector>

#include "memory/erase/holding.hpp"
#include "memory/semantic/fact.hpp"
#include "memory/text_terms.hpp"
#include "memory/vector_store.hpp"
#include "runtime/store/database.hpp"

namespace mnema::import_rows_store {

struct Context {
  std::string tenant;
  const TermMaker& terms;
  FactLimits facts;
  ImportLimits limits;
  std::int64_t tag = 0;  // random, for the log of vectors
  std::string embedder;  // that runs here; no other's vectors are taken
  int dimensions = 0;  // of its vectors; 0: none runs, and those of the embedder that the folder has some of are taken
  std::vector<vector_store::VectorRow> added;  // that the index is to be told
};

/// Stores one object of an export. False: it was there. Errors: `kInvalidArgument` (a member is missing or wrong),
/// `kFailedPrecondition` (something else is there), `kUnsupported` (of a kind that nobody here knows).
[[nodiscard]] Result<bool> store(Transaction& transaction, const boost::json::object& object, Context& context);

/// Runs `act` so that, if it fails, it has done nothing and what was done before it stays.
template <class T>
[[nodiscard]] Result<T> alone(Transaction& transaction, const std::function<Result<T>()>& act) {
  RETURN_IF_ERROR(transaction.connection().execute("SAVEPOINT line"));
  Result<T> done = act();
  RETURN_IF_ERROR(transaction.connection().execute(done.ok() ? "RELEASE line" : "ROLLBACK TO line; RELEASE line"));
  return done;
}

}  // namespace mnema::import_rows_store
