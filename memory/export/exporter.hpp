// memory/export/exporter.hpp
//
// What memory holds of a scope, as lines of JSON (NDJSON) that an import understands (memory/import/importer.hpp):
//
//   {"mnema_memory_export":1,"tenant":"local"}                   the format, and whose it is
//   {"type":"document","scope":{…},"uri":…,"content_hash":…,…}   then its chunks, {"type":"chunk",…}
//   {"type":"folders","scope":{…},"row":{…}}                     a row of a table that has no line of its own
//   {"type":"episode","id":17,"scope":{…},"thread":…,"sequence":3,…,"claims":[…]}   thread by thread, in order
//   {"type":"place","thread":…,"sequence":4,…}                   of an episode that was erased, or is not exported: its
//                                                                hashes, so that the chain still verifies
//   {"type":"chat_turn","thread":…,…}
//   {"end":true,"lines":123}                                     so that a file that was cut off is noticed
//
// The same rows give the same bytes: nothing in the file depends on when or where it was written. Facts are not in it,
// they follow from claims; nor words, which follow from texts. Vectors are, where they are asked for; without, the
// importing side makes its own. Exported is one state of the file, however long it takes.
//
// Threads: inside Database::read, on its thread.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <string>

#include "runtime/base/scope.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

inline constexpr int kExportFormat = 1;

struct ExportOptions {
  Scope scope;  // what has all its names; the tenant is named
  bool vectors = false;
};
struct ExportCounts {
  std::map<std::string, std::int64_t> lines;  // by type
  std::int64_t bytes = 0;
};

/// Calls `put` with each line, its end included. Errors: `kNotFound` (no such tenant), those of `put`, `kStorage`.
[[nodiscard]] Result<ExportCounts> export_memory(Transaction& transaction, const ExportOptions& options,
                                                 const std::function<Status(const std::string& line)>& put);

}  // namespace mnema
