#include "memory/store.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "memory/blocks/block_store.hpp"
#include "memory/branch_store.hpp"
#include "memory/change_trimmer.hpp"
#include "memory/consolidation/fact_job.hpp"
#include "memory/consolidation/job_store.hpp"
#include "memory/consolidation/procedure_job.hpp"
#include "memory/document_writer.hpp"
#include "memory/embed_in_time.hpp"
#include "memory/embedding_queue.hpp"
#include "memory/episodic_store.hpp"
#include "memory/erase/memory_parts.hpp"
#include "memory/erase/scope_rows_store.hpp"
#include "memory/folder_job.hpp"
#include "memory/import/importer.hpp"
#include "memory/index_keeper.hpp"
#include "memory/procedural/procedure_finder.hpp"
#include "memory/procedural/procedure_store.hpp"
#include "memory/procedural/run_store.hpp"
#include "memory/query_vectors.hpp"
#include "memory/recall.hpp"
#include "memory/semantic/fact_store.hpp"
#include "memory/sources_store.hpp"
#include "memory/text_index_store.hpp"
#include "memory/text_terms.hpp"
#include "memory/vector_store.hpp"
#include "memory/verify/verify_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

Error closed_error() { return fail(ErrorCode::kCancelled, "memory is closed"); }

}  // namespace

struct MemoryStore::State : std::enable_shared_from_this<State> {
  State(Database& the_database, Embedder& the_embedder, Executors the_executors, const Clock& the_clock,
        Random& the_random, Options the_options, TermMaker the_terms)
      : database(the_database),
        embedder(the_embedder),
        executors(the_executors),
        clock(the_clock),
        random(the_random),
        options(std::move(the_options)),
        store_terms(std::move(the_terms)) {}

  Database& database;
  Embedder& embedder;
  const Executors executors;
  const Clock& clock;
  Random& random;  // under random_mutex
  const Options options;
  const TermMaker store_terms;  // of units of work: one at a time
  std::mutex random_mutex;
  std::atomic<bool> closed = false;
  std::atomic<bool> has_blocks = false;  // may be true where the last one is gone
  std::shared_ptr<IndexKeeper> index;
  std::shared_ptr<EmbeddingQueue> queue;
  std::shared_ptr<ChangeTrimmer> trimmer;
  std::shared_ptr<TextIndexKeeper> words;
  std::shared_ptr<DocumentWriter> writer;
  std::shared_ptr<QueryVectors> query_vectors;
  std::shared_ptr<JobRunner> jobs;
  std::shared_ptr<Eraser> eraser;
  std::shared_ptr<Importer> importer;

  Followers followers() const { return {index, queue, words}; }
  Duration embed_timeout() const { return std::chrono::milliseconds(options.limits.recall_embed_timeout_ms); }

  std::int64_t draw() {
    const std::scoped_lock lock(random_mutex);
    return static_cast<std::int64_t>(random.next_u64() >> 1);
  }

  std::string draw_salt() {
    std::string salt(16, '\0');
    const std::scoped_lock lock(random_mutex);
    random.fill({reinterpret_cast<std::uint8_t*>(salt.data()), salt.size()});
    return salt;
  }

  void read_folder(FolderSource folder, Executor& reply_to, std::function<void(FolderProgress)> on_progress,
                   std::function<void(Result<IngestReport>)> on_done);
  void keep_folder(FolderSource folder, Executor& reply_to, std::function<void(FolderProgress)> on_progress,
                   std::function<void(Result<IngestReport>)> on_read);
  void answer_recall(const RecallQuery& query, RecallVectors vectors, RecallStatistics timed,
                     const std::function<void(Result<Recalled>)>& on_done);
};

