// memory/sources_store.hpp
//
// Documents and their chunks. A new version takes the place of the old one in one transaction: no recall sees half of
// either. Retired documents keep their row, for the record; their chunks go.
//
// Threads: writing functions inside a unit of work; reading ones also inside Database::read.
#pragma once

#include <string>
#include <vector>

#include "memory/chunker.hpp"
#include "memory/scope_store.hpp"
#include "memory/store.hpp"
#include "memory/text_terms.hpp"
#include "memory/vector/codec.hpp"

namespace mnema::sources_store {

struct Change {
  IngestOutcome outcome = IngestOutcome::kUnchanged;
  int chunks = 0;  // written
  TenantId tenant = 0;
  std::vector<VectorLabel> removed;  // labels of vectors that went
};

/// `content_hash`: hex SHA-256 of the document's bytes. `tag`: random, for the log of vectors.
[[nodiscard]] Result<Change> put(Transaction& transaction, const Document& document, const CutDocument& cut,
                                 const std::string& content_hash, const std::string& cut_format, Time now,
                                 std::int64_t tag, const TermMaker& terms);
/// Errors: `kNotFound`.
[[nodiscard]] Result<Change> retire(Transaction& transaction, const Scope& scope, const std::string& uri,
                                    std::int64_t tag);
/// Active documents of exactly this scope and collection.
[[nodiscard]] Result<std::vector<std::string>> uris(Transaction& transaction, const Scope& scope,
                                                    const std::string& collection);
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

struct Counts {
  std::int64_t episodes = 0;
  std::int64_t documents = 0;
  std::int64_t chunks = 0;
};
[[nodiscard]] Result<Counts> counts(Transaction& transaction);

}  // namespace mnema::sources_store
