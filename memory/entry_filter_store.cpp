#include "memory/entry_filter_store.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

namespace mnema {
namespace {

template <class List>
std::string json_array(const List& list) {
  boost::json::array array;
  for (const auto& item : list) array.emplace_back(item);
  return boost::json::serialize(array);
}

}  // namespace

EntryFilter::EntryFilter(VisibleScopes visible, const RecallQuery& query)
    : visible_(std::move(visible)),
      from_us_(to_micros(query.from.value_or(Time::min()))),
      to_us_(to_micros(query.to.value_or(Time::max()))),
      collection_(query.collection),
      thread_excluded_(query.thread_excluded),
      uris_excluded_(json_array(query.uris_excluded)),
      entries_excluded_(json_array(query.excluded)) {
  if (query.kind) kind_ = static_cast<int>(*query.kind);
}

bool EntryFilter::narrows() const {
  return kind_ || from_us_ != to_micros(Time::min()) || to_us_ != to_micros(Time::max()) || !collection_.empty() ||
         !thread_excluded_.empty() || uris_excluded_ != "[]" || entries_excluded_ != "[]";
}

EntryFilter EntryFilter::in_all_threads() const {
  EntryFilter filter = *this;
  filter.thread_excluded_.clear();
  return filter;
}

// What is not asked for is not looked up: each OR ends at its first side, and the excluded thread's number is found
// once for all rows. A document that is being written, or has gone
// and is being cleared away, is seen by nobody; nor is what was said on a branch of a chat that was abandoned.
const std::string EntryFilter::kCondition =
    "e.scope_id IN (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8) AND (?9 IS NULL OR e.kind = ?9) AND e.time_us BETWEEN ?10 AND ?11"
    " AND CASE WHEN e.document_id IS NULL THEN ?12 = '' ELSE EXISTS (SELECT 1 FROM memory_documents d"
    " WHERE d.document_id = e.document_id AND d.state = 1 AND (?12 = '' OR d.collection = ?12)"
    " AND (?14 = '[]' OR d.uri NOT IN (SELECT value FROM json_each(?14)))) END"
    " AND (?13 = '' OR NOT EXISTS (SELECT 1 FROM memory_episodes s WHERE s.entry_id = e.entry_id AND s.thread_id IN"
    " (SELECT thread_id FROM memory_threads WHERE ?13 <> '' AND tenant_id ="
    " (SELECT tenant_id FROM memory_scopes WHERE scope_id = max(?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)) AND name = ?13)))"
    " AND (?15 = '[]' OR e.entry_id NOT IN (SELECT value FROM json_each(?15)))"
    " AND NOT EXISTS (SELECT 1 FROM memory_abandoned a WHERE a.entry_id = e.entry_id)";

void EntryFilter::bind(Statement& statement) const {
  const auto scopes = visible_.padded();
  for (std::size_t i = 0; i < scopes.size(); ++i) statement.bind(1 + static_cast<int>(i), scopes[i]);
  statement.bind(9, kind_).bind(10, from_us_).bind(11, to_us_).bind(12, std::string_view(collection_));
  statement.bind(13, std::string_view(thread_excluded_)).bind(14, std::string_view(uris_excluded_));
  statement.bind(15, std::string_view(entries_excluded_));
}

Result<std::unordered_set<EntryId>> entries_of_thread(Transaction& transaction, TenantId tenant,
                                                      const std::string& thread) {
  ASSIGN_OR_RETURN(Statement select,
                   transaction.prepare("SELECT s.entry_id FROM memory_threads t JOIN memory_episodes s"
                                       " ON s.thread_id = t.thread_id WHERE t.tenant_id = ?1 AND t.name = ?2"));
  ASSIGN_OR_RETURN(const std::vector<EntryId> entries,
                   select.bind(1, tenant).bind(2, std::string_view(thread)).integers());
  return std::unordered_set<EntryId>(entries.begin(), entries.end());
}

}  // namespace mnema