Result<std::unique_ptr<MemoryStore>> MemoryStore::open(Database& database, Embedder& embedder, Executors executors,
                                                       const Clock& clock, Random& random, Options options) {
  ASSIGN_OR_RETURN(TermMaker terms, TermMaker::make(options.language));
  auto state =
      std::make_shared<State>(database, embedder, executors, clock, random, std::move(options), std::move(terms));
  IndexKeeper::Options index{state->options.index_folder, embedder.id(), embedder.dimensions(), {}};
  index.index.exact_max = state->options.limits.exact_search_vectors_max;
  state->index = std::make_shared<IndexKeeper>(std::move(index), executors.background);
  // The parts know the state only for its random numbers; a weak pointer keeps them from holding each other.
  const auto draw = [weak = std::weak_ptr<State>(state)]() -> std::int64_t {
    const std::shared_ptr<State> self = weak.lock();
    return self ? self->draw() : 0;
  };
  state->queue = std::make_shared<EmbeddingQueue>(database, embedder, state->index, executors.background, draw,
                                                  state->options.limits.embedding_attempts_max);
  state->trimmer = std::make_shared<ChangeTrimmer>(database, embedder, state->index, executors.background,
                                                   state->options.limits.vector_changes_trimmed_max);
  ASSIGN_OR_RETURN(TermMaker keeper_terms, TermMaker::make(state->options.language));
  state->words = std::make_shared<TextIndexKeeper>(database, executors.background, std::move(keeper_terms));
  state->writer = std::make_shared<DocumentWriter>(database, executors.background, clock, state->options.limits,
                                                   state->options.language, state->followers(), draw);
  state->query_vectors = std::make_shared<QueryVectors>(embedder, executors.query, state->embed_timeout());
  state->jobs = std::make_shared<JobRunner>(executors.background, clock, state->options.consolidation);
  state->jobs->add(std::make_unique<FactJob>(database, state->options.facts));
  state->eraser = std::make_shared<Eraser>(database, executors.background, clock, state->options.erasing);
  ASSIGN_OR_RETURN(TermMaker import_terms, TermMaker::make(state->options.language));
  state->importer = std::make_shared<Importer>(database, executors.background, state->followers(), state->options.facts,
                                               ImportLimits{state->options.blocks}, std::move(import_terms), draw);
  state->jobs->add(std::make_unique<ProcedureJob>(database, clock, state->options.procedures));

  const auto left =
      database.read<std::vector<DocumentId>>([&](Transaction& transaction) -> Result<std::vector<DocumentId>> {
        RETURN_IF_ERROR(state->index->load(transaction));
        ASSIGN_OR_RETURN(const std::int64_t blocks, block_store::count(transaction));
        state->has_blocks = blocks > 0;
        return sources_store::unseen(transaction);
      });
  if (!left.ok()) return left.error();
  state->writer->clear_left(*left);
  state->words->wake();
  if (embedder.dimensions() > 0) state->queue->start();
  state->trimmer->wake();
  state->jobs->wake();
  return std::unique_ptr<MemoryStore>(new MemoryStore(std::move(state)));
}

MemoryStore::MemoryStore(std::shared_ptr<State> state) : state_(std::move(state)) {}
MemoryStore::~MemoryStore() {
  state_->closed = true;
  stop_background();
}

// ---- what happened ----

Result<EpisodeId> MemoryStore::append_episode(Transaction& transaction, const Episode& episode) {
  ASSIGN_OR_RETURN(const EpisodeId id,
                   episodic_store::append(transaction, episode, state_->draw_salt(), state_->store_terms));
  RETURN_IF_ERROR(state_->followers().follow(transaction, 0, {}));
  transaction.after_commit([jobs = state_->jobs] {
    jobs->note_use();
    jobs->wake();
  });
  return id;
}

void MemoryStore::remember(Episode episode, Executor& reply_to, std::function<void(Result<EpisodeId>)> on_done) {
  episode.time = episode.time == Time{} ? state_->clock.now() : episode.time;
  state_->database.write<EpisodeId>(
      WritePriority::kForeground,
      [state = state_, episode = std::move(episode)](Transaction& transaction) -> Result<EpisodeId> {
        ASSIGN_OR_RETURN(const EpisodeId id,
                         episodic_store::append(transaction, episode, state->draw_salt(), state->store_terms));
        RETURN_IF_ERROR(state->followers().follow(transaction, 0, {}));
        transaction.after_commit([jobs = state->jobs] { jobs->wake(); });
        return id;
      },
      reply_to, std::move(on_done));
}

