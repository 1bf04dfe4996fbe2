#include "memory/episodic_store.hpp"

#include <algorithm>
#include <boost/json/object.hpp>
#include <boost/json/serialize.hpp>

#include "memory/entry_store.hpp"
#include "memory/scope_store.hpp"
#include "memory/vector_store.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema::episodic_store {
namespace {

std::string bytes_of(const Sha256Digest& digest) {
  return {reinterpret_cast<const char*>(digest.data()), digest.size()};
}

std::string attributes_json(const Episode& episode) {
  boost::json::object object;
  for (const auto& [name, value] : episode.attributes) object[name] = value;
  return canonical_json(object);
}

std::string payload_hash(std::string_view salt, const Episode& episode, const std::string& attributes) {
  Sha256 hash;
  hash.update_field(salt).update_field(std::to_string(static_cast<int>(episode.kind))).update_field(episode.role);
  hash.update_field(episode.text).update_field(std::to_string(to_micros(episode.time)));
  hash.update_field(std::to_string(static_cast<int>(episode.trust))).update_field(attributes);
  return bytes_of(hash.finish());
}

std::string chain_hash(std::string_view before, std::int64_t sequence, std::string_view payload) {
  Sha256 hash;
  hash.update_field(before).update_field(std::to_string(sequence)).update_field(payload);
  return bytes_of(hash.finish());
}

struct ThreadHead {
  std::int64_t id = 0;
  std::int64_t last_sequence = 0;
  std::string last_hash;
};

Result<std::optional<ThreadHead>> find_thread(Transaction& transaction, TenantId tenant, const std::string& name) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT thread_id, last_sequence, last_hash"
                                                         " FROM memory_threads WHERE tenant_id = ?1 AND name = ?2"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, tenant).bind(2, std::string_view(name)).step());
  if (!row) return std::optional<ThreadHead>();
  return std::optional<ThreadHead>(ThreadHead{select.integer(0), select.integer(1), std::string(select.blob_view(2))});
}

Result<ThreadHead> intern_thread(Transaction& transaction, TenantId tenant, const std::string& name) {
  ASSIGN_OR_RETURN(std::optional<ThreadHead> known, find_thread(transaction, tenant, name));
  if (known) return std::move(*known);
  ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_threads"
                                                         " (tenant_id, name, last_sequence, last_hash)"
                                                         " VALUES (?1, ?2, 0, x'')"));
  RETURN_IF_ERROR(insert.bind(1, tenant).bind(2, std::string_view(name)).run());
  return ThreadHead{transaction.last_insert_rowid(), 0, ""};
}

/// Columns: entry_id, sequence, kind, role, attributes, text, time_us, trust, scope_id.
constexpr std::string_view kEpisodeColumns =
    "SELECT e.entry_id, s.sequence, s.kind, s.role, s.attributes, e.text, e.time_us, e.trust, e.scope_id,"
    " s.salt, s.payload_hash, s.chain_hash"
    " FROM memory_episodes s JOIN memory_entries e USING (entry_id) WHERE s.thread_id = ?1 ";

Result<StoredEpisode> episode_of(Transaction& transaction, Statement& row, const std::string& thread) {
  StoredEpisode stored;
  stored.id = row.integer(0);
  stored.sequence = row.integer(1);
  Episode& episode = stored.episode;
  episode.thread = thread;
  episode.kind = static_cast<EpisodeKind>(row.integer(2));
  episode.role = row.text(3);
  episode.text = row.text(5);
  episode.time = from_micros(row.integer(6));
  episode.trust = static_cast<Trust>(row.integer(7));
  ASSIGN_OR_RETURN(const boost::json::value attributes, parse_bounded_json(row.text(4), "an episode's attributes"));
  if (const auto* object = attributes.if_object()) {
    for (const auto& [name, value] : *object) {
      if (value.is_string()) episode.attributes[std::string(name)] = std::string(value.get_string());
    }
  }
  ASSIGN_OR_RETURN(episode.scope, scope_store::scope_of(transaction, row.integer(8)));
  return stored;
}

