#include "memory/embed_in_time.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace mnema {
namespace {

using Embedded = Result<std::vector<EmbeddedText>>;

struct Asked {
  std::atomic<bool> answered = false;
  std::function<void(Embedded)> on_done;

  /// The first of the two that come.
  void answer(Embedded embedded) {
    if (answered.exchange(true)) return;
    // Moved out: the other one may hold this for a long time, and it must not hold what waited.
    std::exchange(on_done, {})(std::move(embedded));
  }
};

}  // namespace

void embed_in_time(Embedder& embedder, std::vector<std::string> texts, Embedder::Kind kind, bool tokens,
                   Duration timeout, Executor& reply_to, std::function<void(Embedded)> on_done) {
  const auto asked = std::make_shared<Asked>();
  asked->on_done = std::move(on_done);
  const auto ask = tokens ? &Embedder::embed_with_tokens : &Embedder::embed_without_tokens;
  (embedder.*ask)(std::move(texts), kind, true, reply_to,
                  [asked](Embedded embedded) { asked->answer(std::move(embedded)); });
  reply_to.post_after(timeout, [asked, timeout] {
    asked->answer(fail(ErrorCode::kDeadlineExceeded,
                       "the embedder has not answered within " + std::to_string(timeout.count() / 1'000) + " ms"));
  });
}

}  // namespace mnema