Result<std::vector<Scope>> MemoryStore::scopes_of(const Scope& wanted, int count_max) {
  return state_->database.read<std::vector<Scope>>([&](Transaction& transaction) -> Result<std::vector<Scope>> {
    std::vector<Scope> found;
    ASSIGN_OR_RETURN(const auto tenant, scope_store::find_tenant(transaction, wanted.tenant));
    for (ScopeId after = 0; tenant && static_cast<int>(found.size()) < count_max;) {
      ASSIGN_OR_RETURN(const auto next, scope_rows_store::next_scope(transaction, *tenant, wanted, after));
      if (!next) break;
      found.push_back(next->scope);
      after = next->key.scope;
    }
    return found;
  });
}

Result<std::int64_t> MemoryStore::begin_chat_turn(Transaction& transaction, const std::string& tenant,
                                                  const std::string& thread, std::optional<std::int64_t> parent) {
  ASSIGN_OR_RETURN(const std::vector<EpisodeId> changed, branch_store::follow(transaction, tenant, thread, parent));
  std::set<fact_store::FactKey> keys;
  for (const EpisodeId episode : changed) {
    ASSIGN_OR_RETURN(const auto some, fact_store::keys_of(transaction, episode));
    keys.insert(some.begin(), some.end());
  }
  ASSIGN_OR_RETURN([[maybe_unused]] const int rows, fact_store::derive(transaction, keys, state_->options.facts));
  return branch_store::last_sequence(transaction, tenant, thread);
}

Result<std::int64_t> MemoryStore::end_chat_turn(Transaction& transaction, const std::string& tenant,
                                                const std::string& thread, std::optional<std::int64_t> parent,
                                                std::int64_t before) {
  ASSIGN_OR_RETURN(const std::int64_t last, branch_store::last_sequence(transaction, tenant, thread));
  if (last == before) return parent.value_or(before);
  RETURN_IF_ERROR(branch_store::add_turn(transaction, tenant, thread, parent, before + 1, last));
  return last;
}

// ---- facts ----

void MemoryStore::facts(FactQuery query, Executor& reply_to, std::function<void(Result<Facts>)> on_done) {
  auto answer = [&reply_to, on_done = std::move(on_done)](Result<Facts> facts) {
    reply_to.post([on_done, facts = std::move(facts)] { on_done(facts); });
  };
  if (query.scope.tenant.empty()) {
    return answer(
        fail(ErrorCode::kInvalidArgument, "a question for facts needs to know who asks: its scope names no tenant"));
  }
  state_->executors.query.post([state = state_, query = std::move(query), answer = std::move(answer)] {
    if (state->closed) return answer(closed_error());
    state->jobs->note_use();
    answer(state->database.read<Facts>([&](Transaction& transaction) -> Result<Facts> {
      ASSIGN_OR_RETURN(const VisibleScopes visible, scope_store::visible_to(transaction, query.scope));
      return fact_store::find(transaction, visible, query, state->clock.now(), state->options.facts);
    }));
  });
}

Result<Facts> MemoryStore::facts_of(const std::string& tenant, const std::optional<std::string>& user,
                                    const FactQuery& query) {
  return state_->database.read<Facts>([&](Transaction& transaction) -> Result<Facts> {
    ASSIGN_OR_RETURN(const VisibleScopes scopes, fact_store::scopes_of(transaction, tenant, user));
    return fact_store::find(transaction, scopes, query, state_->clock.now(), state_->options.facts);
  });
}

Result<std::vector<FactConflict>> MemoryStore::fact_conflicts_of(const std::string& tenant,
                                                                 const std::optional<std::string>& user,
                                                                 int count_max) {
  return state_->database.read<std::vector<FactConflict>>(
      [&](Transaction& transaction) -> Result<std::vector<FactConflict>> {
        ASSIGN_OR_RETURN(const VisibleScopes scopes, fact_store::scopes_of(transaction, tenant, user));
        return fact_store::conflicts(transaction, scopes, count_max);
      });
}

