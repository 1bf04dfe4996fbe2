#include "memory/blocks/block_store.hpp"

#include <algorithm>
#include <tuple>

namespace mnema::block_store {
namespace {

/// Columns: tenant, agent, user, session, name, text, version, trust, changed_us, changed_by.
std::string select_from(const char* table) {
  return "SELECT t.name, s.agent, s.user, s.session, b.name, b.text, b.version, b.trust, b.changed_us, b.changed_by"
         " FROM " +
         std::string(table) +
         " b JOIN memory_scopes s ON s.scope_id = b.scope_id JOIN memory_tenants t ON t.tenant_id = s.tenant_id";
}

Result<std::vector<Block>> blocks_of(Statement& select) {
  std::vector<Block> blocks;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return blocks;
    Block block;
    block.scope = {select.text(0), select.text(1), select.text(2), select.text(3)};
    block.name = select.text(4);
    block.text = select.text(5);
    block.version = select.integer(6);
    block.trust = static_cast<Trust>(select.integer(7));
    block.changed = from_micros(select.integer(8));
    block.changed_by = select.text(9);
    blocks.push_back(std::move(block));
  }
}

Status write(Transaction& transaction, ScopeId scope, const Block& block, const BlockLimits& limits) {
  const auto bind = [&](Statement& insert) -> Status {
    insert.bind(1, scope).bind(2, std::string_view(block.name)).bind(3, std::string_view(block.text));
    insert.bind(4, block.version).bind(5, static_cast<int>(block.trust));
    insert.bind(6, static_cast<std::int64_t>(to_micros(block.changed))).bind(7, std::string_view(block.changed_by));
    return insert.run();
  };
  {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_blocks (scope_id, name, text, version, trust, changed_us,"
                                         " changed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"
                                         " ON CONFLICT (scope_id, name) DO UPDATE SET text = excluded.text,"
                                         " version = excluded.version, trust = excluded.trust,"
                                         " changed_us = excluded.changed_us, changed_by = excluded.changed_by"));
    RETURN_IF_ERROR(bind(insert));
  }
  {
    ASSIGN_OR_RETURN(Statement insert,
                     transaction.prepare("INSERT INTO memory_block_versions (scope_id, name, text, version, trust,"
                                         " changed_us, changed_by) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7)"));
    RETURN_IF_ERROR(bind(insert));
  }
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_block_versions WHERE scope_id = ?1 AND"
                                                        " name = ?2 AND version <= ?3"));
  return erase.bind(1, scope).bind(2, std::string_view(block.name)).bind(3, block.version - limits.versions_max).run();
}

Status check_count(Transaction& transaction, ScopeId scope, const BlockLimits& limits) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_blocks WHERE scope_id = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).step());
  if (!row || select.integer(0) < limits.blocks_max) return {};
  return fail(ErrorCode::kResourceExhausted,
              "there are " + std::to_string(select.integer(0)) + " blocks here, as many as there may be",
              "remove one, or raise limits.blocks_max");
}

Error not_found(const std::string& name) {
  return fail(ErrorCode::kNotFound, "there is no block '" + name + "' here", "`mnema memory blocks` lists them");
}

/// Whether the block is the one that the change was made from. Errors: `kAborted`.
Status check_version(const Block& block, const BlockEdit& edit) {
  if (!edit.version || *edit.version == block.version) return {};
  return fail_retryable(ErrorCode::kAborted,
                        "block '" + edit.name + "' has version " + std::to_string(block.version) +
                            " now, and the change was made from version " + std::to_string(*edit.version),
                        "read it again, and make the change to what it says now");
}

/// Of a removed block the last version, which one of its name goes on from. 0: there was none.
Result<std::int64_t> take_end(Transaction& transaction, ScopeId scope, const std::string& name) {
  ASSIGN_OR_RETURN(Statement erase, transaction.prepare("DELETE FROM memory_block_ends WHERE scope_id = ?1 AND"
                                                        " name = ?2 RETURNING version"));
  ASSIGN_OR_RETURN(const bool row, erase.bind(1, scope).bind(2, std::string_view(name)).step());
  if (!row) return 0;
  const std::int64_t version = erase.integer(0);
  RETURN_IF_ERROR(erase.run());
  return version;
}

Status erase_rows(Transaction& transaction, ScopeId scope, const std::string& name) {
  for (const char* table : {"memory_block_versions", "memory_blocks", "memory_block_ends"}) {
    ASSIGN_OR_RETURN(Statement erase,
                     transaction.prepare("DELETE FROM " + std::string(table) + " WHERE scope_id = ?1 AND name = ?2"));
    RETURN_IF_ERROR(erase.bind(1, scope).bind(2, std::string_view(name)).run());
  }
  return {};
}

}  // namespace

