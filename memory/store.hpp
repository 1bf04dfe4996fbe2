// memory/store.hpp — START HERE
//
// Memory as its users see it: what happened goes in with the turn's transaction, documents are ingested beside it, and
// `recall` finds what bears on a question, or nothing.
//
//   Text and vectors are rows of the one database, and the truth. The text index is rows too (FTS5, one per tenant);
//   the vector index is a cache in memory with a snapshot file per tenant, which is checked, replayed, and rebuilt from
//   the rows whenever it does not fit them. A row is there at once for words and time (a tenant's first rows for their
//   words a moment later); its vector follows from a background queue that survives a restart. No language model is
//   asked on the way in.
//
//   record.hpp            the nouns, and who sees what
//   episodic_store.hpp    the log                    sources_store.hpp   documents and chunks       chunker.hpp
//   text_index_store.hpp  words                      vector/             distance, flat, hnsw, index, snapshot_file
//   vector_store.hpp      vectors and their log      index_keeper.hpp    keeps the index in step with the rows
//   embedding_queue.hpp   rows without a vector      recall.hpp          candidates, fusion, relevance
//   document_writer.hpp   documents into rows        folder_job.hpp      one reading of a folder
//   text_index_keeper.hpp words that were not there  entry_filter_store.hpp  who sees what, in SQL
//   erase/eraser.hpp      erases a scope everywhere  erase_holdings.hpp      what each table holds of a scope
//   change_trimmer.hpp    bounds the log of vectors' changes             branch_store.hpp     what a chat went on from
//   semantic/             facts: rules, supersession    consolidation/   episodes into facts, in idle time
//   procedural/           how tasks were done           blocks/          small texts that stand in every prompt
//   documents/            readers of the formats, encodings, words, cutting
//
// Threads:   methods that take a Transaction run inside a unit of work of the database. `recall`, `ingest_*` and
//            `prestage` from any thread; their callbacks on the executor passed in. The plain reads (`sources`,
//            `thread`, `statistics`, ...) run on the caller's thread over a read connection: not on the loop.
// Ownership: borrows the database, embedder, executors, clock and random source, which outlive it. `close` stops the
//            background work; work in flight when the store goes holds what it needs and finds it closed.
// Invariant: every row has its words in the text index, or its tenant waits for them; a vector, or a place in the
//            embedding queue; index labels == vector rows; facts are what their evidence gives   (check_integrity)
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "memory/blocks/block.hpp"
#include "memory/consolidation/job_runner.hpp"
#include "memory/embedder.hpp"
#include "memory/erase/eraser.hpp"
#include "memory/import/import_report.hpp"
#include "memory/procedural/procedure.hpp"
#include "memory/record.hpp"
#include "memory/semantic/fact.hpp"
#include "memory/verify/verified_tenant.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// The migrations of component "memory", for Database::open.
[[nodiscard]] std::vector<Migration> memory_migrations();

enum class IngestOutcome { kAdded, kUnchanged, kChanged, kRetired, kSkipped };

struct IngestReport {
  int added = 0;
  int unchanged = 0;
  int changed = 0;
  int retired = 0;                 // gone from the folder: no longer recalled
  int skipped = 0;                 // files: too large, not text, unreadable
  int chunks = 0;                  // written
  std::vector<std::string> notes;  // one sentence per skipped file, per folder that could not be looked into, and per
                                   // file whose encoding had to be found out
};

/// A folder of documents, ingested as one collection. Where another folder of the same scope has the name already, and
/// is still there, the collection is called "docs (parent)" instead; a folder keeps the name it once got.
struct FolderSource {
  Scope scope;
  std::string path;
  std::string collection;                    // empty: the folder's own name
  std::vector<std::string> extensions = {};  // ".md"; empty: each that can be read (memory/documents/format.hpp)
  Trust trust = Trust::kOperator;
  Duration ttl = {};  // how long its documents count as what the folder holds, from a reading on; 0: no end
};

struct FolderProgress {
  int files_done = 0;
  int files = 0;
  std::string uri;
  IngestOutcome outcome = IngestOutcome::kAdded;
};

