#include "memory/import/import_rows_store.hpp"

#include <boost/json/array.hpp>
#include <cstring>
#include <limits>

#include "memory/entry_store.hpp"
#include "memory/episodic_store.hpp"
#include "memory/erase/row_json_store.hpp"
#include "memory/erase_holdings.hpp"
#include "memory/semantic/fact_store.hpp"
#include "memory/sources_store.hpp"

namespace mnema::import_rows_store {
namespace json = boost::json;
namespace {

// The years 1 to 9999, as RFC 3339 writes them: differences of two stay far from the ends of the numbers.
constexpr std::int64_t kTimeMin = -62'135'596'800'000'000;
constexpr std::int64_t kTimeMax = 253'402'300'799'999'999;
constexpr std::int64_t kCountMax = std::numeric_limits<std::int32_t>::max();

/// Members of an object; the first that is missing or wrong is remembered.
class Members {
 public:
  explicit Members(const json::object& object) : object_(object) {}
  std::string text(const char* name) {
    const json::value* value = object_.if_contains(name);
    if (value != nullptr && value->is_string()) return std::string(value->get_string());
    note(name, "a text");
    return {};
  }
  std::int64_t integer(const char* name) {
    const json::value* value = object_.if_contains(name);
    if (value != nullptr && value->is_int64()) return value->get_int64();
    note(name, "a number");
    return 0;
  }
  std::int64_t integer(const char* name, std::int64_t min, std::int64_t max) {
    const std::int64_t value = integer(name);
    if (value >= min && value <= max) return value;
    note(name, "a number that it can be");
    return 0;
  }
  double number(const char* name, double min, double max) {
    const json::value* value = object_.if_contains(name);
    if (value != nullptr && value->is_number()) {
      const auto number = value->to_number<double>();
      if (number >= min && number <= max) return number;
    }
    note(name, "a number that it can be");
    return 0;
  }
  Time time(const char* name) { return from_micros(integer(name, kTimeMin, kTimeMax)); }
  Trust trust(const char* name) { return static_cast<Trust>(integer(name, 0, static_cast<int>(Trust::kSystem))); }
  /// Of two numbers, a place in a text.
  std::pair<std::int64_t, std::int64_t> range(const char* name) {
    const json::value* value = object_.if_contains(name);
    const json::array* array = value != nullptr ? value->if_array() : nullptr;
    if (array != nullptr && array->size() == 2 && (*array)[0].is_int64() && (*array)[1].is_int64()) {
      const std::int64_t begin = (*array)[0].get_int64(), end = (*array)[1].get_int64();
      if (begin >= 0 && begin <= end && end <= kCountMax) return {begin, end};
    }
    note(name, "two numbers");
    return {};
  }
  std::string bytes(const char* name) {
    const std::string digits = text(name);
    if (digits.size() % 2 != 0 || digits.find_first_not_of("0123456789abcdef") != std::string::npos) {
      note(name, "hexadecimal");
    }
    return row_json_store::bytes_of_hex(digits);
  }
  const json::object& object(const char* name) {
    static const json::object none;
    const json::value* value = object_.if_contains(name);
    if (value != nullptr && value->is_object()) return value->get_object();
    note(name, "an object");
    return none;
  }
  Scope scope(const std::string& tenant) {
    Members names(object("scope"));
    Scope scope{tenant, names.text("agent"), names.text("user"), names.text("session")};
    if (first_wrong_.empty()) first_wrong_ = names.first_wrong_;
    return scope;
  }
  [[nodiscard]] Status status() const {
    if (first_wrong_.empty()) return {};
    return fail(ErrorCode::kInvalidArgument, first_wrong_);
  }

