// memory/embedding_queue.hpp
//
// Gives entries their vectors, in the background, in the order in which they came. The queue is a table, so a crash
// loses nothing; an embedder that fails is asked again after a growing pause.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows database and embedder.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "memory/embedder.hpp"
#include "memory/index_keeper.hpp"
#include "runtime/database.hpp"
#include "runtime/strand.hpp"

namespace mnema {

class EmbeddingQueue : public std::enable_shared_from_this<EmbeddingQueue> {
 public:
  EmbeddingQueue(Database& database, Embedder& embedder, std::shared_ptr<IndexKeeper> index, Executor& background,
                 std::function<std::int64_t()> draw_tag)
      : database_(database),
        embedder_(embedder),
        index_(std::move(index)),
        strand_(background),
        draw_tag_(std::move(draw_tag)) {}

  /// Begins: an embedder that is not the one of before is given every row it has no vector of, in slices, and until
  /// they are all in the queue rows and callers wait.
  void start();
  /// There may be work.
  void wake();
  /// Calls back when every row committed before this call has its vector in the index, or with the embedder's error.
  void when_empty(Executor& reply_to, std::function<void(Status)> on_done);
  /// Nothing starts any more, from now on; who waits gets `kCancelled`.
  void close();

 private:
  void adopt(EntryId after);
  void begin();
  void pump();
  void on_vectors(std::vector<EntryId> entries, Result<std::vector<std::vector<float>>> vectors);
  void on_failure(const Error& error);
  void answer(const Status& status);  // to all who wait

  Database& database_;
  Embedder& embedder_;
  const std::shared_ptr<IndexKeeper> index_;
  Strand strand_;
  const std::function<std::int64_t()> draw_tag_;
  std::atomic<bool> closed_ = false;
  // of the strand
  bool started_ = false;
  bool busy_ = false;
  int failures_ = 0;  // in a row
  std::vector<std::pair<Executor*, std::function<void(Status)>>> waiting_;
};

}  // namespace mnema
