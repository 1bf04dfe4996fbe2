#include "memory/index_keeper.hpp"

#include <algorithm>
#include <filesystem>

#include "memory/vector/snapshot_file.hpp"
#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kUpkeepInserts = 64;  // a few milliseconds

}  // namespace

Status IndexKeeper::load(Transaction& transaction) {
  ASSIGN_OR_RETURN(database_id_, vector_store::database_id(transaction));
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> embedder,
                   vector_store::find_embedder(transaction, options_.embedder, options_.dimensions));
  if (!embedder) return {};
  ASSIGN_OR_RETURN(const std::vector<TenantId> tenants, vector_store::tenants(transaction));
  for (const TenantId tenant : tenants) {
    ASSIGN_OR_RETURN(Index index, open(transaction, tenant, *embedder));
    {
      const std::scoped_lock lock(mutex_);
      indexes_[tenant] = std::move(index);
    }
    // An index that was made again is one long list until its graph is.
    const std::scoped_lock changing(changing_);
    upkeep_later(tenant);
  }
  return {};
}

Result<IndexKeeper::Index> IndexKeeper::open(Transaction& transaction, TenantId tenant, std::int64_t embedder) {
  Index index;
  if (!options_.folder.empty()) {
    Result<Snapshot> snapshot = read_snapshot(path_of(tenant), options_.index);
    if (snapshot.ok()) {
      const SnapshotHeader& header = snapshot->header;
      ASSIGN_OR_RETURN(const vector_store::Change change,
                       vector_store::last_change(transaction, tenant, embedder, header.last_change));
      if (header.database_id == database_id_ && header.embedder_id == options_.embedder && header.tenant == tenant &&
          header.dimensions == options_.dimensions && change.id == header.last_change &&
          change.tag == header.change_tag) {
        index = std::move(snapshot->index);
        const std::scoped_lock lock(mutex_);
        snapshot_changes_[tenant] = header.last_change;
      } else {
        log_warning("memory", "index file is of other rows; made again", {{"file", path_of(tenant)}});
      }
    } else if (snapshot.error().code != ErrorCode::kNotFound) {
      log_warning("memory", "index file is not used; made again",
                  {{"file", path_of(tenant)}, {"because", snapshot.error().message}});
    }
  }
  if (options_.folder.empty()) {
    // There will be no file to compare with: the whole log is needed no more.
    ASSIGN_OR_RETURN(const vector_store::Change last,
                     vector_store::last_change(transaction, tenant, embedder, INT64_MAX));
    const std::scoped_lock lock(mutex_);
    snapshot_changes_[tenant] = last.id;
  }
  ASSIGN_OR_RETURN(const std::vector<VectorLabel> rows, vector_store::labels(transaction, tenant, embedder));
  const bool made_again = index == nullptr;
  if (made_again) {
    index = std::make_shared<VectorIndex>(VectorCodec(options_.dimensions), options_.index);
    if (!rows.empty()) ++rebuilds_;
    Status added;
    RETURN_IF_ERROR(vector_store::each_vector(transaction, tenant, embedder, [&](const vector_store::VectorRow& row) {
      if (added.ok()) added = add_row(*index, row);
    }));
    RETURN_IF_ERROR(added);
    changed_[tenant] = !rows.empty();
    return index;
  }
  const std::vector<VectorLabel> inside = index->labels();
  std::vector<VectorLabel> missing;
  std::vector<VectorLabel> gone;
  std::set_difference(rows.begin(), rows.end(), inside.begin(), inside.end(), std::back_inserter(missing));
  std::set_difference(inside.begin(), inside.end(), rows.begin(), rows.end(), std::back_inserter(gone));
  for (const VectorLabel label : gone) (void)index->remove(label);
  for (const VectorLabel label : missing) {
    ASSIGN_OR_RETURN(const std::optional<vector_store::VectorRow> row, vector_store::find(transaction, label));
    if (row) RETURN_IF_ERROR(add_row(*index, *row));
  }
  changed_[tenant] = !missing.empty() || !gone.empty();
  return index;
}

Status IndexKeeper::add_row(VectorIndex& index, const vector_store::VectorRow& row) const {
  if (row.vector.size() != static_cast<std::size_t>(options_.dimensions)) {
    return fail(ErrorCode::kCorrupt,
                "vector " + std::to_string(row.label) + " of the data file has " + std::to_string(row.vector.size()) +
                    " dimensions, its embedder gives " + std::to_string(options_.dimensions),
                "restore a backup");
  }
  index.add(row.label, static_cast<VectorGroup>(row.scope), row.vector);
  return {};
}