struct SourceInfo {
  DocumentId id = 0;
  std::string uri;
  std::string title;
  std::string collection;
  std::string content_hash;  // SHA-256, hex
  int chunks = 0;
  Time modified{};
  Time ingested{};
  std::optional<Time> checked;      // when its folder was last read; none: it came alone
  std::optional<Time> fresh_until;  // then its folder is to be read again; none: no end
  std::string stale;                // why it is not what its source holds today; empty: it is
};

struct MemoryStatistics {
  std::int64_t episodes = 0;
  std::int64_t documents = 0;        // active ones
  std::int64_t chunks = 0;           // of active documents
  std::int64_t vectors = 0;          // of the present embedder
  std::int64_t vectors_pending = 0;  // rows that wait for one
  std::int64_t vectors_refused = 0;  // rows that stay without one: the embedder refuses their text
  std::string embedder_id;
  int index_rebuilds = 0;        // since open
  std::int64_t index_bytes = 0;  // in memory
  std::int64_t claims = 0;
  std::int64_t facts = 0;  // present and past ones
  std::int64_t fact_conflicts = 0;
  std::int64_t procedures = 0;  // active ones
  std::int64_t procedures_demoted = 0;
  std::int64_t blocks = 0;
  std::int64_t episodes_unread = 0;         // whose facts are not made yet
  std::int64_t consolidation_units = 0;     // since open
  std::int64_t consolidation_failures = 0;  // likewise
};

class MemoryStore {
 public:
  struct Executors {
    Executor& query;       // recall runs here; a pool
    Executor& background;  // ingest, embedding, index upkeep; its work may take milliseconds
  };
  struct Options {
    std::string index_folder;          // for snapshots; made if missing. Empty: no files, rebuilt at each open
    std::string language = "english";  // of the stemmer; changing it rebuilds the text index
    Limits limits;
    FactLimits facts;
    ProcedureLimits procedures;
    BlockLimits blocks;
    JobRunner::Options consolidation;
    Eraser::Options erasing;
  };

  /// Reads indexes from their snapshots, replays what they lack, rebuilds what does not check, and starts embedding
  /// what has no vector. The database was opened with `memory_migrations()`. Blocks while it reads; writes nothing
  /// before it returns. Errors: `kStorage`, `kCorrupt`, `kInvalidArgument` (unknown language), `kFailedPrecondition`
  /// (the embedder's dimensions are not those of its vectors).
  [[nodiscard]] static Result<std::unique_ptr<MemoryStore>> open(Database& database, Embedder& embedder,
                                                                 Executors executors, const Clock& clock,
                                                                 Random& random, Options options);
  ~MemoryStore();
  MemoryStore(const MemoryStore&) = delete;
  MemoryStore& operator=(const MemoryStore&) = delete;

  // ---- what happened ----

  /// Adds `episode` to the log as part of the caller's unit of work, so that it commits with the turn or not at all.
  /// Errors: `kInvalidArgument` (no thread and no session), `kStorage`.
  [[nodiscard]] Result<EpisodeId> append_episode(Transaction& transaction, const Episode& episode);

  /// As a unit of work of its own.
  void remember(Episode episode, Executor& reply_to, std::function<void(Result<EpisodeId>)> on_done);

  /// Scopes that have something, or had, and all names that `wanted` has; at most `count_max`.
  [[nodiscard]] Result<std::vector<Scope>> scopes_of(const Scope& wanted, int count_max);

  /// The last `count_max` episodes of a thread, oldest first, as far as `scope` may see them.
  [[nodiscard]] Result<std::vector<StoredEpisode>> thread(const Scope& scope, const std::string& thread, int count_max);

  /// Walks a thread's hash chain. Errors: `kCorrupt` naming the first episode that does not fit, `kNotFound`.
  [[nodiscard]] Status verify_chain(const std::string& tenant, const std::string& thread);

  /// A turn of a chat goes on behind the turn that ended with episode number `parent` of the thread (none: nobody
  /// knows). What was said behind that leaves recall and facts. Before the turn's episodes are appended, in the same
  /// unit of work; `end_chat_turn` after that. Returns the number of the thread's last episode.
  [[nodiscard]] Result<std::int64_t> begin_chat_turn(Transaction& transaction, const std::string& tenant,
                                                     const std::string& thread, std::optional<std::int64_t> parent);
  /// `before`: what `begin_chat_turn` returned. Returns what the next turn names as its parent.
  [[nodiscard]] Result<std::int64_t> end_chat_turn(Transaction& transaction, const std::string& tenant,
                                                   const std::string& thread, std::optional<std::int64_t> parent,
                                                   std::int64_t before);