 private:
  void note(const char* name, const char* what) {
    if (first_wrong_.empty()) first_wrong_ = "'" + std::string(name) + "' is not " + what;
  }
  const json::object& object_;
  std::string first_wrong_;
};

/// Vectors of another embedder than the folder's own are left to that one to make. Which one that is, no file says:
/// where none runs, it is the one that the folder has vectors of.
Status store_vectors(Transaction& transaction, EntryId entry, const json::object& object, Context& context) {
  const json::value* list = object.if_contains("vectors");
  if (list == nullptr || !list->is_array()) return {};
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) return fail(ErrorCode::kInvalidArgument, "'vectors' holds something that is no vector");
    Members members(one.get_object());
    const std::string name = members.text("embedder");
    const std::int64_t dimensions = members.integer("dimensions");
    const std::string bytes = members.bytes("hex");
    RETURN_IF_ERROR(members.status());
    if (dimensions < 1 || dimensions > kCountMax ||
        bytes.size() / sizeof(float) != static_cast<std::size_t>(dimensions) || bytes.size() % sizeof(float) != 0) {
      return fail(ErrorCode::kInvalidArgument, "a vector has not the length that its embedder's have");
    }
    ASSIGN_OR_RETURN(const std::string present, vector_store::present_embedder(transaction));
    if (context.dimensions > 0 && (name != context.embedder || dimensions != context.dimensions)) continue;
    if (present != name && (!present.empty() || context.dimensions == 0)) continue;
    if (present.empty()) RETURN_IF_ERROR(vector_store::set_present_embedder(transaction, name));
    ASSIGN_OR_RETURN(const auto known, vector_store::find_embedder(transaction, name, static_cast<int>(dimensions)));
    if (!known && context.dimensions == 0) continue;
    ASSIGN_OR_RETURN(const std::int64_t embedder,
                     vector_store::intern_embedder(transaction, name, static_cast<int>(dimensions)));
    std::vector<float> vector(static_cast<std::size_t>(dimensions));
    std::memcpy(vector.data(), bytes.data(), bytes.size());
    for (const float value : vector) {
      if (!(value >= -1.001F && value <= 1.001F)) {
        return fail(ErrorCode::kInvalidArgument, "a vector is not of length 1");
      }
    }
    ASSIGN_OR_RETURN(auto added, vector_store::add(transaction, entry, embedder, std::move(vector), {}, context.tag));
    if (added) context.added.push_back(std::move(*added));
  }
  return {};
}

Status check_claim(const json::object& claim) {
  Members members(claim);
  (void)members.integer("ordinal", 0, 999);  // fact_store.cpp numbers claims so
  (void)members.integer("kind", 0, static_cast<int>(ClaimKind::kPast));
  for (const char* name : {"subject_key", "predicate", "subject", "object", "corrected"}) (void)members.text(name);
  for (const char* name : {"valid_from_us", "valid_to_us", "known_from_us"}) (void)members.time(name);
  for (const char* name : {"is_dated", "by_assistant"}) (void)members.integer(name, 0, 1);
  (void)members.integer("corrects", 0, 2);
  (void)members.trust("trust");
  (void)members.number("confidence", 0, 1);
  return members.status();
}

Status store_claims(Transaction& transaction, EntryId entry, const Scope& scope, const json::object& object,
                    Context& context) {
  const json::value* list = object.if_contains("claims");
  if (list == nullptr || !list->is_array()) {
    // Nobody has read it where it came from: here it is behind what was read, too.
    ASSIGN_OR_RETURN(Statement back, transaction.prepare("UPDATE memory_jobs SET watermark = ?1 - 1"
                                                         " WHERE watermark >= ?1"));
    return back.bind(1, entry).run();
  }
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  for (const json::value& one : list->get_array()) {
    if (!one.is_object()) return fail(ErrorCode::kInvalidArgument, "'claims' holds something that is no claim");
    RETURN_IF_ERROR(check_claim(one.get_object()));
    ASSIGN_OR_RETURN([[maybe_unused]] const bool is_new,
                     row_json_store::insert(transaction, "memory_claims", one.get_object(),
                                            {{"entry_id", entry}, {"scope_id", where.scope}}));
  }
  ASSIGN_OR_RETURN(const auto keys, fact_store::keys_of(transaction, entry));
  ASSIGN_OR_RETURN([[maybe_unused]] const int rows, fact_store::derive(transaction, keys, context.facts));
  return {};
}