Status insert_place(Transaction& transaction, const ThreadHead& thread, EntryId id, const ChainedEpisode& place,
                    const std::string& attributes) {
  ASSIGN_OR_RETURN(Statement insert,
                   transaction.prepare("INSERT INTO memory_episodes (entry_id, thread_id, sequence, kind, role,"
                                       " attributes, salt, payload_hash, chain_hash)"
                                       " VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9)"));
  const Episode& episode = place.episode;
  insert.bind(1, id).bind(2, thread.id).bind(3, place.sequence).bind(4, static_cast<int>(episode.kind));
  insert.bind(5, std::string_view(episode.role)).bind(6, std::string_view(attributes));
  insert.bind_blob(7, place.salt).bind_blob(8, place.payload_hash).bind_blob(9, place.chain_hash);
  RETURN_IF_ERROR(insert.run());
  ASSIGN_OR_RETURN(Statement head, transaction.prepare("UPDATE memory_threads SET last_sequence = ?2, last_hash = ?3"
                                                       " WHERE thread_id = ?1 AND last_sequence < ?2"));
  return head.bind(1, thread.id).bind(2, place.sequence).bind_blob(3, place.chain_hash).run();
}

/// The entry of an episode, under `id` unless that is 0, and its place in its thread.
Result<EntryId> store(Transaction& transaction, const ScopeKey& where, const ThreadHead& thread, EntryId id,
                      const ChainedEpisode& stored, const std::string& attributes, const TermMaker& terms) {
  const Episode& episode = stored.episode;
  entry_store::NewEntry entry;
  entry.id = id;
  entry.where = where;
  entry.time = episode.time;
  entry.trust = episode.trust;
  entry.text = episode.text;
  entry.words = terms.joined(episode.text);
  ASSIGN_OR_RETURN(const EntryId added, entry_store::add(transaction, entry));
  RETURN_IF_ERROR(insert_place(transaction, thread, added, stored, attributes));
  return added;
}

}  // namespace

Result<EpisodeId> append(Transaction& transaction, const Episode& episode, const std::string& salt,
                         const TermMaker& terms) {
  const std::string& thread = episode.thread.empty() ? episode.scope.session : episode.thread;
  if (thread.empty()) {
    return fail(ErrorCode::kInvalidArgument,
                "an episode belongs to a thread, and this one names neither thread nor session", "set Episode::thread");
  }
  ChainedEpisode placed;
  Episode& clean = placed.episode = episode;
  clean.text = valid_utf8(episode.text);
  clean.role = valid_utf8(episode.role);
  clean.attributes.clear();
  for (const auto& [name, value] : episode.attributes) clean.attributes[valid_utf8(name)] = valid_utf8(value);
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, clean.scope));
  ASSIGN_OR_RETURN(const ThreadHead head, intern_thread(transaction, where.tenant, thread));
  const std::string attributes = attributes_json(clean);
  placed.sequence = head.last_sequence + 1;
  placed.salt = salt;
  placed.payload_hash = payload_hash(salt, clean, attributes);
  placed.chain_hash = chain_hash(head.last_hash, placed.sequence, placed.payload_hash);
  return store(transaction, where, head, 0, placed, attributes, terms);
}

namespace {

/// Whether the place is taken by the same; none: it is free.
Result<std::optional<bool>> is_same_at(Transaction& transaction, const ThreadHead& thread,
                                       const ChainedEpisode& wanted) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT payload_hash, chain_hash FROM memory_episodes"
                                                         " WHERE thread_id = ?1 AND sequence = ?2"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, thread.id).bind(2, wanted.sequence).step());
  if (!row) return std::optional<bool>();
  return std::optional<bool>(select.blob_view(0) == wanted.payload_hash && select.blob_view(1) == wanted.chain_hash);
}

Error goes_on_differently(const ChainedEpisode& wanted) {
  return fail(ErrorCode::kFailedPrecondition,
              "thread '" + wanted.episode.thread + "' has another episode " + std::to_string(wanted.sequence) + " here",
              "import it for another tenant, or erase the session here first");
}

/// The place before is there, and `wanted` continues its chain.
Status check_place_before(Transaction& transaction, const ThreadHead& thread, const ChainedEpisode& wanted) {
  std::string before;
  if (wanted.sequence > 1) {
    ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT chain_hash FROM memory_episodes"
                                                           " WHERE thread_id = ?1 AND sequence = ?2"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, thread.id).bind(2, wanted.sequence - 1).step());
    if (!row) {
      return fail(ErrorCode::kFailedPrecondition,
                  "episode " + std::to_string(wanted.sequence - 1) + " of thread '" + wanted.episode.thread +
                      "' is missing before it",
                  "the first line of this thread that was refused says why");
    }
    before = select.blob_view(0);
  }
  if (chain_hash(before, wanted.sequence, wanted.payload_hash) == wanted.chain_hash) return {};
  return goes_on_differently(wanted);
}

}  // namespace

// Numbers are never given twice: behind the largest that there is, nothing could be remembered any more.
constexpr EntryId kWantedMax = EntryId{1} << 48;

