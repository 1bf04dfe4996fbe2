// memory/change_trimmer.hpp
//
// Bounds the log of vectors' changes. A snapshot is compared with the one change that it names, so what is older is
// deleted once the snapshot is on disk: in slices, in the background, so that no turn's commit waits for it. A crash
// between a snapshot and its trimming leaves rows that the next start trims.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows the database.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <utility>

#include "memory/embedder.hpp"
#include "memory/index_keeper.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class ChangeTrimmer : public std::enable_shared_from_this<ChangeTrimmer> {
 public:
  /// `rows_max`: deleted in one unit of work.
  ChangeTrimmer(Database& database, const Embedder& embedder, std::shared_ptr<IndexKeeper> index, Executor& background,
                int rows_max)
      : database_(database),
        embedder_(embedder.id()),
        dimensions_(embedder.dimensions()),
        index_(std::move(index)),
        strand_(background),
        rows_max_(rows_max) {}

  /// There may be a snapshot that was not there before.
  void wake();
  /// Nothing starts any more, from now on.
  void close() { closed_ = true; }

 private:
  void trim();

  Database& database_;
  const std::string embedder_;
  const int dimensions_;
  const std::shared_ptr<IndexKeeper> index_;
  Strand strand_;
  const int rows_max_;
  std::atomic<bool> closed_ = false;
  // of the strand
  bool busy_ = false;
  std::map<TenantId, std::int64_t> due_;      // by tenant: the change to trim before
  std::map<TenantId, std::int64_t> trimmed_;  // likewise, done
};

}  // namespace mnema