Result<Block> edit(Transaction& transaction, const BlockEdit& edit, const BlockLimits& limits, Time now) {
  RETURN_IF_ERROR(check_block_name(edit.name));
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, edit.scope));
  ASSIGN_OR_RETURN(Block block, find(transaction, edit.scope, edit.name));
  RETURN_IF_ERROR(check_version(block, edit));
  ASSIGN_OR_RETURN(std::string text, edited(block.text, edit, limits));
  const bool is_new = block.version == 0;
  if (!is_new && text == block.text && edit.trust >= block.trust) return block;
  if (is_new) {
    RETURN_IF_ERROR(check_count(transaction, where.scope, limits));
    ASSIGN_OR_RETURN(block.version, take_end(transaction, where.scope, edit.name));
  }
  block.trust = is_new || edit.kind == BlockEditKind::kSet ? edit.trust : weakest(block.trust, edit.trust);
  block.text = std::move(text);
  ++block.version;
  block.changed = now;
  block.changed_by = edit.by;
  RETURN_IF_ERROR(write(transaction, where.scope, block, limits));
  return block;
}

Result<Block> restore(Transaction& transaction, const BlockEdit& which, std::int64_t to, const BlockLimits& limits,
                      Time now) {
  ASSIGN_OR_RETURN(const std::vector<Block> versions, history(transaction, which.scope, which.name));
  if (versions.empty()) return not_found(which.name);
  const auto wanted =
      std::find_if(versions.begin(), versions.end(), [&](const Block& block) { return block.version == to; });
  if (wanted == versions.end()) {
    return fail(
        ErrorCode::kNotFound, "block '" + which.name + "' has no version " + std::to_string(to) + " any more",
        "there are " + std::to_string(versions.back().version) + " to " + std::to_string(versions.front().version));
  }
  BlockEdit set = which;
  set.kind = BlockEditKind::kSet;
  set.text = wanted->text;
  set.trust = wanted->trust;
  return edit(transaction, set, limits, now);
}

Status remove(Transaction& transaction, const BlockEdit& edit) {
  ASSIGN_OR_RETURN(const Block block, find(transaction, edit.scope, edit.name));
  if (block.version == 0) return not_found(edit.name);
  RETURN_IF_ERROR(check_version(block, edit));
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, edit.scope));
  RETURN_IF_ERROR(erase_rows(transaction, where.scope, edit.name));
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_block_ends (scope_id, name, version)"
                                                         " VALUES (?1, ?2, ?3)"));
  return insert.bind(1, where.scope).bind(2, std::string_view(edit.name)).bind(3, block.version).run();
}

Result<bool> import_block(Transaction& transaction, std::vector<Block> versions, const BlockLimits& limits) {
  const bool in_order = std::adjacent_find(versions.begin(), versions.end(), [](const Block& a, const Block& b) {
                          return a.version >= b.version;
                        }) == versions.end();
  if (versions.empty() || versions.front().version < 1 || !in_order) {
    return fail(ErrorCode::kInvalidArgument, "the versions of a block are not in their order");
  }
  const Block& newest = versions.back();
  RETURN_IF_ERROR(check_block_name(newest.name));
  ASSIGN_OR_RETURN(const Block here, find(transaction, newest.scope, newest.name));
  if (here.version != 0) {
    if (here.text == newest.text) return false;
    return fail(ErrorCode::kFailedPrecondition, "block '" + newest.name + "' is here with another text",
                "remove it before (mnema memory blocks remove), or leave it as it is");
  }
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, newest.scope));
  RETURN_IF_ERROR(check_count(transaction, where.scope, limits));
  const auto fits = [&](const Block& version) {
    BlockEdit set;
    set.name = version.name;
    set.text = version.text;
    return edited("", set, limits);
  };
  ASSIGN_OR_RETURN([[maybe_unused]] const std::string text, fits(newest));
  ASSIGN_OR_RETURN(const std::int64_t end, take_end(transaction, where.scope, newest.name));
  const std::int64_t later = std::max<std::int64_t>(0, end + 1 - versions.front().version);
  for (Block& version : versions) {
    version.version += later;
    Result<std::string> clean = fits(version);
    if (!clean.ok()) continue;  // of a time of other bounds: nobody can go back to it
    version.text = std::move(*clean);
    RETURN_IF_ERROR(write(transaction, where.scope, version, limits));
  }
  return true;
}