Result<bool> store_episode(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  episodic_store::ChainedEpisode stored;
  Episode& episode = stored.episode;
  stored.id = members.integer("id");
  stored.sequence = members.integer("sequence");
  episode.scope = members.scope(context.tenant);
  episode.thread = members.text("thread");
  episode.kind = static_cast<EpisodeKind>(members.integer("kind", 0, static_cast<int>(EpisodeKind::kOutcome)));
  episode.role = members.text("role");
  episode.text = members.text("text");
  episode.time = members.time("time_us");
  episode.trust = members.trust("trust");
  for (const auto& [name, value] : members.object("attributes")) {
    if (!value.is_string()) return fail(ErrorCode::kInvalidArgument, "an attribute is no text");
    episode.attributes[std::string(name)] = std::string(value.get_string());
  }
  stored.salt = members.bytes("salt");
  stored.payload_hash = members.bytes("payload_hash");
  stored.chain_hash = members.bytes("chain_hash");
  RETURN_IF_ERROR(members.status());
  if (stored.sequence < 1 || episode.thread.empty()) {
    return fail(ErrorCode::kInvalidArgument, "an episode has a thread and a number in it");
  }
  ASSIGN_OR_RETURN(const EntryId id, episodic_store::restore(transaction, stored, context.terms));
  if (id == 0) return false;
  if (const json::value* abandoned = object.if_contains("abandoned"); abandoned != nullptr && *abandoned == true) {
    ASSIGN_OR_RETURN(Statement insert, transaction.prepare("INSERT INTO memory_abandoned (entry_id) VALUES (?1)"
                                                           " ON CONFLICT DO NOTHING"));
    RETURN_IF_ERROR(insert.bind(1, id).run());
  }
  RETURN_IF_ERROR(store_claims(transaction, id, episode.scope, object, context));
  RETURN_IF_ERROR(store_vectors(transaction, id, object, context));
  // No file has the vectors of its tokens: they are made as for a new turn.
  ASSIGN_OR_RETURN(const std::string tokens, vector_store::present_tokens(transaction));
  if (!tokens.empty()) RETURN_IF_ERROR(vector_store::enqueue(transaction, id));
  return true;
}

Result<bool> store_place(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  episodic_store::ChainedEpisode place;
  place.episode.scope.tenant = context.tenant;
  place.id = members.integer("id");
  place.sequence = members.integer("sequence");
  place.episode.thread = members.text("thread");
  place.episode.kind = static_cast<EpisodeKind>(members.integer("kind", 0, static_cast<int>(EpisodeKind::kOutcome)));
  place.payload_hash = members.bytes("payload_hash");
  place.chain_hash = members.bytes("chain_hash");
  RETURN_IF_ERROR(members.status());
  return episodic_store::restore_place(transaction, place);
}

/// A document of this uri that is seen, or is being imported; drafts of others are theirs.
struct Known {
  DocumentId id = 0;
  sources_store::State state{};
  std::string content_hash;
  std::int64_t chunks = 0;
};
Result<std::optional<Known>> find_document(Transaction& transaction, ScopeId scope, const std::string& uri) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT document_id, state, content_hash, chunks FROM memory_documents"
                                       " WHERE scope_id = ?1 AND uri = ?2 AND state IN (1, 4) ORDER BY state LIMIT 1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, scope).bind(2, std::string_view(uri)).step());
  if (!row) return std::optional<Known>();
  return std::optional<Known>(Known{select.integer(0), static_cast<sources_store::State>(select.integer(1)),
                                    select.text(2), select.integer(3)});
}

/// Shows a document all of whose chunks are there.
Status show_when_whole(Transaction& transaction, DocumentId document) {
  ASSIGN_OR_RETURN(Statement update,
                   transaction.prepare("UPDATE memory_documents SET state = 1 WHERE document_id = ?1 AND state = 4"
                                       " AND chunks = (SELECT count(*) FROM memory_chunks WHERE document_id = ?1)"));
  return update.bind(1, document).run();
}

Result<bool> store_document(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  const Scope scope = members.scope(context.tenant);
  const std::string uri = members.text("uri");
  const std::string content_hash = members.text("content_hash");
  // Of what the line says, these columns alone: never a number of the table.
  json::object row{{"uri", uri}, {"content_hash", content_hash}};
  for (const char* name : {"collection", "title", "cut", "stale"}) row[name] = members.text(name);
  row["media_type"] = members.integer("media_type", 0, static_cast<int>(MediaType::kDocx));
  row["trust"] = static_cast<int>(members.trust("trust"));
  row["chunks"] = members.integer("chunks", 0, kCountMax);
  for (const char* name : {"modified_us", "ingested_us"}) row[name] = to_micros(members.time(name));
  RETURN_IF_ERROR(members.status());
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(const auto known, find_document(transaction, where.scope, uri));
  if (known && known->content_hash == content_hash) return false;
  if (known) {
    return fail(ErrorCode::kFailedPrecondition, "document '" + uri + "' is here already, with another content",
                "retire it first, or leave it as it is");
  }
  ASSIGN_OR_RETURN(const bool added,
                   row_json_store::insert(
                       transaction, "memory_documents", row,
                       {{"scope_id", where.scope}, {"state", static_cast<int>(sources_store::State::kImported)}}));
  if (added) RETURN_IF_ERROR(show_when_whole(transaction, transaction.last_insert_rowid()));
  return added;
}