void MemoryStore::when_consolidated(Executor& reply_to, std::function<void(Status)> on_done) {
  state_->jobs->when_done(reply_to, std::move(on_done));
}

Result<std::vector<StoredEpisode>> MemoryStore::thread(const Scope& scope, const std::string& thread, int count_max) {
  return state_->database.read<std::vector<StoredEpisode>>(
      [&](Transaction& transaction) { return episodic_store::thread(transaction, scope, thread, count_max); });
}

Status MemoryStore::verify_chain(const std::string& tenant, const std::string& thread) {
  const auto verified = state_->database.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(episodic_store::verify_chain(transaction, tenant, thread));
    return 0;
  });
  if (!verified.ok()) return verified.error();
  return {};
}

// ---- procedures ----

Status MemoryStore::append_task_run(Transaction& transaction, const TaskRun& run) {
  const TaskTerms terms = task_terms(state_->store_terms, run.text);
  ASSIGN_OR_RETURN([[maybe_unused]] const TaskRunId id, run_store::append(transaction, run, terms));
  transaction.after_commit([jobs = state_->jobs] {
    jobs->note_use();
    jobs->wake();
  });
  return {};
}

void MemoryStore::note_failed_run(TaskRun run) {
  state_->database.write<bool>(
      WritePriority::kBackground,
      [state = state_, run = std::move(run)](Transaction& transaction) -> Result<bool> {
        ASSIGN_OR_RETURN([[maybe_unused]] const TaskRunId id,
                         run_store::append(transaction, run, task_terms(state->store_terms, run.text)));
        transaction.after_commit([jobs = state->jobs] { jobs->wake(); });
        return true;
      },
      state_->executors.background,
      [](const Result<bool>& written) {
        if (written.ok() || written.error().code == ErrorCode::kCancelled) return;
        log_warning("memory", "a failed turn is not counted", {{"because", written.error().message}});
      });
}

Status MemoryStore::correct_last_run(Transaction& transaction, const Scope& scope, const std::string& thread) {
  ASSIGN_OR_RETURN(const ScopeKey agent, scope_store::intern(transaction, Scope{scope.tenant, scope.agent, "", ""}));
  ASSIGN_OR_RETURN(const auto last, run_store::last_of(transaction, agent.scope, thread));
  if (!last) return {};
  return procedure_store::correct(transaction, *last, "the user corrected it", state_->options.procedures,
                                  state_->clock.now());
}

void MemoryStore::procedure(ProcedureQuery query, Executor& reply_to,
                            std::function<void(Result<std::optional<Procedure>>)> on_done) {
  using Found = std::optional<Procedure>;
  auto answer = [&reply_to, on_done = std::move(on_done)](Result<Found> found) {
    reply_to.post([on_done, found = std::move(found)] { on_done(found); });
  };
  if (query.owner.tenant.empty()) {
    return answer(fail(ErrorCode::kInvalidArgument,
                       "a question for procedures needs to know who asks: its scope names no tenant"));
  }
  state_->executors.query.post([state = state_, query = std::move(query), answer = std::move(answer)] {
    if (state->closed) return answer(closed_error());
    state->jobs->note_use();
    const Result<TermMaker> terms = TermMaker::make(state->options.language);
    if (!terms.ok()) return answer(terms.error());
    answer(state->database.read<Found>([&](Transaction& transaction) {
      return find_procedure(transaction, query, *terms, state->options.procedures);
    }));
  });
}

const ProcedureLimits& MemoryStore::procedure_limits() const { return state_->options.procedures; }

// ---- blocks ----

bool MemoryStore::has_blocks() const { return state_->has_blocks; }

