#include "memory/consolidation/job_store.hpp"

#include "runtime/base/json.hpp"

namespace mnema::job_store {

Result<Watermark> watermark(Transaction& transaction, const std::string& job) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT version, watermark FROM memory_jobs WHERE name = ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, std::string_view(job)).step());
  if (!row) return Watermark{};
  return Watermark{static_cast<int>(select.integer(0)), select.integer(1)};
}

Status move(Transaction& transaction, const std::string& job, const Watermark& from, const Watermark& to) {
  {
    ASSIGN_OR_RETURN(Statement write,
                     transaction.prepare(from == Watermark{}
                                             ? "INSERT INTO memory_jobs (name, version, watermark) VALUES (?1, ?2, ?3)"
                                               " ON CONFLICT DO NOTHING"
                                             : "UPDATE memory_jobs SET version = ?2, watermark = ?3"
                                               " WHERE name = ?1 AND version = ?4 AND watermark = ?5"));
    write.bind(1, std::string_view(job)).bind(2, to.version).bind(3, to.entry);
    if (!(from == Watermark{})) write.bind(4, from.version).bind(5, from.entry);
    RETURN_IF_ERROR(write.run());
  }
  if (transaction.changes() == 1) return {};
  return fail_retryable(ErrorCode::kAborted, "the job '" + job + "' was overtaken by another run of it");
}

Result<std::vector<LoggedEpisode>> episodes_behind(Transaction& transaction, EntryId after, int count_max) {
  ASSIGN_OR_RETURN(
      Statement select,
      transaction.prepare("SELECT e.entry_id, e.scope_id, s.kind, s.role, s.attributes, e.text, e.time_us,"
                          " e.trust FROM memory_entries e JOIN memory_episodes s ON s.entry_id = e.entry_id"
                          " WHERE e.entry_id > ?1 AND e.kind = 0 ORDER BY e.entry_id LIMIT ?2"));
  select.bind(1, after).bind(2, count_max);
  std::vector<LoggedEpisode> found;
  for (;;) {
    ASSIGN_OR_RETURN(const bool row, select.step());
    if (!row) return found;
    LoggedEpisode logged;
    logged.id = select.integer(0);
    logged.scope = select.integer(1);
    Episode& episode = logged.episode;
    episode.kind = static_cast<EpisodeKind>(select.integer(2));
    episode.role = select.text(3);
    ASSIGN_OR_RETURN(const boost::json::value attributes,
                     parse_bounded_json(select.text(4), "an episode's attributes"));
    if (const auto* object = attributes.if_object()) {
      for (const auto& [name, value] : *object) {
        if (value.is_string()) episode.attributes[std::string(name)] = std::string(value.get_string());
      }
    }
    episode.text = select.text(5);
    episode.time = from_micros(select.integer(6));
    episode.trust = static_cast<Trust>(select.integer(7));
    found.push_back(std::move(logged));
  }
}

Result<bool> is_there(Transaction& transaction, EntryId entry) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT 1 FROM memory_entries WHERE entry_id = ?1"));
  return select.bind(1, entry).step();
}

Result<std::int64_t> count_behind(Transaction& transaction, EntryId after) {
  ASSIGN_OR_RETURN(Statement select, transaction.prepare("SELECT count(*) FROM memory_episodes WHERE entry_id > ?1"));
  ASSIGN_OR_RETURN(const bool row, select.bind(1, after).step());
  return row ? select.integer(0) : 0;
}

}  // namespace mnema::job_store
