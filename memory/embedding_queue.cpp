#include "memory/embedding_queue.hpp"

#include <algorithm>

#include "memory/vector_store.hpp"
#include "runtime/log.hpp"

namespace mnema {
namespace {

constexpr int kBatch = 16;
constexpr int kRowsPerUnit = 500;
constexpr int kPauseMaxMs = 60'000;

void tell(const std::vector<std::pair<Executor*, std::function<void(Status)>>>& waiting, const Status& status) {
  for (const auto& [reply_to, on_done] : waiting) {
    reply_to->post([answer = on_done, status] { answer(status); });
  }
}

}  // namespace

void EmbeddingQueue::start() {
  strand_.post([self = shared_from_this()] {
    const auto present = self->database_.read<std::string>(
        [](Transaction& transaction) { return vector_store::present_embedder(transaction); });
    if (present.ok() && *present == self->embedder_.id()) return self->begin();
    self->adopt(0);
  });
}

void EmbeddingQueue::adopt(EntryId after) {
  if (closed_) return;
  database_.write<std::optional<EntryId>>(
      WritePriority::kBackground,
      [name = embedder_.id(), dimensions = embedder_.dimensions(),
       after](Transaction& transaction) -> Result<std::optional<EntryId>> {
        ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, name, dimensions));
        ASSIGN_OR_RETURN(const std::optional<EntryId> last,
                         vector_store::enqueue_without_vector(transaction, embedder, after, kRowsPerUnit));
        if (!last) RETURN_IF_ERROR(vector_store::set_present_embedder(transaction, name));
        return last;
      },
      strand_,
      [self = shared_from_this(), after](const Result<std::optional<EntryId>>& last) {
        if (last.ok()) return *last ? self->adopt(**last) : self->begin();
        if (self->closed_) return;
        log_error("memory", "rows are not given to the new embedder yet", {{"because", last.error().message}});
        self->strand_.post_after(std::chrono::milliseconds(kPauseMaxMs), [self, after] { self->adopt(after); });
      });
}

void EmbeddingQueue::begin() {
  started_ = true;
  if (!busy_) pump();
}

void EmbeddingQueue::wake() {
  strand_.post([self = shared_from_this()] {
    if (!self->busy_) self->pump();
  });
}

void EmbeddingQueue::when_empty(Executor& reply_to, std::function<void(Status)> on_done) {
  strand_.post([self = shared_from_this(), &reply_to, on_done = std::move(on_done)]() mutable {
    self->waiting_.emplace_back(&reply_to, std::move(on_done));
    if (self->closed_) return self->answer(fail(ErrorCode::kCancelled, "memory is closed"));
    if (!self->busy_) self->pump();
  });
}

void EmbeddingQueue::close() {
  closed_ = true;
  strand_.post([self = shared_from_this()] { self->answer(fail(ErrorCode::kCancelled, "memory is closed")); });
}

void EmbeddingQueue::pump() {
  busy_ = false;
  if (closed_ || !started_) return;
  const auto batch = database_.read<std::vector<vector_store::PendingEntry>>(
      [](Transaction& transaction) { return vector_store::pending(transaction, kBatch); });
  if (!batch.ok()) return on_failure(batch.error());
  if (batch->empty()) {
    // The index applies what was announced to it on a strand of its own; until then the vectors are not found.
    const auto asked = std::make_shared<decltype(waiting_)>(std::exchange(waiting_, {}));
    return index_->when_applied([asked] { tell(*asked, {}); });
  }
  busy_ = true;
  std::vector<EntryId> entries;
  std::vector<std::string> texts;
  for (const vector_store::PendingEntry& entry : *batch) {
    entries.push_back(entry.entry);
    texts.push_back(entry.text);
  }
  embedder_.embed(std::move(texts), false, strand_,
                  [self = shared_from_this(), entries = std::move(entries)](auto vectors) mutable {
                    self->on_vectors(std::move(entries), std::move(vectors));
                  });
}

void EmbeddingQueue::on_vectors(std::vector<EntryId> entries, Result<std::vector<std::vector<float>>> vectors) {
  busy_ = false;
  if (closed_) return;
  if (!vectors.ok()) return on_failure(vectors.error());
  if (vectors->size() != entries.size()) {
    return on_failure(
        fail(ErrorCode::kInternal, "the embedder gave another number of vectors than it was given texts"));
  }
  const int dimensions = embedder_.dimensions();
  for (const std::vector<float>& vector : *vectors) {
    if (vector.size() == static_cast<std::size_t>(dimensions)) continue;
    return on_failure(fail(ErrorCode::kInternal, "the embedder gave a vector of " + std::to_string(vector.size()) +
                                                     " dimensions and says it gives " + std::to_string(dimensions)));
  }
  busy_ = true;
  const std::string name = embedder_.id();
  database_.write<int>(
      WritePriority::kBackground,
      [self = shared_from_this(), entries = std::move(entries), vectors = std::move(*vectors), name,
       dimensions](Transaction& transaction) -> Result<int> {
        ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, name, dimensions));
        for (std::size_t i = 0; i < entries.size(); ++i) {
          ASSIGN_OR_RETURN(std::optional<vector_store::VectorRow> row,
                           vector_store::add(transaction, entries[i], embedder, vectors[i], self->draw_tag_()));
          if (!row) continue;
          transaction.after_commit([index = self->index_, row = std::move(*row)] { index->added(row); });
        }
        return 0;
      },
      strand_,
      [self = shared_from_this()](const Result<int>& written) {
        if (!written.ok()) return self->on_failure(written.error());
        self->failures_ = 0;
        self->pump();
      });
}

void EmbeddingQueue::on_failure(const Error& error) {
  busy_ = false;
  answer(error);
  if (closed_ || error.code == ErrorCode::kCancelled) return;
  const int pause_ms = std::min(kPauseMaxMs, 1'000 << std::min(failures_, 6));
  ++failures_;
  log_warning("memory", "texts wait for their vectors", {{"because", error.message}, {"again_in_ms", pause_ms}});
  busy_ = true;  // new rows wait for the pause too
  strand_.post_after(std::chrono::milliseconds(pause_ms), [self = shared_from_this()] { self->pump(); });
}

void EmbeddingQueue::answer(const Status& status) { tell(std::exchange(waiting_, {}), status); }

}  // namespace mnema