void MemoryStore::blocks(Scope asker, Executor& reply_to, std::function<void(Result<std::vector<Block>>)> on_done) {
  auto answer = [&reply_to, on_done = std::move(on_done)](Result<std::vector<Block>> found) {
    reply_to.post([on_done, found = std::move(found)] { on_done(found); });
  };
  if (asker.tenant.empty()) {
    return answer(
        fail(ErrorCode::kInvalidArgument, "a question for blocks needs to know who asks: its scope names no tenant"));
  }
  state_->executors.query.post([state = state_, asker = std::move(asker), answer = std::move(answer)] {
    if (state->closed) return answer(closed_error());
    state->jobs->note_use();
    answer(state->database.read<std::vector<Block>>(
        [&](Transaction& transaction) { return block_store::seen_by(transaction, asker); }));
  });
}

Result<Block> MemoryStore::edit_block(Transaction& transaction, const BlockEdit& edit) {
  ASSIGN_OR_RETURN(Block block, block_store::edit(transaction, edit, state_->options.blocks, state_->clock.now()));
  state_->has_blocks = true;
  return block;
}

const BlockLimits& MemoryStore::block_limits() const { return state_->options.blocks; }

// ---- administration ----

void MemoryStore::change(std::function<Status(Transaction&, Time now)> unit, Executor& reply_to,
                         std::function<void(Status)> on_done) {
  state_->database.write<bool>(
      WritePriority::kForeground,
      [unit = std::move(unit), now = state_->clock.now()](Transaction& transaction) -> Result<bool> {
        RETURN_IF_ERROR(unit(transaction, now));
        return true;
      },
      reply_to,
      [on_done = std::move(on_done)](const Result<bool>& changed) {
        on_done(changed.ok() ? Status() : Status(changed.error()));
      });
}

Status MemoryStore::look(const std::function<Status(Transaction&)>& query) {
  const auto done = state_->database.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(query(transaction));
    return 0;
  });
  return done.ok() ? Status() : Status(done.error());
}

// ---- documents ----

void MemoryStore::ingest_document(Document document, Executor& reply_to,
                                  std::function<void(Result<IngestReport>)> on_done) {
  state_->executors.background.post(
      [writer = state_->writer, document = std::move(document), &reply_to, on_done = std::move(on_done)]() mutable {
        writer->put(std::move(document), [&reply_to, on_done](const Result<DocumentChange>& change) {
          Result<IngestReport> report = IngestReport{};
          if (change.ok())
            count(*report, *change);
          else
            report = change.error();
          reply_to.post([on_done, report = std::move(report)] { on_done(report); });
        });
      });
}

void MemoryStore::ingest_folder(FolderSource folder, Executor& reply_to,
                                std::function<void(FolderProgress)> on_progress,
                                std::function<void(Result<IngestReport>)> on_done) {
  state_->read_folder(std::move(folder), reply_to, std::move(on_progress), std::move(on_done));
}

void MemoryStore::State::read_folder(FolderSource folder, Executor& reply_to,
                                     std::function<void(FolderProgress)> on_progress,
                                     std::function<void(Result<IngestReport>)> on_done) {
  const auto job =
      std::make_shared<FolderJob>(database, writer, executors.background, clock, options.limits.document_bytes_max,
                                  std::move(folder), reply_to, std::move(on_progress), std::move(on_done));
  executors.background.post([job] { job->start(); });
}

void MemoryStore::keep_folder(FolderSource folder, Executor& reply_to, std::function<void(FolderProgress)> on_progress,
                              std::function<void(Result<IngestReport>)> on_read) {
  state_->keep_folder(std::move(folder), reply_to, std::move(on_progress), std::move(on_read));
}

void MemoryStore::State::keep_folder(FolderSource folder, Executor& reply_to,
                                     std::function<void(FolderProgress)> on_progress,
                                     std::function<void(Result<IngestReport>)> on_read) {
  // Weak: what waits for the next reading must not keep the store.
  auto again = [weak = weak_from_this(), folder, &reply_to, on_progress, on_read] {
    const std::shared_ptr<State> self = weak.lock();
    if (self && !self->closed) self->keep_folder(folder, reply_to, on_progress, on_read);
  };
  read_folder(folder, reply_to, on_progress,
              [weak = weak_from_this(), ttl = folder.ttl, on_read, again](const Result<IngestReport>& report) {
                on_read(report);
                const std::shared_ptr<State> self = weak.lock();
                if (self && !self->closed && ttl > Duration{}) self->executors.background.post_after(ttl, again);
              });
}

