// memory/embedding_queue.hpp
//
// Gives entries their vectors, and turns those of their tokens, in the background, in the order in which they came. The
// queue is a table, so a crash loses nothing; an embedder that fails is asked again after a growing pause.
//
// A batch that fails for what may be one of its texts is halved until the texts to blame are alone. Those are tried
// again after a growing pause, behind all others; after `attempts_max` refusals an entry keeps its row in the queue and
// has no vector until another embedder comes. `kInternal` blames a text only beside another one that was accepted: an
// embedder that is broken altogether is waited for.
//
// Threads:   every method from any thread; the work is on a strand of the background executor.
// Ownership: kept by shared_ptr: work in flight holds it. Borrows database and embedder.
// Invariant: every entry has a vector of the present embedder or a row in the queue   (vector_store::check_integrity)
#pragma once

#include <atomic>
#include <cstdint>
#include <deque>
#include <functional>
#include <memory>
#include <utility>
#include <vector>

#include "memory/embedder.hpp"
#include "memory/index_keeper.hpp"
#include "memory/vector_store.hpp"
#include "runtime/exec/strand.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

class EmbeddingQueue : public std::enable_shared_from_this<EmbeddingQueue> {
 public:
  EmbeddingQueue(Database& database, Embedder& embedder, std::shared_ptr<IndexKeeper> index, Executor& background,
                 std::function<std::int64_t()> draw_tag, int attempts_max)
      : database_(database),
        embedder_(embedder),
        index_(std::move(index)),
        strand_(background),
        draw_tag_(std::move(draw_tag)),
        attempts_max_(attempts_max) {}

  /// Begins: an embedder that is not the one of before, or tells tokens as none did before, is given every row that
  /// lacks what it gives, in slices, and until they are all in the queue rows and callers wait.
  void start();
  /// There may be work.
  void wake();
  /// Calls back when every row committed before this call has its vector in the index or was refused `attempts_max`
  /// times, with the number of all rows that were; or with the embedder's error.
  void when_empty(Executor& reply_to, std::function<void(Result<std::int64_t>)> on_done);
  /// Nothing starts any more, from now on; who waits gets `kCancelled`.
  void close();

 private:
  using Part = std::vector<vector_store::PendingEntry>;
  using OnEmpty = std::function<void(Result<std::int64_t>)>;
  struct Refusal {
    vector_store::PendingEntry entry;
    Error because;
  };

  /// What vector_store::present_tokens is, once every row has what the embedder gives.
  [[nodiscard]] std::string tokens_told() const;
  void adopt(EntryId after);
  void begin();
  void pump();
  void embed(Part part);
  void on_embedded(Part part, Result<std::vector<EmbeddedText>> embedded);
  /// Why what the embedder gave cannot be stored.
  [[nodiscard]] Status check(const std::vector<EmbeddedText>& embedded, std::size_t asked) const;
  void on_refusal(Part part, Error error);
  void count_refusals();
  void try_refused_after(int pause_ms);
  void on_empty();
  void on_failure(const Error& error);
  void answer(const Result<std::int64_t>& refused);  // to all who wait

  Database& database_;
  Embedder& embedder_;
  const std::shared_ptr<IndexKeeper> index_;
  Strand strand_;
  const std::function<std::int64_t()> draw_tag_;
  const int attempts_max_;
  std::atomic<bool> closed_ = false;
  // of the strand
  bool started_ = false;
  bool busy_ = false;
  int failures_ = 0;              // in a row
  bool refused_wait_ = false;     // refused texts are not tried now
  std::deque<Part> parts_;        // of the present batch, still to be embedded
  std::vector<Refusal> refused_;  // likewise: alone, and to blame
  bool accepted_ = false;         // likewise: some text was
  std::vector<std::pair<Executor*, OnEmpty>> waiting_;
};

}  // namespace mnema
