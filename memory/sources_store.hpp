// memory/sources_store.hpp
//
// Documents and their chunks. A document is written in several units of work, since it may be long, and is seen whole
// or not at all:
//
//   begin        a draft, seen by nobody
//   add_chunks   as often as it takes
//   publish      the draft takes the place of the version before, in one transaction
//   clear        as often as it takes: the chunks of what is seen no more go
//
// A crash leaves the old version or the new one, and `unseen` documents to be cleared. Retired documents keep their
// row, for the record.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "memory/chunker.hpp"
#include "memory/scope_store.hpp"
#include "memory/store.hpp"
#include "memory/vector/codec.hpp"

namespace mnema::sources_store {

/// Persisted as memory_documents.state: never renumber. Only active documents are seen.
/// What an import writes is a draft of its own (import_rows_store.cpp), which no writer of documents publishes.
enum class State : int { kRetired = 0, kActive = 1, kDraft = 2, kLeaving = 3, kImported = 4 };

struct NewChunk {
  Chunk chunk;
  std::string heading;  // the path of headings, else the document's title
  std::string words;    // TermMaker::joined of heading and text
};

/// A document as it is to be written, made ready outside of any unit of work.
struct NewDocument {
  Document document;         // its bytes are not used
  std::string title;         // as it is shown
  std::string content_hash;  // hex SHA-256 of the document's bytes
  std::string cut_format;
  std::vector<NewChunk> chunks;
  std::string note = {};  // of its reader, for the report; or empty
};

struct Begun {
  IngestOutcome outcome = IngestOutcome::kUnchanged;  // or kAdded, kChanged: what publishing it will be
  DocumentId draft = 0;                               // 0: unchanged, there is nothing to write
};
/// Finds out whether there is anything new, and begins a draft.
[[nodiscard]] Result<Begun> begin(Transaction& transaction, const NewDocument& made, Time now);

/// Adds the chunks from `first` up to `end`. False: the draft has been retired meanwhile, and takes no more.
[[nodiscard]] Result<bool> add_chunks(Transaction& transaction, DocumentId draft, const NewDocument& made,
                                      std::size_t first, std::size_t end);

/// Shows the draft in place of the version before, unless it was retired or a later one came first. Returns what is to
/// be cleared.
[[nodiscard]] Result<std::vector<DocumentId>> publish(Transaction& transaction, DocumentId draft);

/// Takes the document out of sight, and drafts of it. Returns what is to be cleared. Errors: `kNotFound`.
[[nodiscard]] Result<std::vector<DocumentId>> retire(Transaction& transaction, const Scope& scope,
                                                     const std::string& uri);

/// Marks the active document: what is recalled of it is not what its source holds today, for this reason. Putting the
/// document again takes the mark away. False: there is none.
[[nodiscard]] Result<bool> mark_stale(Transaction& transaction, const Scope& scope, const std::string& uri,
                                      const std::string& why);

struct Cleared {
  TenantId tenant = 0;
  std::vector<VectorLabel> removed;  // labels of vectors that went
  bool done = false;                 // nothing of it is left
};
/// Removes up to `chunks_max` chunks of a document that is not seen; a draft is given up. One that has come into sight
/// stays, and is done. `tag`: random, for the log of vectors.
[[nodiscard]] Result<Cleared> clear(Transaction& transaction, DocumentId document, int chunks_max, std::int64_t tag);

/// Drafts and leaving documents: after a start, what a crash has left to be cleared.
[[nodiscard]] Result<std::vector<DocumentId>> unseen(Transaction& transaction);
/// Makes those of them that are drafts leave, so that nobody goes on with what is being cleared.
[[nodiscard]] Status give_up(Transaction& transaction, const std::vector<DocumentId>& documents);

/// Active documents of exactly this scope and collection.
[[nodiscard]] Result<std::vector<std::string>> uris(Transaction& transaction, const Scope& scope,
                                                    const std::string& collection);
/// Of active documents of this scope and collection that a program made the text of, cut as `cut_format` says and not
/// stale: when their files were modified, by uri.
[[nodiscard]] Result<std::map<std::string, Time>> converted(Transaction& transaction, const Scope& scope,
                                                            const std::string& collection,
                                                            const std::string& cut_format);
/// Active documents that `asker` may see, by uri.
[[nodiscard]] Result<std::vector<SourceInfo>> list(Transaction& transaction, const Scope& asker);

/// A folder's hold on the name of a collection within a scope, so that two folders never keep one collection in step.
struct FolderClaim {
  std::string path;        // the folder
  std::string name;        // what it would like to be called
  std::string collection;  // what it is called
};
/// The claim of (path, name), as it is or made now; when another folder has that collection, the claim of the other.
/// `gone`: a folder that is there no more; its hold on this collection ends. Empty: none.
[[nodiscard]] Result<FolderClaim> claim_folder(Transaction& transaction, const Scope& scope, const FolderClaim& wanted,
                                               const std::string& gone);

/// The collection that the folder has (claim_folder); empty: none.
[[nodiscard]] Result<std::string> claimed_collection(Transaction& transaction, const Scope& scope,
                                                     const std::string& path, const std::string& name);
/// The whole collection was looked at: it counts as fresh for `ttl`; 0: without end.
[[nodiscard]] Status note_reading(Transaction& transaction, const Scope& scope, const std::string& collection, Time now,
                                  Duration ttl);
/// `mark_stale` of all active documents of the collection that are not marked yet.
[[nodiscard]] Status mark_collection_stale(Transaction& transaction, const Scope& scope, const std::string& collection,
                                           const std::string& why);

struct Counts {
  std::int64_t episodes = 0;
  std::int64_t documents = 0;  // active ones
  std::int64_t chunks = 0;     // of active documents
};
[[nodiscard]] Result<Counts> counts(Transaction& transaction);

}  // namespace mnema::sources_store