Result<std::vector<SourceInfo>> MemoryStore::sources(const Scope& scope) {
  return state_->database.read<std::vector<SourceInfo>>(
      [&](Transaction& transaction) { return sources_store::list(transaction, scope); });
}

void MemoryStore::retire_document(Scope scope, std::string uri, Executor& reply_to,
                                  std::function<void(Status)> on_done) {
  state_->writer->retire(std::move(scope), std::move(uri), reply_to,
                         [on_done = std::move(on_done)](const Result<DocumentChange>& change) {
                           on_done(change.ok() ? Status() : Status(change.error()));
                         });
}

// ---- recall ----

void MemoryStore::recall(RecallQuery query, Executor& reply_to, std::function<void(Result<Recalled>)> on_done) {
  auto answer = [&reply_to, on_done = std::move(on_done)](Result<Recalled> recalled) {
    reply_to.post([on_done, recalled = std::move(recalled)] { on_done(recalled); });
  };
  if (query.scope.tenant.empty()) {
    return answer(fail(ErrorCode::kInvalidArgument, "a recall needs to know who asks: its scope names no tenant"));
  }
  state_->executors.query.post([state = state_, query = std::move(query), answer = std::move(answer)]() mutable {
    if (state->closed) return answer(closed_error());
    state->jobs->note_use();
    const MonotonicTime started = state->clock.monotonic_now();
    const std::string text = query.text;
    // Weak, because it waits inside the state: a vector that never comes must not keep the store.
    const auto on_question = [weak = std::weak_ptr<State>(state), query = std::move(query), answer,
                              started](QueryVectors::Question question) {
      const std::shared_ptr<State> store = weak.lock();
      if (!store) return answer(closed_error());
      RecallVectors vectors;
      RecallStatistics timed;
      timed.embed_us = (store->clock.monotonic_now() - started).count();
      if (question.ok())
        vectors.question = std::move(*question);
      else
        timed.without_vectors_because = question.error().message;
      if (query.uncommitted.empty() || vectors.question.vector.empty()) {
        return store->answer_recall(query, std::move(vectors), timed, answer);
      }
      std::vector<std::string> texts;
      for (const Episode& episode : query.uncommitted) texts.push_back(episode.role + ": " + episode.text);
      const Duration left = std::max(Duration{}, store->embed_timeout() - Duration(timed.embed_us));
      embed_in_time(store->embedder, std::move(texts), Embedder::Kind::kPassage, false, left, store->executors.query,
                    [store, query, answer, vectors, timed](auto made) mutable {
                      for (std::size_t i = 0; made.ok() && i < made->size(); ++i) {
                        vectors.uncommitted.push_back(std::move((*made)[i].vector));
                      }
                      store->answer_recall(query, std::move(vectors), timed, answer);
                    });
    };
    if (text.empty()) {
      return on_question(fail(ErrorCode::kInvalidArgument, "the question has no text"));
    }
    if (state->embedder.dimensions() == 0) {
      return on_question(fail(ErrorCode::kFailedPrecondition, "there is no embedder"));
    }
    state->query_vectors->get(text, on_question);
  });
}

void MemoryStore::State::answer_recall(const RecallQuery& query, RecallVectors vectors, RecallStatistics timed,
                                       const std::function<void(Result<Recalled>)>& on_done) {
  if (closed) return on_done(closed_error());
  const MonotonicTime started = clock.monotonic_now();
  Result<TermMaker> terms = TermMaker::make(options.language);
  if (!terms.ok()) return on_done(terms.error());
  auto recalled = database.read<Recalled>([&](Transaction& transaction) {
    return mnema::recall(transaction, *index, *terms, query, vectors, options.limits.recall_candidates_max);
  });
  if (recalled.ok()) {
    recalled->statistics.embed_us = timed.embed_us;
    recalled->statistics.search_us = (clock.monotonic_now() - started).count();
    recalled->statistics.without_vectors_because = timed.without_vectors_because;
  }
  on_done(std::move(recalled));
}

