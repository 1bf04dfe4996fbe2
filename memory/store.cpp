#include "memory/store.hpp"

#include <algorithm>
#include <atomic>
#include <mutex>

#include "memory/change_trimmer.hpp"
#include "memory/document_writer.hpp"
#include "memory/embed_in_time.hpp"
#include "memory/embedding_queue.hpp"
#include "memory/episodic_store.hpp"
#include "memory/folder_job.hpp"
#include "memory/index_keeper.hpp"
#include "memory/query_vectors.hpp"
#include "memory/recall.hpp"
#include "memory/sources_store.hpp"
#include "memory/text_index_store.hpp"
#include "memory/text_terms.hpp"
#include "memory/vector_store.hpp"
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
  std::shared_ptr<IndexKeeper> index;
  std::shared_ptr<EmbeddingQueue> queue;
  std::shared_ptr<ChangeTrimmer> trimmer;
  std::shared_ptr<TextIndexKeeper> words;
  std::shared_ptr<DocumentWriter> writer;
  std::shared_ptr<QueryVectors> query_vectors;

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

  const auto left =
      database.read<std::vector<DocumentId>>([&](Transaction& transaction) -> Result<std::vector<DocumentId>> {
        RETURN_IF_ERROR(state->index->load(transaction));
        return sources_store::unseen(transaction);
      });
  if (!left.ok()) return left.error();
  state->writer->clear(*left, [] {});
  state->words->wake();
  if (embedder.dimensions() > 0) state->queue->start();
  state->trimmer->wake();
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
  return id;
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
  const auto job = std::make_shared<FolderJob>(state_->database, state_->writer, state_->executors.background,
                                               state_->clock, state_->options.limits.document_bytes_max,
                                               std::move(folder), reply_to, std::move(on_progress), std::move(on_done));
  state_->executors.background.post([job] { job->start(); });
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
    const MonotonicTime started = state->clock.monotonic_now();
    const std::string text = query.text;
    // Weak, because it waits inside the state: a vector that never comes must not keep the store.
    const auto on_question = [weak = std::weak_ptr<State>(state), query = std::move(query), answer,
                              started](QueryVectors::Vector vector) {
      const std::shared_ptr<State> store = weak.lock();
      if (!store) return answer(closed_error());
      RecallVectors vectors;
      RecallStatistics timed;
      timed.embed_us = (store->clock.monotonic_now() - started).count();
      if (vector.ok())
        vectors.question = std::move(*vector);
      else
        timed.without_vectors_because = vector.error().message;
      if (query.uncommitted.empty() || vectors.question.empty()) {
        return store->answer_recall(query, std::move(vectors), timed, answer);
      }
      std::vector<std::string> texts;
      for (const Episode& episode : query.uncommitted) texts.push_back(episode.role + ": " + episode.text);
      const Duration left = std::max(Duration{}, store->embed_timeout() - Duration(timed.embed_us));
      embed_in_time(store->embedder, std::move(texts), left, store->executors.query,
                    [store, query, answer, vectors, timed](auto made) mutable {
                      if (made.ok()) vectors.uncommitted = std::move(*made);
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
  state_->query_vectors->get(text, [on_done = std::move(on_done)](const QueryVectors::Vector&) {
    if (on_done) on_done();
  });
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

Status MemoryStore::check_integrity() {
  const auto checked = state_->database.read<int>([&](Transaction& transaction) -> Result<int> {
    RETURN_IF_ERROR(text_index_store::check_integrity(transaction));
    if (state_->embedder.dimensions() > 0) {
      RETURN_IF_ERROR(vector_store::check_integrity(transaction, state_->embedder.id()));
    }
    RETURN_IF_ERROR(state_->index->check_integrity(transaction));
    return 0;
  });
  if (!checked.ok()) return checked.error();
  return {};
}

}  // namespace mnema
