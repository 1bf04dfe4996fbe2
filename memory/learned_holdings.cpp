#include "memory/learned_holdings.hpp"

#include <algorithm>
#include <boost/json/array.hpp>

#include "memory/blocks/block_store.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/procedural/run_store.hpp"

namespace mnema::learned_holdings {
namespace json = boost::json;
namespace {

constexpr int kRowsPerRun = 20;                             // read and written where one is unlearned
constexpr std::int64_t kTimeMax = 253'402'300'799'999'999;  // the last of the years that RFC 3339 writes

Result<std::int64_t> count_of(Transaction& transaction, const char* table, ScopeId scope) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT count(*) FROM " + std::string(table) + " WHERE scope_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).step());
  return row ? select.integer(0) : 0;
}

Result<int> forget(Transaction& transaction, const std::vector<TaskRunId>& runs, const EraseContext& context) {
  RETURN_IF_ERROR(procedure_store::forget_runs(transaction, runs, context.procedures, Time{}));
  return static_cast<int>(runs.size());
}

json::object version_json(const Block& block) {
  return {{"version", block.version},
          {"text", block.text},
          {"trust", static_cast<int>(block.trust)},
          {"changed_us", static_cast<std::int64_t>(to_micros(block.changed))},
          {"changed_by", block.changed_by}};
}

Result<Block> version_of(const json::value& value) {
  const json::object* object = value.if_object();
  const auto member = [&](const char* name) { return object ? object->if_contains(name) : nullptr; };
  const auto text = [&](const char* name, std::string& to) {
    const json::value* given = member(name);
    if (given && given->is_string()) to = std::string(given->get_string());
    return given && given->is_string();
  };
  const auto number = [&](const char* name, std::int64_t max, std::int64_t& to) {
    const json::value* given = member(name);
    if (given && given->is_int64()) to = given->get_int64();
    return given && given->is_int64() && to >= 0 && to <= max;
  };
  Block block;
  std::int64_t trust = 0, changed = 0;
  if (text("text", block.text) && text("changed_by", block.changed_by) &&
      number("version", block_store::kVersionMax, block.version) &&
      number("trust", static_cast<std::int64_t>(Trust::kSystem), trust) && number("changed_us", kTimeMax, changed)) {
    block.trust = static_cast<Trust>(trust);
    block.changed = from_micros(changed);
    return block;
  }
  return fail(ErrorCode::kInvalidArgument, "'versions' holds something that is no version of a block");
}

Status write_blocks(Transaction& transaction, const ScopeKey& where, const std::function<void(json::object)>& put) {
  ASSIGN_OR_RETURN(const Scope scope, scope_store::scope_of(transaction, where.scope));
  ASSIGN_OR_RETURN(const std::vector<Block> blocks, block_store::of_scope(transaction, scope));
  for (const Block& block : blocks) {
    ASSIGN_OR_RETURN(const std::vector<Block> history, block_store::history(transaction, scope, block.name));
    json::array versions;
    for (auto version = history.rbegin(); version != history.rend(); ++version) {
      versions.push_back(version_json(*version));
    }
    put({{"name", block.name}, {"versions", std::move(versions)}});
  }
  return {};
}

Result<bool> read_block(Transaction& transaction, const ScopeKey& where, const json::object& row,
                        const ImportLimits& limits) {
  const json::value* name = row.if_contains("name");
  const json::value* list = row.if_contains("versions");
  if (!name || !name->is_string() || !list || !list->is_array()) {
    return fail(ErrorCode::kInvalidArgument, "a block has a 'name', and 'versions'");
  }
  ASSIGN_OR_RETURN(const Scope scope, scope_store::scope_of(transaction, where.scope));
  std::vector<Block> versions;
  for (const json::value& value : list->get_array()) {
    ASSIGN_OR_RETURN(Block version, version_of(value));
    version.scope = scope;
    version.name = std::string(name->get_string());
    versions.push_back(std::move(version));
  }
  return block_store::import_block(transaction, versions, limits.blocks);
}

}  // namespace

Holding task_runs() {
  Holding holding;
  holding.name = "task_runs";
  holding.tables = {"memory_task_runs"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) {
    return count_of(transaction, "memory_task_runs", where.scope);
  };
  holding.erase = [](Transaction& transaction, const ScopeKey& where, int rows_max,
                     EraseContext& context) -> Result<int> {
    ASSIGN_OR_RETURN(
        const std::vector<TaskRunId> runs,
        run_store::of_scope(transaction, where.scope, static_cast<int>(std::max(1, rows_max / kRowsPerRun))));
    return forget(transaction, runs, context);
  };
  holding.erase_entry = [](Transaction& transaction, const ScopeKey&, EntryId entry,
                           EraseContext& context) -> Result<int> {
    ASSIGN_OR_RETURN(const std::vector<TaskRunId> runs, run_store::of_episode(transaction, entry));
    return forget(transaction, runs, context);
  };
  return holding;
}

Holding procedures() {
  Holding holding;
  holding.name = "procedures";
  holding.tables = {"memory_procedures", "memory_procedure_evidence", "memory_procedure_changes"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) {
    return count_of(transaction, "memory_procedures", where.scope);
  };
  holding.erase = [](Transaction& transaction, const ScopeKey& where, int rows_max, EraseContext&) {
    return procedure_store::erase_procedures(transaction, where.scope, std::max(1, rows_max / kRowsPerRun));
  };
  return holding;
}

Holding blocks() {
  Holding holding;
  holding.name = "blocks";
  holding.tables = {"memory_blocks", "memory_block_versions", "memory_block_ends"};
  holding.count = [](Transaction& transaction, const ScopeKey& where) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(const std::int64_t there, count_of(transaction, "memory_blocks", where.scope));
    ASSIGN_OR_RETURN(const std::int64_t removed, count_of(transaction, "memory_block_ends", where.scope));
    return there + removed;
  };
  holding.erase = [](Transaction& transaction, const ScopeKey& where, int rows_max, EraseContext&) {
    return block_store::erase(transaction, where.scope, std::max(1, rows_max / kRowsPerRun));
  };
  holding.write = write_blocks;
  holding.read = read_block;
  return holding;
}

}  // namespace mnema::learned_holdings