  // ---- facts ----

  /// What is known of things: valid and believed at the times that the query names. Facts follow their episodes in idle
  /// time (consolidation/). Errors: `kInvalidArgument` (empty tenant), `kStorage`.
  void facts(FactQuery query, Executor& reply_to, std::function<void(Result<Facts>)> on_done);
  /// For who administers a tenant: what all its scopes hold, and what of it cannot be decided; with `user` that user's.
  /// `query.scope` is not used. Errors: `kStorage`.
  [[nodiscard]] Result<Facts> facts_of(const std::string& tenant, const std::optional<std::string>& user,
                                       const FactQuery& query);
  [[nodiscard]] Result<std::vector<FactConflict>> fact_conflicts_of(const std::string& tenant,
                                                                    const std::optional<std::string>& user,
                                                                    int count_max);
  /// Calls back when the facts of every episode that was committed before this call are there; does not wait for idle
  /// time. Errors: `kCancelled` (closed), those of the job.
  void when_consolidated(Executor& reply_to, std::function<void(Status)> on_done);

  // ---- procedures ----

  /// Records what a turn did with its tools as part of its unit of work. Procedures follow in idle time. Errors:
  /// `kInvalidArgument` (no tenant), `kStorage`.
  [[nodiscard]] Status append_task_run(Transaction& transaction, const TaskRun& run);
  /// The same of a turn that failed, in a unit of work of its own. If it cannot be written, it is not counted.
  void note_failed_run(TaskRun run);
  /// The user says that the thread's last turn did the wrong thing: it counts as a failure, and nothing is learned from
  /// it. As part of the caller's unit of work.
  [[nodiscard]] Status correct_last_run(Transaction& transaction, const Scope& scope, const std::string& thread);

  /// How a task like this was done with success (procedural/procedure_store.hpp). Errors: `kInvalidArgument` (empty
  /// tenant), `kStorage`.
  void procedure(ProcedureQuery query, Executor& reply_to,
                 std::function<void(Result<std::optional<Procedure>>)> on_done);

  [[nodiscard]] const ProcedureLimits& procedure_limits() const;

  // ---- blocks ----

  /// Whether there is a block of anybody: a turn that finds none need not ask. Any thread.
  [[nodiscard]] bool has_blocks() const;
  /// Those that `asker` sees, by name; of one name that of the most first. Errors: `kInvalidArgument` (empty tenant),
  /// `kStorage`.
  void blocks(Scope asker, Executor& reply_to, std::function<void(Result<std::vector<Block>>)> on_done);
  /// As part of the caller's unit of work (blocks/block_store.hpp). Errors: those of block_store::edit.
  [[nodiscard]] Result<Block> edit_block(Transaction& transaction, const BlockEdit& edit);
  [[nodiscard]] const BlockLimits& block_limits() const;

  // ---- administration ----

  /// Changes procedures and blocks for who administers them, as a unit of work. Answers when it is on disk.
  void change(std::function<Status(Transaction&, Time now)> unit, Executor& reply_to,
              std::function<void(Status)> on_done);
  /// Reads rows for who administers them, on the caller's thread.
  [[nodiscard]] Status look(const std::function<Status(Transaction&)>& query);

  // ---- documents ----

  /// Cuts and stores a document. The same again leaves it untouched; other bytes, or another title, media type, trust
  /// or collection, supersede the old chunks in the same transaction that makes the new ones visible. Errors:
  /// `kInvalidArgument` (empty uri, larger than limits.document_bytes_max, not text), `kStorage`.
  void ingest_document(Document document, Executor& reply_to, std::function<void(Result<IngestReport>)> on_done);