void IndexKeeper::added(vector_store::VectorRow row) {
  strand_.post([self = shared_from_this(), row = std::move(row)] {
    const std::scoped_lock changing(self->changing_);
    const Status added = self->add_row(*self->find_or_make(row.tenant), row);
    CHECK(added.ok(), "only vectors of the embedder's dimensions are stored");
    self->upkeep_later(row.tenant);
  });
}

void IndexKeeper::removed(TenantId tenant, std::vector<VectorLabel> labels) {
  if (labels.empty() || options_.dimensions == 0) return;
  strand_.post([self = shared_from_this(), tenant, labels = std::move(labels)] {
    const std::scoped_lock changing(self->changing_);
    const Index index = self->find_or_make(tenant);
    for (const VectorLabel label : labels) (void)index->remove(label);
    self->upkeep_later(tenant);
  });
}

void IndexKeeper::upkeep_later(TenantId tenant) {
  const Index index = find(tenant);
  if (!index || !index->upkeep_due() || !upkeep_posted_.insert(tenant).second) return;
  strand_.post([self = shared_from_this(), tenant] { self->upkeep(tenant); });
}

void IndexKeeper::upkeep(TenantId tenant) {
  const std::scoped_lock changing(changing_);
  upkeep_posted_.erase(tenant);
  find_or_make(tenant)->upkeep(kUpkeepInserts);
  upkeep_later(tenant);
}

IndexKeeper::Index IndexKeeper::find(TenantId tenant) const {
  const std::scoped_lock lock(mutex_);
  const auto found = indexes_.find(tenant);
  return found == indexes_.end() ? nullptr : found->second;
}

IndexKeeper::Index IndexKeeper::find_or_make(TenantId tenant) {
  const std::scoped_lock lock(mutex_);
  changed_[tenant] = true;
  Index& index = indexes_[tenant];
  if (!index) index = std::make_shared<VectorIndex>(VectorCodec(options_.dimensions), options_.index);
  return index;
}

std::string IndexKeeper::path_of(TenantId tenant) const {
  return options_.folder + "/tenant-" + std::to_string(tenant) + ".vectors";
}

Status IndexKeeper::save(Database& database, const std::function<void(std::string_view)>& at_step) {
  if (options_.folder.empty()) return {};
  std::error_code error;
  std::filesystem::create_directories(options_.folder, error);
  if (error) {
    return fail(ErrorCode::kStorage, "cannot make the index folder " + options_.folder + ": " + error.message());
  }
  const std::scoped_lock changing(changing_);
  std::map<TenantId, Index> due;
  {
    const std::scoped_lock lock(mutex_);
    for (const auto& [tenant, changed] : changed_) {
      if (changed && indexes_.count(tenant) != 0) due[tenant] = indexes_[tenant];
    }
  }
  for (const auto& [tenant, index] : due) {
    // Read while nothing is applied, so that this change is not older than anything inside the index: whoever finds
    // the same change in the rows later knows every label of the file to be of the same history. Rows that are newer
    // than the index are missing labels to the reader, which it adds.
    const auto change =
        database.read<vector_store::Change>([&, of = tenant](Transaction& transaction) -> Result<vector_store::Change> {
          ASSIGN_OR_RETURN(const auto embedder,
                           vector_store::find_embedder(transaction, options_.embedder, options_.dimensions));
          if (!embedder) return vector_store::Change{};
          return vector_store::last_change(transaction, of, *embedder, INT64_MAX);
        });
    if (!change.ok()) return change.error();
    const SnapshotHeader header{database_id_, options_.embedder, tenant,       options_.dimensions,
                                change->id,   change->tag,       index->size()};
    RETURN_IF_ERROR(write_snapshot(path_of(tenant), header, *index, at_step));
    const std::scoped_lock lock(mutex_);
    changed_[tenant] = false;
    snapshot_changes_[tenant] = header.last_change;
  }
  return {};
}

