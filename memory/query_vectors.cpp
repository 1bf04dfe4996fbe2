#include "memory/query_vectors.hpp"

#include "memory/embed_in_time.hpp"

namespace mnema {

void QueryVectors::get(const std::string& text, std::function<void(Question)> on_done) {
  const Sha256Digest digest = sha256(text);
  EmbeddedText known;
  {
    const std::scoped_lock lock(mutex_);
    const auto [entry, is_new] = entries_.try_emplace(digest);
    known = entry->second.question;
    if (known.vector.empty()) {
      entry->second.waiting.push_back(std::move(on_done));
      if (!is_new) return;
    } else {
      recent_.splice(recent_.begin(), recent_, entry->second.place);
    }
  }
  if (!known.vector.empty()) return on_done(std::move(known));
  embed_in_time(embedder_, {text}, Embedder::Kind::kQuestion, text.size() <= kTextWithTokensMax, timeout_, query_,
                [self = shared_from_this(), digest](auto embedded) { self->on_embedded(digest, std::move(embedded)); });
}

void QueryVectors::on_embedded(const Sha256Digest& digest, Result<std::vector<EmbeddedText>> embedded) {
  Question question = fail(ErrorCode::kInternal, "the embedder gave no vector of its dimensions");
  if (!embedded.ok()) {
    question = embedded.error();
  } else if (!embedded->empty() &&
             embedded->front().vector.size() == static_cast<std::size_t>(embedder_.dimensions())) {
    question = std::move(embedded->front());
    // Tokens that do not fit their vectors are none: the question goes on without them.
    if (question->token_vectors.size() != question->tokens.size() * question->vector.size()) {
      question->tokens.clear();
      question->token_vectors.clear();
    }
  }
  std::vector<std::function<void(Question)>> waiting;
  {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(digest);
    if (entry == entries_.end()) return;
    waiting = std::move(entry->second.waiting);
    if (question.ok()) {
      entry->second.question = *question;
      entry->second.place = recent_.insert(recent_.begin(), digest);
      if (recent_.size() > kVectorsMax) {
        entries_.erase(recent_.back());
        recent_.pop_back();
      }
    } else {
      entries_.erase(entry);
    }
  }
  for (auto& on_done : waiting) on_done(question);
}

}  // namespace mnema