  /// Ingests every file of the folder that has one of the extensions, in order of name, and retires documents of this
  /// collection that are gone. Hidden files and folders are passed over. A file that cannot be read is skipped with a
  /// note; below a folder that cannot be read nothing is retired. `on_progress` (may be empty) comes on `reply_to`.
  /// Errors: `kNotFound` (no such folder), `kStorage`.
  void ingest_folder(FolderSource folder, Executor& reply_to, std::function<void(FolderProgress)> on_progress,
                     std::function<void(Result<IngestReport>)> on_done);

  /// The same now, and again whenever `folder.ttl` has passed since a reading ended, until `close`: what is the same
  /// stays as fresh again, what has changed supersedes its old chunks, and while the folder cannot be read all that it
  /// held is marked stale. Without a ttl it is read once. `on_read` hears of each reading.
  void keep_folder(FolderSource folder, Executor& reply_to, std::function<void(FolderProgress)> on_progress,
                   std::function<void(Result<IngestReport>)> on_read);

  /// Active documents that `scope` may see, by uri.
  [[nodiscard]] Result<std::vector<SourceInfo>> sources(const Scope& scope);

  /// The document is no longer recalled. Errors: `kNotFound`.
  void retire_document(Scope scope, std::string uri, Executor& reply_to, std::function<void(Status)> on_done);

  // ---- recall ----

  /// What bears on `query.text`, best first. Without an embedder's answer, or when it has not come within
  /// limits.recall_embed_timeout_ms, it goes on by words and time and says so.
  /// Errors: `kInvalidArgument` (empty tenant), `kStorage`.
  void recall(RecallQuery query, Executor& reply_to, std::function<void(Result<Recalled>)> on_done);

  /// Makes the vector of `text` now, so that a recall for it soon after need not wait (DESIGN §2, step 4). `on_done`
  /// (may be empty) runs on the query executor or on this thread when it is there or will not come: who prestages much
  /// at once waits for it.
  void prestage(std::string text, std::function<void()> on_done = {});

  // ---- erasing ----

  /// Carries out erasures from now on, and goes on with those that a crash has left. `others`: what else may hold what
  /// memory does (sessions, journals, model caches), gone through before memory's own parts. Once.
  void start_erasures(std::vector<ErasePart> others);
  [[nodiscard]] Eraser& eraser();

  // ---- moving ----

  /// Takes lines of an export (export/exporter.hpp) in; see import/importer.hpp.
  void import_lines(std::string tenant, std::vector<ImportLine> lines, Executor& reply_to,
                    std::function<void(Result<ImportReport>)> on_done);

  // ---- upkeep ----

  /// Calls back when every row that was committed before this call has its vector in the index or was refused
  /// limits.embedding_attempts_max times, with the number of all rows that were; or with the embedder's error.
  void when_embedded(Executor& reply_to, std::function<void(Result<std::int64_t>)> on_done);

  /// Writes snapshots of what changed since the last ones, and trims the log of changes behind them in the background;
  /// `close` writes them as well. Blocks; changes of the index wait for it, recall does not. Errors: `kStorage`;
  /// nothing is lost by one.
  [[nodiscard]] Status save_indexes();

  /// Looks through every tenant, or the one of that name: rows, chains, words, and the index in memory. Reads all:
  /// not on the loop. Errors: `kNotFound`, `kStorage`.
  [[nodiscard]] Result<std::vector<VerifiedTenant>> verify(const std::string& tenant);
  /// The tenant's vector index is made again from the rows, and its words are, in the background. Answers when the
  /// former is. Errors: `kNotFound`, `kStorage`.
  void rebuild(std::string tenant, Executor& reply_to, std::function<void(Status)> on_done);

  /// Background work (documents, embedding, text indexes) begins nothing more, and what is in flight is abandoned;
  /// callbacks still to come get `kCancelled`. What is left is done after the next open. Recall goes on. Returns at
  /// once. Idempotent.
  void stop_background();
  /// The end: as above, recall answers `kCancelled` too, and changed indexes are saved. Idempotent.
  void close();

  [[nodiscard]] Result<MemoryStatistics> statistics();
  /// That one number of them, which costs little.
  [[nodiscard]] Result<std::int64_t> vectors_refused();
  [[nodiscard]] Status check_integrity();

 private:
  struct State;
  explicit MemoryStore(std::shared_ptr<State> state);
  std::shared_ptr<State> state_;
};

}  // namespace mnema