void MemoryStore::prestage(std::string text, std::function<void()> on_done) {
  if (state_->closed || text.empty() || state_->embedder.dimensions() == 0) {
    if (on_done) on_done();
    return;
  }
  state_->query_vectors->get(text, [on_done = std::move(on_done)](const QueryVectors::Question&) {
    if (on_done) on_done();
  });
}

// ---- erasing ----

void MemoryStore::start_erasures(std::vector<ErasePart> others) {
  state_->eraser->add(std::move(others));
  const auto draw = [weak = std::weak_ptr<State>(state_)]() -> std::int64_t {
    const std::shared_ptr<State> self = weak.lock();
    return self ? self->draw() : 0;
  };
  state_->eraser->add(memory_parts({state_->database, state_->executors.background, state_->followers(),
                                    state_->options.facts, state_->options.procedures, draw}));
  state_->eraser->start();
}

Eraser& MemoryStore::eraser() { return *state_->eraser; }

// ---- moving ----

void MemoryStore::import_lines(std::string tenant, std::vector<ImportLine> lines, Executor& reply_to,
                               std::function<void(Result<ImportReport>)> on_done) {
  state_->has_blocks = true;  // it may bring some
  state_->importer->take(std::move(tenant), std::move(lines), reply_to, std::move(on_done));
}

// ---- upkeep ----

void MemoryStore::when_embedded(Executor& reply_to, std::function<void(Result<std::int64_t>)> on_done) {
  if (state_->embedder.dimensions() == 0) {
    return reply_to.post([on_done = std::move(on_done)] {
      on_done(fail(ErrorCode::kFailedPrecondition, "there is no embedder", "set [inference] embedding_model"));
    });
  }
  state_->queue->when_empty(reply_to, std::move(on_done));
}

Status MemoryStore::save_indexes() {
  Status saved = state_->index->save(state_->database);
  state_->trimmer->wake();
  return saved;
}

void MemoryStore::stop_background() {
  state_->writer->close();
  state_->words->close();
  state_->queue->close();
  state_->trimmer->close();
  state_->jobs->close();
  state_->eraser->close();
  state_->importer->close();
}

void MemoryStore::close() {
  if (state_->closed.exchange(true)) return;
  stop_background();
  if (const Status saved = save_indexes(); !saved.ok()) {
    log_warning("memory", "index files not written; the next start makes them again",
                {{"because", saved.error().message}});
  }
}

Result<MemoryStatistics> MemoryStore::statistics() {
  return state_->database.read<MemoryStatistics>([&](Transaction& transaction) -> Result<MemoryStatistics> {
    MemoryStatistics made;
    ASSIGN_OR_RETURN(const sources_store::Counts counts, sources_store::counts(transaction));
    made.episodes = counts.episodes;
    made.documents = counts.documents;
    made.chunks = counts.chunks;
    ASSIGN_OR_RETURN(const auto pending,
                     vector_store::pending_counts(transaction, state_->options.limits.embedding_attempts_max));
    made.vectors_pending = pending.waiting;
    made.vectors_refused = pending.refused;
    made.embedder_id = state_->embedder.id();
    made.index_rebuilds = state_->index->rebuilds();
    made.index_bytes = state_->index->memory_bytes();
    ASSIGN_OR_RETURN(const fact_store::Counts known, fact_store::counts(transaction));
    made.claims = known.claims;
    made.facts = known.facts;
    made.fact_conflicts = known.conflicts;
    ASSIGN_OR_RETURN(const procedure_store::Counts learned, procedure_store::counts(transaction));
    made.procedures = learned.active;
    made.procedures_demoted = learned.demoted;
    ASSIGN_OR_RETURN(made.blocks, block_store::count(transaction));
    ASSIGN_OR_RETURN(const job_store::Watermark read, job_store::watermark(transaction, FactJob::kName));
    ASSIGN_OR_RETURN(made.episodes_unread, job_store::count_behind(transaction, read.entry));
    made.consolidation_units = state_->jobs->counts().units;
    made.consolidation_failures = state_->jobs->counts().failures;
    ASSIGN_OR_RETURN(const auto embedder,
                     vector_store::find_embedder(transaction, made.embedder_id, state_->embedder.dimensions()));
    if (embedder) {
      ASSIGN_OR_RETURN(made.vectors, vector_store::vector_count(transaction, *embedder));
    }
    return made;
  });
}

