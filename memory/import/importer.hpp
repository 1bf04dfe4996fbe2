// memory/import/importer.hpp
//
// Takes the lines of an export (memory/export/exporter.hpp) into memory, in units of work of a few lines, while
// everything else goes on. What is there already is passed over and counted, so an import that was interrupted is
// begun again and ends as if it had not been. Ids are kept where they are free. A line that cannot be taken is refused
// by its number, alone; the lines beside it are taken.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows the database.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "memory/erase/holding.hpp"
#include "memory/followers.hpp"
#include "memory/import/import_report.hpp"
#include "memory/semantic/fact.hpp"
#include "memory/text_terms.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class Importer : public std::enable_shared_from_this<Importer> {
 public:
  Importer(Database& database, Executor& background, Followers followers, FactLimits facts, ImportLimits limits,
           TermMaker terms, std::function<std::int64_t()> draw_tag)
      : database_(database),
        strand_(background),
        followers_(std::move(followers)),
        facts_(facts),
        limits_(limits),
        terms_(std::move(terms)),
        draw_tag_(std::move(draw_tag)) {}

  /// Lines of one export, as far as they are here; the first and the last of a file are nothing to store, and may be
  /// among them. Errors: `kInvalidArgument` (no tenant), `kUnsupported`, `kCancelled`, `kStorage`; what was committed
  /// before an error stays.
  void take(std::string tenant, std::vector<ImportLine> lines, Executor& reply_to,
            std::function<void(Result<ImportReport>)> on_done);
  void close() { closed_ = true; }

 private:
  struct Taking;
  void next(const std::shared_ptr<Taking>& taking);
  [[nodiscard]] Result<ImportReport> unit(Transaction& transaction, const Taking& taking, std::size_t end);

  Database& database_;
  Strand strand_;
  const Followers followers_;
  const FactLimits facts_;
  const ImportLimits limits_;
  const TermMaker terms_;  // of units of work: one at a time
  const std::function<std::int64_t()> draw_tag_;
  std::atomic<bool> closed_ = false;
};

}  // namespace mnema