Result<EntryId> free_id(Transaction& transaction, EntryId wanted) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT EXISTS (SELECT 1 FROM memory_entries WHERE entry_id = ?1)"
                          " OR EXISTS (SELECT 1 FROM memory_episodes WHERE entry_id = ?1),"
                          " coalesce((SELECT seq FROM sqlite_sequence WHERE name = 'memory_entries'), 0)"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, wanted).step());
  CHECK(row, "an expression has a value");
  return wanted > 0 && wanted <= kWantedMax && select.integer(0) == 0 ? wanted : select.integer(1) + 1;
}

Result<EntryId> restore(Transaction& transaction, const ChainedEpisode& stored, const TermMaker& terms) {
  const Episode& episode = stored.episode;
  const std::string attributes = attributes_json(episode);
  if (payload_hash(stored.salt, episode, attributes) != stored.payload_hash) {
    return fail(ErrorCode::kInvalidArgument, "the episode is not what its hash says", "export it again");
  }
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, episode.scope));
  ASSIGN_OR_RETURN(const ThreadHead thread, intern_thread(transaction, where.tenant, episode.thread));
  ASSIGN_OR_RETURN(const auto same, is_same_at(transaction, thread, stored));
  if (same && !*same) return goes_on_differently(stored);
  if (same) return EntryId{0};
  RETURN_IF_ERROR(check_place_before(transaction, thread, stored));
  ASSIGN_OR_RETURN(const EntryId id, free_id(transaction, stored.id));
  return store(transaction, where, thread, id, stored, attributes, terms);
}

Result<bool> restore_place(Transaction& transaction, const ChainedEpisode& place) {
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, {place.episode.scope.tenant, "", "", ""}));
  ASSIGN_OR_RETURN(const ThreadHead thread, intern_thread(transaction, where.tenant, place.episode.thread));
  ASSIGN_OR_RETURN(const auto same, is_same_at(transaction, thread, place));
  if (same && !*same) return goes_on_differently(place);
  if (same) return false;
  RETURN_IF_ERROR(check_place_before(transaction, thread, place));
  ASSIGN_OR_RETURN(const EntryId id, free_id(transaction, place.id));
  // No entry gets its number later.
  for (const char* sql : {"INSERT INTO memory_entries (entry_id, scope_id, kind, time_us, trust, text)"
                          " VALUES (?1, 0, 0, 0, 0, '')",
                          "DELETE FROM memory_entries WHERE entry_id = ?1"}) {
    ASSIGN_OR_RETURN(Statement reserve, transaction.prepare(sql));
    RETURN_IF_ERROR(reserve.bind(1, id).run());
  }
  RETURN_IF_ERROR(insert_place(transaction, thread, id, place, "{}"));
  return true;
}

Result<std::vector<StoredEpisode>> thread(Transaction& transaction, const Scope& asker, const std::string& thread,
                                          int count_max) {
  std::vector<StoredEpisode> found;
  ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, asker));
  if (visible.nothing()) return found;
  ASSIGN_OR_RETURN(const std::optional<ThreadHead> head, find_thread(transaction, visible.tenant, thread));
  if (!head) return found;
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(std::string(kEpisodeColumns) +
                                                         "AND e.scope_id IN (?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10)"
                                                         " ORDER BY s.sequence DESC LIMIT ?2"));
  select.bind(1, head->id).bind(2, count_max);
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(3 + static_cast<int>(i), scopes[i]);
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) break;
    ASSIGN_OR_RETURN(StoredEpisode episode, episode_of(transaction, select, thread));
    found.push_back(std::move(episode));
  }
  std::reverse(found.begin(), found.end());
  return found;
}

Result<std::vector<TurnText>> turns(Transaction& transaction, const VisibleScopes& visible, const std::string& thread,
                                    std::int64_t first, std::int64_t last) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare(
                       "SELECT e.entry_id, s.sequence, e.text FROM memory_threads t"
                       " CROSS JOIN memory_episodes s ON s.thread_id = t.thread_id AND s.sequence BETWEEN ?11 AND ?12"
                       " CROSS JOIN memory_entries e ON e.entry_id = s.entry_id WHERE t.tenant_id = ?9"
                       " AND t.name = ?10 AND e.scope_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) ORDER BY s.sequence"));
  const auto scopes = visible.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) select.bind(1 + static_cast<int>(i), scopes[i]);
  select.bind(9, visible.tenant).bind(10, std::string_view(thread)).bind(11, first).bind(12, last);
  std::vector<TurnText> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    found.push_back({select.integer(0), select.integer(1), select.text(2)});
  }
}

