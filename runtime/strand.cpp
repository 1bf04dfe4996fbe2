#include "runtime/strand.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace mnema {

struct Strand::State : std::enable_shared_from_this<State> {
  explicit State(Executor& e) : underneath(e) {}

  void post(std::function<void()> work) {
    {
      const std::lock_guard guard(mutex);
      queue.push_back(std::move(work));
      if (std::exchange(active, true)) return;
    }
    underneath.post([self = shared_from_this()] { self->run_one(); });
  }

  // One piece of work at a time, so that a busy strand shares its thread with the others.
  void run_one() {
    std::function<void()> work;
    {
      const std::lock_guard guard(mutex);
      work = std::move(queue.front());
      queue.pop_front();
    }
    work();
    work = nullptr;
    {
      const std::lock_guard guard(mutex);
      active = !queue.empty();
      if (!active) return;
    }
    underneath.post([self = shared_from_this()] { self->run_one(); });
  }

  Executor& underneath;
  std::mutex mutex;  // guards all below
  std::deque<std::function<void()>> queue;
  bool active = false;
};

Strand::Strand(Executor& underneath) : state_(std::make_shared<State>(underneath)) {}
Strand::~Strand() = default;

void Strand::post(std::function<void()> work) { state_->post(std::move(work)); }

void Strand::post_after(Duration delay, std::function<void()> work) {
  state_->underneath.post_after(delay, [state = state_, work = std::move(work)] { state->post(work); });
}

}  // namespace mnema