Result<std::int64_t> MemoryStore::vectors_refused() {
  return state_->database.read<std::int64_t>([&](Transaction& transaction) -> Result<std::int64_t> {
    ASSIGN_OR_RETURN(const auto pending,
                     vector_store::pending_counts(transaction, state_->options.limits.embedding_attempts_max));
    return pending.refused;
  });
}

Result<std::vector<VerifiedTenant>> MemoryStore::verify(const std::string& tenant) {
  return state_->database.read<std::vector<VerifiedTenant>>(
      [&](Transaction& transaction) -> Result<std::vector<VerifiedTenant>> {
        ASSIGN_OR_RETURN(const auto tenants, verify_store::tenants(transaction, tenant));
        if (tenants.empty() && !tenant.empty()) {
          return fail(ErrorCode::kNotFound, "memory has nothing of tenant '" + tenant + "'");
        }
        std::vector<VerifiedTenant> all;
        for (const verify_store::NumberedTenant& one : tenants) {
          ASSIGN_OR_RETURN(all.emplace_back(),
                           verify_store::verify(transaction, one, state_->embedder.id(), state_->embedder.dimensions(),
                                                state_->options.limits.embedding_attempts_max));
          const Status index = state_->index->check_tenant(transaction, one.id);
          // While vectors are made, some are in the rows and on their way into the index.
          if (!index.ok() && all.back().waiting == 0)
            all.back().wrong.push_back(index.error().message + " ('mnema memory rebuild')");
        }
        return all;
      });
}

void MemoryStore::rebuild(std::string tenant, Executor& reply_to, std::function<void(Status)> on_done) {
  using Tenants = std::vector<verify_store::NumberedTenant>;
  state_->database.write<Tenants>(
      WritePriority::kBackground,
      [tenant](Transaction& transaction) -> Result<Tenants> {
        ASSIGN_OR_RETURN(const Tenants found, verify_store::tenants(transaction, tenant));
        if (tenant.empty() || found.empty()) {
          return fail(ErrorCode::kNotFound, "memory has nothing of tenant '" + tenant + "'");
        }
        RETURN_IF_ERROR(verify_store::outdate_words(transaction, found.front()));
        return found;
      },
      state_->executors.background,
      [state = state_, &reply_to, on_done = std::move(on_done)](const Result<Tenants>& found) {
        Status rebuilt;
        if (found.ok()) {
          state->words->wake();
          rebuilt = state->index->renew(state->database, found->front().id);
        } else {
          rebuilt = found.error();
        }
        reply_to.post([on_done, rebuilt] { on_done(rebuilt); });
      });
}

Status MemoryStore::check_integrity() {
  const auto checked = state_->database.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(text_index_store::check_integrity(transaction));
    if (state_->embedder.dimensions() > 0) {
      RETURN_IF_ERROR(vector_store::check_integrity(transaction, state_->embedder.id()));
    }
    RETURN_IF_ERROR(state_->index->check_integrity(transaction));
    RETURN_IF_ERROR(fact_store::check_integrity(transaction, state_->options.facts));
    RETURN_IF_ERROR(procedure_store::check_integrity(transaction));
    RETURN_IF_ERROR(block_store::check_integrity(transaction));
    return 0;
  });
  if (!checked.ok()) return checked.error();
  return {};
}

}  // namespace mnema
