#include "memory/consolidation/fact_job.hpp"

#include <utility>

#include "memory/consolidation/job_store.hpp"
#include "memory/semantic/extract.hpp"
#include "memory/semantic/fact_store.hpp"
#include "memory/semantic/rules.hpp"

namespace mnema {
namespace {

struct Batch {
  job_store::Watermark from;
  std::vector<job_store::LoggedEpisode> episodes;
  std::vector<std::vector<Claim>> claims;  // of each
};

Result<bool> write(Transaction& transaction, const Batch& batch, const FactLimits& limits, int rows_max,
                   bool read_all_there_is) {
  job_store::Watermark to{semantic::kRulesVersion,
                          batch.from.version == semantic::kRulesVersion ? batch.from.entry : 0};
  std::set<EpisodeId> had_claims;  // by other rules, before
  if (!batch.episodes.empty()) {
    ASSIGN_OR_RETURN(had_claims,
                     fact_store::with_claims(transaction, batch.episodes.front().id, batch.episodes.back().id));
  }
  int rows = 0;
  bool all = true;
  for (std::size_t i = 0; i < batch.episodes.size(); ++i) {
    if (rows >= rows_max) {
      all = false;
      break;
    }
    const job_store::LoggedEpisode& logged = batch.episodes[i];
    to.entry = logged.id;
    if (batch.claims[i].empty() && !had_claims.contains(logged.id)) continue;
    ASSIGN_OR_RETURN(const bool is_there, job_store::is_there(transaction, logged.id));
    if (!is_there) continue;
    ASSIGN_OR_RETURN(const std::set<fact_store::FactKey> keys,
                     fact_store::put_claims(transaction, logged.scope, logged.id, batch.claims[i]));
    ASSIGN_OR_RETURN(const int derived, fact_store::derive(transaction, keys, limits));
    rows += static_cast<int>(batch.claims[i].size()) + derived;
  }
  if (to == batch.from) return false;
  RETURN_IF_ERROR(job_store::move(transaction, FactJob::kName, batch.from, to));
  return !all || !read_all_there_is;
}

}  // namespace

void FactJob::step(Executor& strand, std::function<void(Result<bool>)> on_done) {
  auto read = database_.read<Batch>([&](Transaction& transaction) -> Result<Batch> {
    Batch batch;
    ASSIGN_OR_RETURN(batch.from, job_store::watermark(transaction, kName));
    const EntryId after = batch.from.version == semantic::kRulesVersion ? batch.from.entry : 0;
    ASSIGN_OR_RETURN(batch.episodes, job_store::episodes_behind(transaction, after, bounds_.episodes));
    return batch;
  });
  if (!read.ok()) return on_done(read.error());
  if (read->episodes.empty() && read->from.version == semantic::kRulesVersion) return on_done(false);
  for (const job_store::LoggedEpisode& logged : read->episodes) {
    read->claims.push_back(extract_claims(logged.episode, limits_));
  }
  const bool read_all = static_cast<int>(read->episodes.size()) < bounds_.episodes;
  database_.write<bool>(
      WritePriority::kBackground,
      [batch = std::move(*read), limits = limits_, rows_max = bounds_.rows, read_all](Transaction& transaction) {
        return write(transaction, batch, limits, rows_max, read_all);
      },
      strand, std::move(on_done));
}

}  // namespace mnema
