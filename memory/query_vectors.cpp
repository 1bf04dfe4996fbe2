#include "memory/query_vectors.hpp"

#include "memory/embed_in_time.hpp"

namespace mnema {

void QueryVectors::get(const std::string& text, std::function<void(Vector)> on_done) {
  const Sha256Digest digest = sha256(text);
  std::vector<float> known;
  {
    const std::scoped_lock lock(mutex_);
    const auto [entry, is_new] = entries_.try_emplace(digest);
    known = entry->second.vector;
    if (known.empty()) {
      entry->second.waiting.push_back(std::move(on_done));
      if (!is_new) return;
    } else {
      recent_.splice(recent_.begin(), recent_, entry->second.place);
    }
  }
  if (!known.empty()) return on_done(std::move(known));
  embed_in_time(embedder_, {text}, timeout_, query_,
                [self = shared_from_this(), digest](auto vectors) { self->on_vector(digest, std::move(vectors)); });
}

void QueryVectors::on_vector(const Sha256Digest& digest, Result<std::vector<std::vector<float>>> vectors) {
  Vector vector = fail(ErrorCode::kInternal, "the embedder gave no vector of its dimensions");
  if (!vectors.ok()) {
    vector = vectors.error();
  } else if (!vectors->empty() && vectors->front().size() == static_cast<std::size_t>(embedder_.dimensions())) {
    vector = std::move(vectors->front());
  }
  std::vector<std::function<void(Vector)>> waiting;
  {
    const std::scoped_lock lock(mutex_);
    const auto entry = entries_.find(digest);
    if (entry == entries_.end()) return;
    waiting = std::move(entry->second.waiting);
    if (vector.ok()) {
      entry->second.vector = *vector;
      entry->second.place = recent_.insert(recent_.begin(), digest);
      if (recent_.size() > kVectorsMax) {
        entries_.erase(recent_.back());
        recent_.pop_back();
      }
    } else {
      entries_.erase(entry);
    }
  }
  for (auto& on_done : waiting) on_done(vector);
}

}  // namespace mnema