Result<Erased> erase(Transaction& transaction, EpisodeId episode, const std::string& tenant, std::int64_t tag) {
  Erased erased;
  std::int64_t thread = 0, sequence = 0;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT s.thread_id, s.sequence, c.tenant_id, t.name FROM memory_episodes s"
                                         " JOIN memory_entries e ON e.entry_id = s.entry_id"
                                         " JOIN memory_scopes c ON c.scope_id = e.scope_id"
                                         " JOIN memory_tenants t ON t.tenant_id = c.tenant_id WHERE s.entry_id = ?1"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, episode).step());
    if (!row || (!tenant.empty() && select.text_view(3) != tenant)) {
      return fail(ErrorCode::kNotFound, "memory has no episode " + std::to_string(episode));
    }
    thread = select.integer(0);
    sequence = select.integer(1);
    erased.tenant = select.integer(2);
  }
  ASSIGN_OR_RETURN(erased.removed, entry_store::remove(transaction, erased.tenant, episode, tag));
  {
    ASSIGN_OR_RETURN(Statement update, transaction.prepare("UPDATE memory_episodes SET role = '', attributes = '{}',"
                                                           " salt = x'' WHERE entry_id = ?1"));
    RETURN_IF_ERROR(update.bind(1, episode).run());
  }
  {
    ASSIGN_OR_RETURN(Statement remove, transaction.prepare("DELETE FROM memory_abandoned WHERE entry_id = ?1"));
    RETURN_IF_ERROR(remove.bind(1, episode).run());
  }
  std::vector<std::int64_t> behind;
  {
    ASSIGN_OR_RETURN(
        Statement select,
        transaction.prepare("SELECT s.entry_id FROM memory_episodes s JOIN memory_entries e ON e.entry_id ="
                            " s.entry_id WHERE s.thread_id = ?1 AND s.sequence IN (?2, ?3)"));
    ASSIGN_OR_RETURN(behind, select.bind(1, thread).bind(2, sequence + 1).bind(3, sequence + 2).integers());
  }
  for (const EntryId entry : behind) {
    ASSIGN_OR_RETURN(const std::vector<VectorLabel> labels,
                     vector_store::remove(transaction, erased.tenant, entry, tag));
    erased.removed.insert(erased.removed.end(), labels.begin(), labels.end());
    RETURN_IF_ERROR(vector_store::enqueue(transaction, entry));
  }
  return erased;
}

Status verify_chain(Transaction& transaction, const std::string& tenant, const std::string& thread) {
  ASSIGN_OR_RETURN(const std::optional<TenantId> id, scope_store::find_tenant(transaction, tenant));
  std::optional<ThreadHead> head;
  if (id) {
    ASSIGN_OR_RETURN(head, find_thread(transaction, *id, thread));
  }
  if (!head) return fail(ErrorCode::kNotFound, "tenant '" + tenant + "' has no thread '" + thread + "'");
  std::string columns(kEpisodeColumns);
  columns.replace(columns.find(" JOIN"), 5, " LEFT JOIN");  // of an erased one there is no entry
  ASSIGN_OR_RETURN(Statement select, transaction.prepare(columns + "ORDER BY s.sequence"));
  select.bind(1, head->id);
  std::string before;
  std::int64_t sequence = 0;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) break;
    ++sequence;
    if (select.is_null(8) && select.blob_view(9).empty() && select.integer(1) == sequence) {
      before = chain_hash(before, sequence, select.blob_view(10));
      if (before == select.blob_view(11)) continue;
      return fail(ErrorCode::kCorrupt,
                  "erased episode " + std::to_string(sequence) + " of thread '" + thread + "' was altered");
    }
    const Result<StoredEpisode> stored = episode_of(transaction, select, thread);
    if (!stored.ok() && stored.error().code == ErrorCode::kStorage) return stored.error();
    const std::string payload =
        stored.ok() ? payload_hash(select.blob_view(9), stored->episode, select.text(4)) : std::string();
    const std::string chain = chain_hash(before, sequence, payload);
    if (!stored.ok() || stored->sequence != sequence || payload != select.blob_view(10) ||
        chain != select.blob_view(11)) {
      return fail(ErrorCode::kCorrupt,
                  "episode " + std::to_string(sequence) + " of thread '" + thread + "' is missing or was altered");
    }
    before = chain;
  }
  if (sequence == head->last_sequence && before == head->last_hash) return {};
  return fail(ErrorCode::kCorrupt,
              "episode " + std::to_string(sequence + 1) + " of thread '" + thread + "' is missing");
}

}  // namespace mnema::episodic_store
