#include "runtime/exec/strand.hpp"

#include <deque>
#include <mutex>
#include <utility>

namespace mnema {

struct Strand::State : std::enable_shared_from_this<State> {
  explicit State(Executor& e) : underneath(e) {}

  /// A place in the queue of the executor underneath. If that drops it unrun (it has stopped), the strand drops its
  /// work too: work that holds the strand would otherwise keep itself for ever.
  struct Place {
    explicit Place(std::shared_ptr<State> s) : state(std::move(s)) {}
    Place(const Place&) = delete;
    Place& operator=(const Place&) = delete;
    ~Place() {
      if (state) state->drop();
    }
    std::shared_ptr<State> state;  // null once it has run
  };

  void queue_up() {
    underneath.post([place = std::make_shared<Place>(shared_from_this())] {
      const std::shared_ptr<State> self = std::exchange(place->state, nullptr);
      self->run_one();
    });
  }

  void post(std::function<void()> work) {
    {
      const std::lock_guard guard(mutex);
      queue.push_back(std::move(work));
      if (std::exchange(active, true)) return;
    }
    queue_up();
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
    queue_up();
  }

  void drop() {
    std::deque<std::function<void()>> dropped;  // goes outside the lock
    const std::lock_guard guard(mutex);
    dropped.swap(queue);
    active = false;
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
