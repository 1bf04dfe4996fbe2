#include "memory/erase_holdings.hpp"

#include "memory/erase/scope_rows_store.hpp"
#include "memory/learned_holdings.hpp"

namespace mnema {
namespace {

/// What says nothing in another data file.
Holding not_exported(Holding holding) {
  holding.write = nullptr;
  holding.read = nullptr;
  return holding;
}

}  // namespace

const std::vector<Holding>& holdings() {
  static const std::vector<Holding> all = {
      learned_holdings::task_runs(),
      learned_holdings::procedures(),
      learned_holdings::blocks(),
      scope_rows_store::facts(),
      scope_rows_store::documents(),
      scope_rows_store::episodes(),
      scoped_table("folders", "memory_folders", "path, name", {"folder_id"}),
      not_exported(scoped_table("folder_readings", "memory_folder_reads", "collection")),
      holds_nothing("names of tenants and embedders, and numbers",
                    {"memory_meta", "memory_tenants", "memory_embedders", "memory_jobs", "memory_vector_changes"}),
      holds_nothing("go with the last row that names them (erase/memory_parts.cpp)",
                    {"memory_scopes", "memory_threads", "memory_chat_turns"}),
      holds_nothing("are the receipts: names, and numbers of rows", {"memory_erasures"}),
  };
  return all;
}

}  // namespace mnema
