#include "cli/bench/embedding_load.hpp"

#include <algorithm>

namespace mnema {
namespace {

constexpr std::size_t kBatch = 16;  // as memory's own queue has it

}  // namespace

EmbeddingLoad::EmbeddingLoad(Embedder& embedder, Executor& replies, const std::vector<std::string>& texts)
    : embedder_(embedder), replies_(replies) {
  for (std::size_t from = 0; from < texts.size(); from += kBatch) {
    const std::size_t to = std::min(texts.size(), from + kBatch);
    ask({texts.begin() + static_cast<std::ptrdiff_t>(from), texts.begin() + static_cast<std::ptrdiff_t>(to)});
  }
}

EmbeddingLoad::~EmbeddingLoad() {
  std::unique_lock lock(mutex_);
  ending_ = true;
  answered_.wait(lock, [this] { return in_flight_ == 0; });
}

void EmbeddingLoad::ask(std::vector<std::string> batch) {
  {
    const std::scoped_lock lock(mutex_);
    if (ending_) return;
    ++in_flight_;
  }
  embedder_.embed(batch, Embedder::Kind::kPassage, false, replies_, [this, batch](const auto& made) {
    if (made.ok()) ask(batch);  // a failing embedder would answer at once, for ever
    const std::scoped_lock lock(mutex_);
    --in_flight_;
    answered_.notify_all();
  });
}

}  // namespace mnema
