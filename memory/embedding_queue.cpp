#include "memory/embedding_queue.hpp"

#include <algorithm>
#include <iterator>
#include <optional>
#include <span>

#include "memory/vector/token_codec.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kBatch = 16;
constexpr int kRowsPerUnit = 500;
constexpr int kPauseMaxMs = 60'000;

template <class Waiting>
void tell(const Waiting& waiting, const Result<std::int64_t>& result) {
  for (const auto& [reply_to, on_done] : waiting) {
    reply_to->post([answer = on_done, result] { answer(result); });
  }
}

/// True: asked about fewer texts, the embedder may accept some of them.
bool may_be_a_text(const Error& error) {
  switch (error.code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kContextLengthExceeded:
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kInternal:
      return !error.retryable;
    default:
      return false;
  }
}

/// The record of those tokens that are the entry's own; none: there are not to be any.
std::optional<std::string> own_tokens(const vector_store::PendingEntry& entry, const EmbeddedText& embedded) {
  if (!entry.tokens_from || embedded.tokens.empty()) return {};
  const auto own = std::find_if(embedded.tokens.begin(), embedded.tokens.end(),
                                [&](const TokenPlace& token) { return token.begin >= *entry.tokens_from; });
  const std::size_t dimensions = embedded.token_vectors.size() / embedded.tokens.size();
  const auto first = static_cast<std::size_t>(own - embedded.tokens.begin()) * dimensions;
  return TokenCodec(static_cast<int>(dimensions)).encode(std::span(embedded.token_vectors).subspan(first));
}

