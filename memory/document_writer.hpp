// memory/document_writer.hpp
//
// Documents into rows and out of them. A document is cut on the caller's thread and written in small units of work, one
// after the other, its words made between them, so that a book holds up nobody's commit. Until the last of them the old
// version is what is recalled; after it, the new one (memory/sources_store.hpp).
//
// Threads:   every method from any thread. `put` answers on the background executor, or at once when the document is
//            none.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows database, executor and clock.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>
#include <vector>

#include "memory/followers.hpp"
#include "memory/sources_store.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct DocumentChange {
  IngestOutcome outcome = IngestOutcome::kUnchanged;
  int chunks = 0;    // written
  std::string note;  // what the reader of a new version had to say about it; or empty
};

class DocumentWriter : public std::enable_shared_from_this<DocumentWriter> {
 public:
  using OnDone = std::function<void(Result<DocumentChange>)>;

  DocumentWriter(Database& database, Executor& background, const Clock& clock, Limits limits, std::string language,
                 Followers followers, std::function<std::int64_t()> draw_tag)
      : database_(database),
        background_(background),
        clock_(clock),
        limits_(std::move(limits)),
        language_(std::move(language)),
        followers_(std::move(followers)),
        draw_tag_(std::move(draw_tag)) {}

  /// Of two versions that are put at once, the one that began later is what stays. Errors: `kInvalidArgument` (empty
  /// uri, larger than limits.document_bytes_max, not text), `kCancelled` (closed), `kStorage`.
  void put(Document document, OnDone on_done);
  /// Errors: `kNotFound`, `kCancelled`, `kStorage`.
  void retire(Scope scope, std::string uri, Executor& reply_to, OnDone on_done);
  /// Removes what is left of documents that nobody sees; then `then`. What cannot be removed now is after the next
  /// start.
  void clear(std::vector<DocumentId> documents, std::function<void()> then);
  /// At the start, of what a crash has left: gives all of it up, then clears one after the other.
  void clear_left(std::vector<DocumentId> documents);

  /// How documents are cut here.
  [[nodiscard]] std::string cut_format() const { return mnema::cut_format(limits_.chunk_tokens_max); }

  /// Nothing starts any more.
  void close() { closed_ = true; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  struct Put;
  void begin(const std::shared_ptr<Put>& put);
  void add_slice(const std::shared_ptr<Put>& put);

  Database& database_;
  Executor& background_;
  const Clock& clock_;
  const Limits limits_;
  const std::string language_;
  const Followers followers_;
  const std::function<std::int64_t()> draw_tag_;
  std::atomic<bool> closed_ = false;
};

}  // namespace mnema
