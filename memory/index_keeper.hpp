// memory/index_keeper.hpp
//
// Keeps one vector index per tenant in step with the rows. What is in a snapshot file is compared with the rows, label
// by label, when it is opened: missing ones are added, others removed; a file that is damaged, foreign or of another
// history is passed over and the index made from the rows. So a file can cost time, never a result.
//
// Threads:   `search` and the counts from any thread. `added` and `removed` from any thread, in the order of commits;
//            they are applied on a strand of the background executor. `save` from any thread; changes wait for it,
//            searches do not.
// Ownership: kept by shared_ptr: work in flight holds it.
// Invariant: with nothing in flight, index labels == vector rows, and the change that a snapshot names is in the log
//            (check_integrity)
#pragma once

#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "memory/vector/index.hpp"
#include "memory/vector_store.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class IndexKeeper : public std::enable_shared_from_this<IndexKeeper> {
 public:
  struct Options {
    std::string folder;  // of snapshots; empty: none
    std::string embedder;
    int dimensions = 0;  // 0: there is no embedder, and nothing is indexed
    VectorIndex::Options index;
  };
  IndexKeeper(Options options, Executor& background) : options_(std::move(options)), strand_(background) {}

  /// Brings every tenant's index in. Once, before anything else. Blocks. Errors: `kStorage`, `kCorrupt`,
  /// `kFailedPrecondition` (the embedder is known with other dimensions).
  [[nodiscard]] Status load(Transaction& transaction);
  void added(vector_store::VectorRow row);
  void removed(TenantId tenant, std::vector<VectorLabel> labels);
  /// Runs `then` when all that was announced before has been applied.
  void when_applied(std::function<void()> then) { strand_.post(std::move(then)); }
  /// Writes a snapshot of each index that has changed. Blocks; not inside Database::read. `at_step` as in
  /// write_snapshot. Errors: `kStorage`; what could not be written is written the next time.
  [[nodiscard]] Status save(Database& database, const std::function<void(std::string_view step)>& at_step = {});

  /// Of vectors that were removed, nothing stays in the tenant's index or its files: the files go, the index is made
  /// again from the rows, and written. Blocks, changes wait for it; searches do not. Errors: `kStorage`, `kCorrupt`.
  [[nodiscard]] Status renew(Database& database, TenantId tenant);

  /// For each tenant with a snapshot that fits its rows: the last change that is in it. Older ones are needed no more;
  /// without a folder of snapshots none is that was there before `load`.
  [[nodiscard]] std::map<TenantId, std::int64_t> snapshot_changes() const;

  [[nodiscard]] VectorIndex::Found search(TenantId tenant, std::span<const float> query, std::size_t count,
                                          const VectorFilter& filter) const;
  [[nodiscard]] std::vector<std::optional<float>> similarities(TenantId tenant, std::span<const float> query,
                                                               std::span<const VectorLabel> labels,
                                                               const VectorFilter& filter) const;
  [[nodiscard]] const std::string& embedder() const { return options_.embedder; }
  [[nodiscard]] int dimensions() const { return options_.dimensions; }
  [[nodiscard]] int rebuilds() const { return rebuilds_; }
  [[nodiscard]] std::int64_t memory_bytes() const;
  /// The tenant's index has the vectors that its rows have, or is about to: those of the last moment are on their way.
  /// Errors: `kCorrupt`.
  [[nodiscard]] Status check_tenant(Transaction& transaction, TenantId tenant) const;
  /// With nothing in flight. Errors: `kCorrupt`.
  [[nodiscard]] Status check_integrity(Transaction& transaction) const;

 private:
  using Index = std::shared_ptr<VectorIndex>;
  [[nodiscard]] Index find(TenantId tenant) const;  // null: none
  [[nodiscard]] Index find_or_make(TenantId tenant);
  [[nodiscard]] std::string path_of(TenantId tenant) const;
  [[nodiscard]] Status remove_files(TenantId tenant) const;
  [[nodiscard]] Result<Index> open(Transaction& transaction, TenantId tenant, std::int64_t embedder);
  [[nodiscard]] Status add_row(VectorIndex& index, const vector_store::VectorRow& row) const;
  void upkeep(TenantId tenant);
  void upkeep_later(TenantId tenant);

  const Options options_;
  Strand strand_;
  int rebuilds_ = 0;                  // set by load
  std::string database_id_;           // set by load
  std::mutex changing_;               // held by whoever changes an index or writes it to a file; taken before mutex_
  std::set<TenantId> upkeep_posted_;  // under changing_
  mutable std::mutex mutex_;          // guards all below
  std::map<TenantId, Index> indexes_;
  std::map<TenantId, bool> changed_;                   // since the last snapshot
  std::map<TenantId, std::int64_t> snapshot_changes_;  // see snapshot_changes()
};

}  // namespace mnema