int pause_ms(int failures) { return std::min(kPauseMaxMs, 1'000 << std::min(failures, 6)); }

}  // namespace

void EmbeddingQueue::start() {
  strand_.post([self = shared_from_this()] {
    const auto present = self->database_.read<bool>([&](Transaction& transaction) -> Result<bool> {
      ASSIGN_OR_RETURN(const std::string embedder, vector_store::present_embedder(transaction));
      ASSIGN_OR_RETURN(const std::string tokens, vector_store::present_tokens(transaction));
      return embedder == self->embedder_.id() && tokens == self->tokens_told();
    });
    if (present.ok() && *present) return self->begin();
    self->adopt(0);
  });
}

std::string EmbeddingQueue::tokens_told() const {
  return embedder_.tells_tokens() ? embedder_.id() + " " + std::string(TokenCodec::kFormat) : "";
}

void EmbeddingQueue::adopt(EntryId after) {
  if (closed_) return;
  database_.write<std::optional<EntryId>>(
      WritePriority::kBackground,
      [name = embedder_.id(), dimensions = embedder_.dimensions(), told = tokens_told(),
       after](Transaction& transaction) -> Result<std::optional<EntryId>> {
        ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, name, dimensions));
        ASSIGN_OR_RETURN(
            const std::optional<EntryId> last,
            vector_store::enqueue_without_vector(transaction, embedder, !told.empty(), after, kRowsPerUnit));
        if (!last) {
          RETURN_IF_ERROR(vector_store::set_present_embedder(transaction, name));
          RETURN_IF_ERROR(vector_store::set_present_tokens(transaction, told));
        }
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

void EmbeddingQueue::when_empty(Executor& reply_to, std::function<void(Result<std::int64_t>)> on_done) {
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
  if (parts_.empty() && !refused_.empty()) return count_refusals();
  if (parts_.empty()) {
    auto batch = database_.read<Part>([below = refused_wait_ ? 1 : attempts_max_](Transaction& transaction) {
      return vector_store::pending(transaction, below, kBatch);
    });
    if (!batch.ok()) return on_failure(batch.error());
    // Who waits for all texts waits for the refused ones too, until they are refused for good.
    if (batch->empty() && refused_wait_) return;
    if (batch->empty()) return on_empty();
    accepted_ = false;
    const auto without = std::stable_partition(batch->begin(), batch->end(), [this](const auto& entry) {
      return embedder_.tells_tokens() && entry.tokens_from.has_value();
    });
    if (without != batch->begin()) parts_.emplace_back(batch->begin(), without);
    if (without != batch->end()) parts_.emplace_back(without, batch->end());
  }
  Part part = std::move(parts_.front());
  parts_.pop_front();
  embed(std::move(part));
}

void EmbeddingQueue::embed(Part part) {
  busy_ = true;
  std::vector<std::string> texts;
  for (const vector_store::PendingEntry& entry : part) texts.push_back(entry.text);
  const bool tokens = embedder_.tells_tokens() && part.front().tokens_from.has_value();  // all of a part, or none
  const auto ask = tokens ? &Embedder::embed_with_tokens : &Embedder::embed_without_tokens;
  (embedder_.*ask)(std::move(texts), Embedder::Kind::kPassage, false, strand_,
                   [self = shared_from_this(), part = std::move(part)](Result<std::vector<EmbeddedText>> embedded) {
                     self->on_embedded(part, std::move(embedded));
                   });
}

void EmbeddingQueue::on_empty() {
  if (waiting_.empty()) return;
  const auto counts = database_.read<vector_store::PendingCounts>(
      [most = attempts_max_](Transaction& transaction) { return vector_store::pending_counts(transaction, most); });
  if (!counts.ok()) return answer(counts.error());
  // The index applies what was announced to it on a strand of its own; until then the vectors are not found.
  const auto asked = std::make_shared<decltype(waiting_)>(std::exchange(waiting_, {}));
  index_->when_applied([asked, refused = counts->refused] { tell(*asked, refused); });
}

Status EmbeddingQueue::check(const std::vector<EmbeddedText>& embedded, std::size_t asked) const {
  if (embedded.size() != asked) {
    return fail(ErrorCode::kInternal, "the embedder gave another number of vectors than it was given texts");
  }
  const auto dimensions = static_cast<std::size_t>(embedder_.dimensions());
  for (const EmbeddedText& text : embedded) {
    if (text.vector.size() != dimensions) {
      return fail(ErrorCode::kInternal, "the embedder gave a vector of " + std::to_string(text.vector.size()) +
                                            " dimensions and says it gives " + std::to_string(dimensions));
    }
    if (text.token_vectors.size() != text.tokens.size() * dimensions) {
      return fail(ErrorCode::kInternal, "the embedder gave another number of vectors than of tokens");
    }
  }
  return {};
}

void EmbeddingQueue::on_embedded(Part part, Result<std::vector<EmbeddedText>> embedded) {
  busy_ = false;
  if (closed_) return;
  if (!embedded.ok()) {
    return may_be_a_text(embedded.error()) ? on_refusal(std::move(part), embedded.error())
                                           : on_failure(embedded.error());
  }
  if (const Status sound = check(*embedded, part.size()); !sound.ok()) return on_failure(sound.error());
  accepted_ = true;
  busy_ = true;
  std::vector<std::optional<std::string>> tokens;
  for (std::size_t i = 0; i < part.size(); ++i) tokens.push_back(own_tokens(part[i], (*embedded)[i]));
  const std::string name = embedder_.id();
  database_.write<int>(
      WritePriority::kBackground,
      [self = shared_from_this(), part = std::move(part), embedded = std::move(*embedded), tokens = std::move(tokens),
       name, dimensions = embedder_.dimensions()](Transaction& transaction) -> Result<int> {
        ASSIGN_OR_RETURN(const std::int64_t embedder, vector_store::intern_embedder(transaction, name, dimensions));
        for (std::size_t i = 0; i < part.size(); ++i) {
          ASSIGN_OR_RETURN(std::optional<vector_store::VectorRow> row,
                           vector_store::add(transaction, part[i].entry, embedder, embedded[i].vector, tokens[i],
                                             self->draw_tag_()));
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

void EmbeddingQueue::on_refusal(Part part, Error error) {
  if (part.size() == 1) {
    refused_.push_back({std::move(part.front()), std::move(error)});
  } else {
    const auto middle = part.begin() + static_cast<std::ptrdiff_t>(part.size() / 2);
    parts_.emplace_front(std::make_move_iterator(middle), std::make_move_iterator(part.end()));
    part.erase(middle, part.end());
    parts_.push_front(std::move(part));
  }
  pump();
}

void EmbeddingQueue::count_refusals() {
  std::vector<Refusal> refused = std::exchange(refused_, {});
  const Error first = refused.front().because;
  std::erase_if(refused, [this](const Refusal& refusal) {
    return refusal.because.code == ErrorCode::kInternal && !accepted_ && refusal.entry.attempts == 0;
  });
  if (refused.empty()) return on_failure(first);
  busy_ = true;
  database_.write<int>(
      WritePriority::kBackground,
      [refused](Transaction& transaction) -> Result<int> {
        for (const Refusal& refusal : refused) {
          RETURN_IF_ERROR(vector_store::count_refusal(transaction, refusal.entry.entry));
        }
        return 0;
      },
      strand_,
      [self = shared_from_this(), refused](const Result<int>& written) {
        if (!written.ok()) return self->on_failure(written.error());
        self->failures_ = 0;
        int most = 0;  // attempts of a text that is tried again
        for (const Refusal& refusal : refused) {
          const int attempts = refusal.entry.attempts + 1;
          if (attempts < self->attempts_max_) {
            most = std::max(most, attempts);
            continue;
          }
          log_warning("memory", "an entry stays without a vector: the embedder refuses its text",
                      {{"entry", refusal.entry.entry}, {"attempts", attempts}, {"because", refusal.because.message}});
        }
        if (most > 0) self->try_refused_after(pause_ms(most - 1));
        self->pump();
      });
}

void EmbeddingQueue::try_refused_after(int pause) {
  if (std::exchange(refused_wait_, true)) return;
  strand_.post_after(std::chrono::milliseconds(pause), [self = shared_from_this()] {
    self->refused_wait_ = false;
    if (!self->busy_) self->pump();
  });
}

void EmbeddingQueue::on_failure(const Error& error) {
  busy_ = false;
  parts_.clear();
  refused_.clear();
  answer(error);
  if (closed_ || error.code == ErrorCode::kCancelled) return;
  const int pause = pause_ms(failures_);
  ++failures_;
  log_warning("memory", "texts wait for their vectors", {{"because", error.message}, {"again_in_ms", pause}});
  busy_ = true;  // new rows wait for the pause too
  strand_.post_after(std::chrono::milliseconds(pause), [self = shared_from_this()] { self->pump(); });
}

void EmbeddingQueue::answer(const Result<std::int64_t>& refused) { tell(std::exchange(waiting_, {}), refused); }

}  // namespace mnema