Result<int> erase(Transaction& transaction, ScopeId scope, int count_max) {
  std::vector<std::string> names;
  {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT name FROM memory_blocks WHERE scope_id = ?1 UNION"
                                                           " SELECT name FROM memory_block_ends WHERE scope_id = ?1"
                                                           " LIMIT ?2"));
    select.bind(1, scope).bind(2, count_max);
    for (;;) {
      ASSIGN_OR_RETURN(const bool row, select.step());
      if (!row) break;
      names.push_back(select.text(0));
    }
  }
  for (const std::string& name : names) RETURN_IF_ERROR(erase_rows(transaction, scope, name));
  return static_cast<int>(names.size());
}

Result<Block> find(Transaction& transaction, const Scope& scope, const std::string& name) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(select_from("memory_blocks") +
                                                         " WHERE t.name = ?1 AND s.agent = ?2 AND"
                                                         " s.user = ?3 AND s.session = ?4 AND b.name = ?5"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  select.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session));
  select.bind(5, std::string_view(name));
  ASSIGN_OR_RETURN(std::vector<Block> found, blocks_of(select));
  if (!found.empty()) return std::move(found.front());
  Block none;
  none.scope = scope;
  none.name = name;
  return none;
}

Result<std::vector<Block>> of_scope(Transaction& transaction, const Scope& scope) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(select_from("memory_blocks") +
                                                         " WHERE t.name = ?1 AND s.agent = ?2 AND s.user = ?3"
                                                         " AND s.session = ?4 ORDER BY b.name"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  return blocks_of(select.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session)));
}

Result<std::vector<Block>> seen_by(Transaction& transaction, const Scope& asker) {
  ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
  if (visible.nothing()) return std::vector<Block>();
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(select_from("memory_blocks") +
                                                         " WHERE b.scope_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)"));
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(1 + static_cast<int>(i), scopes[i]);
  ASSIGN_OR_RETURN(std::vector<Block> found, blocks_of(select));
  const auto place = [](const Block& block) {
    return std::tuple(block.name, !block.scope.agent.empty(), !block.scope.user.empty(), !block.scope.session.empty());
  };
  std::sort(found.begin(), found.end(), [&](const Block& a, const Block& b) { return place(a) < place(b); });
  return found;
}

Result<std::vector<Block>> list(Transaction& transaction, const std::string& tenant,
                                const std::optional<std::string>& agent, const std::optional<std::string>& user,
                                int count_max) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(select_from("memory_blocks") + " WHERE t.name = ?1 AND (?2 = 0 OR s.agent = ?3)"
                                                                      " AND (?4 = 0 OR s.user = ?5) ORDER BY s.agent,"
                                                                      " s.user, s.session, b.name LIMIT ?6"));
  const std::string agent_name = agent.value_or(""), user_name = user.value_or("");
  select.bind(1, std::string_view(tenant)).bind(2, agent ? 1 : 0).bind(3, std::string_view(agent_name));
  select.bind(4, user ? 1 : 0).bind(5, std::string_view(user_name)).bind(6, count_max);
  return blocks_of(select);
}

Result<std::vector<Block>> history(Transaction& transaction, const Scope& scope, const std::string& name) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(select_from("memory_block_versions") +
                                       " WHERE t.name = ?1 AND s.agent = ?2 AND s.user = ?3 AND s.session = ?4"
                                       " AND b.name = ?5 ORDER BY b.version DESC"));
  select.bind(1, std::string_view(scope.tenant)).bind(2, std::string_view(scope.agent));
  select.bind(3, std::string_view(scope.user)).bind(4, std::string_view(scope.session));
  return blocks_of(select.bind(5, std::string_view(name)));
}

Result<std::int64_t> count(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_blocks"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  return row ? select.integer(0) : 0;
}

Status check_integrity(Transaction& transaction) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT b.name FROM memory_blocks b LEFT JOIN memory_block_versions v"
                                       " ON v.scope_id = b.scope_id AND v.name = b.name AND v.version = b.version"
                                       " AND v.text = b.text WHERE v.name IS NULL UNION ALL"
                                       " SELECT v.name FROM memory_block_versions v LEFT JOIN memory_blocks b"
                                       " ON b.scope_id = v.scope_id AND b.name = v.name"
                                       " WHERE b.name IS NULL OR v.version > b.version LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, select.step());
  if (!row) return {};
  return fail(ErrorCode::kCorrupt, "block '" + select.text(0) + "' is not the newest of its versions",
              "`mnema memory blocks remove " + select.text(0) + "` removes it with its history");
}

}  // namespace mnema::block_store