Result<bool> store_chunk(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  const Scope scope = members.scope(context.tenant);
  const std::string uri = members.text("uri");
  const std::int64_t ordinal = members.integer("ordinal", 0, kCountMax);
  const std::string heading = members.text("heading_path");
  const auto [byte_begin, byte_end] = members.range("bytes");
  const auto [line_begin, line_end] = members.range("lines");
  const std::string text = members.text("text");
  const std::int64_t wanted = members.integer("id");
  RETURN_IF_ERROR(members.status());
  ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
  ASSIGN_OR_RETURN(const auto document, find_document(transaction, where.scope, uri));
  if (!document) {
    return fail(ErrorCode::kInvalidArgument, "the document '" + uri + "' of this chunk is not here",
                "its own line stands before it, and was refused or is missing");
  }
  if (document->state == sources_store::State::kActive) return false;
  entry_store::NewEntry entry;
  {
    ASSIGN_OR_RETURN(Statement select,
                     transaction.prepare("SELECT modified_us, trust, EXISTS (SELECT 1 FROM memory_chunks"
                                         " WHERE document_id = ?1 AND ordinal = ?2) FROM memory_documents"
                                         " WHERE document_id = ?1"));
    ASSIGN_OR_RETURN(const bool row, select.bind(1, document->id).bind(2, ordinal).step());
    if (!row || select.integer(2) != 0) return false;
    entry.time = from_micros(select.integer(0));
    entry.trust = static_cast<Trust>(select.integer(1));
  }
  entry.where = where;
  entry.kind = EntryKind::kChunk;
  entry.document = document->id;
  entry.text = text;
  entry.words = context.terms.joined(heading + "\n" + text);
  ASSIGN_OR_RETURN(entry.id, episodic_store::free_id(transaction, wanted));
  ASSIGN_OR_RETURN(const EntryId id, entry_store::add(transaction, entry));
  ASSIGN_OR_RETURN([[maybe_unused]] const bool added,
                   row_json_store::insert(transaction, "memory_chunks", json::object{{"heading_path", heading}},
                                          {{"entry_id", id},
                                           {"document_id", document->id},
                                           {"ordinal", ordinal},
                                           {"byte_begin", byte_begin},
                                           {"byte_end", byte_end},
                                           {"line_begin", line_begin},
                                           {"line_end", line_end}}));
  RETURN_IF_ERROR(store_vectors(transaction, id, object, context));
  RETURN_IF_ERROR(show_when_whole(transaction, document->id));
  return true;
}

Result<bool> store_chat_turn(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  const std::string thread = members.text("thread");
  const json::object& row = members.object("row");
  RETURN_IF_ERROR(members.status());
  Members sequences(row);
  for (const char* name : {"last_sequence", "first_sequence"}) (void)sequences.integer(name, 1, kCountMax);
  (void)sequences.integer("parent_sequence", 0, kCountMax);
  RETURN_IF_ERROR(sequences.status());
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT thread_id FROM memory_threads JOIN memory_tenants USING (tenant_id)"
                                       " WHERE memory_tenants.name = ?1 AND memory_threads.name = ?2"));
  ASSIGN_OR_RETURN(const bool found,
                   select.bind(1, std::string_view(context.tenant)).bind(2, std::string_view(thread)).step());
  if (!found) return fail(ErrorCode::kInvalidArgument, "no episode of thread '" + thread + "' is here");
  return row_json_store::insert(transaction, "memory_chat_turns", row, {{"thread_id", select.integer(0)}});
}

}  // namespace

Result<bool> store(Transaction& transaction, const json::object& object, Context& context) {
  Members members(object);
  const std::string type = members.text("type");
  RETURN_IF_ERROR(members.status());
  if (type == "episode") return store_episode(transaction, object, context);
  if (type == "document") return store_document(transaction, object, context);
  if (type == "chunk") return store_chunk(transaction, object, context);
  if (type == "place") return store_place(transaction, object, context);
  if (type == "chat_turn") return store_chat_turn(transaction, object, context);
  for (const Holding& holding : holdings()) {
    if (!holding.read || holding.name != type) continue;
    const Scope scope = members.scope(context.tenant);
    const json::object& row = members.object("row");
    RETURN_IF_ERROR(members.status());
    ASSIGN_OR_RETURN(const ScopeKey where, scope_store::intern(transaction, scope));
    return holding.read(transaction, where, row, context.limits);
  }
  return fail(ErrorCode::kUnsupported, "'" + type + "' is nothing that this program imports",
              "use the program that exported it, or a newer one");
}

}  // namespace mnema::import_rows_store