Status IndexKeeper::remove_files(TenantId tenant) const {
  std::error_code error;
  const std::string prefix = std::filesystem::path(path_of(tenant)).stem().string() + ".";
  for (const auto& file : std::filesystem::directory_iterator(options_.folder, error)) {
    if (!file.path().filename().string().starts_with(prefix)) continue;
    std::error_code failed;
    std::filesystem::remove(file.path(), failed);
    if (failed) {
      return fail(ErrorCode::kStorage, "cannot remove " + file.path().string() + ": " + failed.message(),
                  "remove it by hand: it holds vectors that are to go");
    }
  }
  return {};
}

Status IndexKeeper::renew(Database& database, TenantId tenant) {
  {
    const std::scoped_lock changing(changing_);
    if (!options_.folder.empty()) RETURN_IF_ERROR(remove_files(tenant));
    if (options_.dimensions == 0) return {};
    const auto made = database.read<Index>([&](Transaction& transaction) -> Result<Index> {
      auto index = std::make_shared<VectorIndex>(VectorCodec(options_.dimensions), options_.index);
      ASSIGN_OR_RETURN(const auto embedder,
                       vector_store::find_embedder(transaction, options_.embedder, options_.dimensions));
      if (!embedder) return index;
      Status added;
      RETURN_IF_ERROR(
          vector_store::each_vector(transaction, tenant, *embedder, [&](const vector_store::VectorRow& row) {
            if (added.ok()) added = add_row(*index, row);
          }));
      RETURN_IF_ERROR(added);
      return index;
    });
    if (!made.ok()) return made.error();
    {
      const std::scoped_lock lock(mutex_);
      indexes_[tenant] = *made;
      changed_[tenant] = true;
      snapshot_changes_.erase(tenant);
    }
    upkeep_later(tenant);
  }
  return save(database);
}

std::map<TenantId, std::int64_t> IndexKeeper::snapshot_changes() const {
  const std::scoped_lock lock(mutex_);
  return snapshot_changes_;
}

VectorIndex::Found IndexKeeper::search(TenantId tenant, std::span<const float> query, std::size_t count,
                                       const VectorFilter& filter) const {
  const Index index = find(tenant);
  return index ? index->search(query, count, filter) : VectorIndex::Found{};
}

std::vector<std::optional<float>> IndexKeeper::similarities(TenantId tenant, std::span<const float> query,
                                                            std::span<const VectorLabel> labels,
                                                            const VectorFilter& filter) const {
  const Index index = find(tenant);
  return index ? index->similarities(query, labels, filter) : std::vector<std::optional<float>>(labels.size());
}

std::int64_t IndexKeeper::memory_bytes() const {
  const std::scoped_lock lock(mutex_);
  std::int64_t bytes = 0;
  for (const auto& [tenant, index] : indexes_) bytes += static_cast<std::int64_t>(index->memory_bytes());
  return bytes;
}

Status IndexKeeper::check_tenant(Transaction& transaction, TenantId tenant) const {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> embedder,
                   vector_store::find_embedder(transaction, options_.embedder, options_.dimensions));
  if (!embedder) return {};
  ASSIGN_OR_RETURN(const std::vector<VectorLabel> rows, vector_store::labels(transaction, tenant, *embedder));
  const Index index = find(tenant);
  const std::vector<VectorLabel> inside = index ? index->labels() : std::vector<VectorLabel>();
  if (index) index->check_integrity();
  if (inside == rows) return {};
  return fail(ErrorCode::kCorrupt, "the index of tenant " + std::to_string(tenant) + " has " +
                                       std::to_string(inside.size()) + " vectors, the rows have " +
                                       std::to_string(rows.size()));
}

Status IndexKeeper::check_integrity(Transaction& transaction) const {
  ASSIGN_OR_RETURN(const std::optional<std::int64_t> embedder,
                   vector_store::find_embedder(transaction, options_.embedder, options_.dimensions));
  if (!embedder) return {};
  ASSIGN_OR_RETURN(const std::vector<TenantId> tenants, vector_store::tenants(transaction));
  for (const TenantId tenant : tenants) RETURN_IF_ERROR(check_tenant(transaction, tenant));
  for (const auto& [tenant, change] : snapshot_changes()) {
    ASSIGN_OR_RETURN(const vector_store::Change logged,
                     vector_store::last_change(transaction, tenant, *embedder, change));
    if (logged.id != change) {
      return fail(ErrorCode::kCorrupt, "change " + std::to_string(change) + " of tenant " + std::to_string(tenant) +
                                           " is not in the log, and a snapshot is compared with it");
    }
  }
  return {};
}

}  // namespace mnema
