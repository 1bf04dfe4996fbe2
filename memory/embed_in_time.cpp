#include "memory/embed_in_time.hpp"

#include <atomic>
#include <memory>
#include <utility>

namespace mnema {
namespace {

using Vectors = Result<std::vector<std::vector<float>>>;

struct Asked {
  std::atomic<bool> answered = false;
  std::function<void(Vectors)> on_done;

  /// The first of the two that come.
  void answer(Vectors vectors) {
    if (answered.exchange(true)) return;
    // Moved out: the other one may hold this for a long time, and it must not hold what waited.
    std::exchange(on_done, {})(std::move(vectors));
  }
};

}  // namespace

void embed_in_time(Embedder& embedder, std::vector<std::string> texts, Duration timeout, Executor& reply_to,
                   std::function<void(Vectors)> on_done) {
  const auto asked = std::make_shared<Asked>();
  asked->on_done = std::move(on_done);
  embedder.embed(std::move(texts), true, reply_to, [asked](Vectors vectors) { asked->answer(std::move(vectors)); });
  reply_to.post_after(timeout, [asked, timeout] {
    asked->answer(fail(ErrorCode::kDeadlineExceeded,
                       "the embedder has not answered within " + std::to_string(timeout.count() / 1'000) + " ms"));
  });
}

}  // namespace mnema
