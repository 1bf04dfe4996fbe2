// memory/document_writer.hpp
//
// Documents into rows and out of them: cut, compared with what is there, stored, retired.
//
// Threads:   every method from any thread; cutting is done on the caller's. `put` answers on the background executor,
//            or at once when the document is none.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows database, executor and clock.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <string>

#include "memory/embedding_queue.hpp"
#include "memory/index_keeper.hpp"
#include "memory/sources_store.hpp"
#include "memory/text_terms.hpp"
#include "runtime/database.hpp"
#include "runtime/limits.hpp"

namespace mnema {

class DocumentWriter : public std::enable_shared_from_this<DocumentWriter> {
 public:
  using OnDone = std::function<void(Result<sources_store::Change>)>;

  DocumentWriter(Database& database, Executor& background, const Clock& clock, Limits limits, TermMaker terms,
                 std::shared_ptr<IndexKeeper> index, std::shared_ptr<EmbeddingQueue> queue,
                 std::function<std::int64_t()> draw_tag)
      : database_(database),
        background_(background),
        clock_(clock),
        limits_(std::move(limits)),
        terms_(std::move(terms)),
        index_(std::move(index)),
        queue_(std::move(queue)),
        draw_tag_(std::move(draw_tag)) {}

  /// Errors: `kInvalidArgument` (empty uri, larger than limits.document_bytes_max, not text), `kCancelled` (closed),
  /// `kStorage`.
  void put(Document document, OnDone on_done);
  /// Errors: `kNotFound`, `kCancelled`, `kStorage`.
  void retire(Scope scope, std::string uri, Executor& reply_to, OnDone on_done);

  /// Nothing starts any more.
  void close() { closed_ = true; }
  [[nodiscard]] bool closed() const { return closed_; }

 private:
  void follow(Transaction& transaction, const sources_store::Change& change);

  Database& database_;
  Executor& background_;
  const Clock& clock_;
  const Limits limits_;
  const TermMaker terms_;  // of units of work: one at a time
  const std::shared_ptr<IndexKeeper> index_;
  const std::shared_ptr<EmbeddingQueue> queue_;
  const std::function<std::int64_t()> draw_tag_;
  std::atomic<bool> closed_ = false;
};

}  // namespace mnema
