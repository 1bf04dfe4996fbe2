#include "agents/host/shutdown.hpp"

#include <algorithm>
#include <condition_variable>
#include <memory>
#include <mutex>
#include <thread>

#include "agents/agent_runtime.hpp"
#include "connectors/connector_registry.hpp"
#include "connectors/http/server.hpp"
#include "inference/engine.hpp"
#include "runtime/base/log.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/thread_pool_executor.hpp"

namespace mnema {
namespace {

// What the stages after the grace time may take where something hangs; below a second in sum.
constexpr Duration kCancelTime = std::chrono::milliseconds(200);
constexpr Duration kDeliveriesTime = std::chrono::milliseconds(100);
constexpr Duration kMemoryTime = std::chrono::milliseconds(150);
constexpr Duration kLeavingTime = std::chrono::milliseconds(100);
constexpr Duration kLeavingStep = std::chrono::milliseconds(2);
constexpr Duration kThreadsTime = std::chrono::milliseconds(250);
constexpr Duration kDatabaseTime = std::chrono::milliseconds(150);
constexpr int kNamesMax = 8;

/// Something that is over when `set` is called, from any thread; perhaps after everybody has stopped waiting.
class Ending {
 public:
  [[nodiscard]] std::function<void()> setter() const {
    return [state = state_] {
      const std::scoped_lock lock(state->mutex);
      state->is_set = true;
      state->changed.notify_all();
    };
  }
  [[nodiscard]] bool wait_until(MonotonicTime deadline) const {
    std::unique_lock lock(state_->mutex);
    return state_->changed.wait_until(lock, deadline, [this] { return state_->is_set; });
  }

 private:
  struct State {
    std::mutex mutex;  // guards is_set
    std::condition_variable changed;
    bool is_set = false;
  };
  std::shared_ptr<State> state_ = std::make_shared<State>();
};

/// Runs `work` on a thread of its own, which is left behind if it takes longer. False: it was.
bool done_by(MonotonicTime deadline, std::function<void()> work) {
  const Ending ended;
  std::thread thread([work = std::move(work), set = ended.setter()] {
    work();
    set();
  });
  if (!ended.wait_until(deadline)) return thread.detach(), false;
  thread.join();
  return true;
}

std::string joined(const std::vector<std::string>& names) {
  std::string text;
  for (const std::string& name : names) text += (text.empty() ? "" : ", ") + name;
  return text;
}

MonotonicTime now() { return SystemClock().monotonic_now(); }

}  // namespace

std::vector<std::string> shut_down(const ShutdownParts& parts, Duration grace) {
  std::vector<std::string> left;
  AgentRuntime* const runtime = parts.runtime;
  const MonotonicTime grace_end = now() + grace;
  // A stage that comes early may also use what is left of the grace time.
  const auto until = [grace_end](Duration at_least) { return std::max(grace_end, now() + at_least); };

  if (parts.connectors != nullptr) parts.connectors->drain();
  if (runtime != nullptr) runtime->memory().stop_background();
  if (parts.serving) {
    const Ending answered;
    const Ending turns_ended;
    if (parts.server != nullptr)
      parts.server->stop(grace, answered.setter());
    else
      answered.setter()();
    if (runtime != nullptr)
      runtime->stop(grace, turns_ended.setter());
    else
      turns_ended.setter()();
    // The engine is stopped after the turns, or they would fail, and count an attempt, instead of being cancelled.
    if (!turns_ended.wait_until(grace_end) || !answered.wait_until(grace_end)) {
      if (runtime != nullptr) runtime->dispatcher().cancel_running();
      const MonotonicTime cancelled_by = now() + kCancelTime;
      if (!turns_ended.wait_until(cancelled_by)) {
        const std::string names = joined(runtime->dispatcher().running_names(kNamesMax));
        left.push_back(names.empty() ? "the loop thread does not answer" : "turns do not end: " + names);
      }
      (void)answered.wait_until(cancelled_by);  // the server cuts connections by itself, or they end with the loop
    }
  }
  const Ending delivered;
  const bool delivers = parts.serving && runtime != nullptr;
  if (delivers) runtime->stop_deliveries(delivered.setter());
  if (parts.connectors != nullptr) parts.connectors->stop();
  if (parts.cancel_calls) parts.cancel_calls();
  if (delivers && !delivered.wait_until(now() + kDeliveriesTime)) {
    // What such a delivery says later, nobody hears: its message goes out again after the next start.
    log_warning("host", "deliveries have not ended", {{"to", joined(runtime->deliveries())}});
  }
  parts.engine.stop();
  if (runtime != nullptr && !done_by(until(kMemoryTime), [runtime] { runtime->memory().close(); })) {
    left.push_back("memory does not end the saving of its indexes (the next start makes them again)");
  }

  if (parts.serving && parts.connectors != nullptr) {
    const MonotonicTime leave_by = until(kLeavingTime);
    const Ending pause;  // nobody sets it
    while (!parts.connectors->leaving().empty() && now() < leave_by) {
      static_cast<void>(pause.wait_until(now() + kLeavingStep));
    }
    for (const std::string& name : parts.connectors->leaving()) {
      left.push_back("the broker of source '" + name + "' does not say that it has left (it will find out)");
    }
  }

  parts.loop.stop();
  const MonotonicTime threads_by = now() + kThreadsTime;
  if (!parts.loop.join_by(threads_by)) left.push_back("the loop thread hangs");
  for (ThreadPoolExecutor* pool : parts.pools) pool->drop_queued();
  for (ThreadPoolExecutor* pool : parts.pools) {
    const int hanging = pool->stop_by(threads_by);
    if (hanging == 0) continue;
    left.push_back("pool '" + pool->name() + "': " + std::to_string(hanging) + " of " +
                   std::to_string(pool->threads()) + " threads hang in their work");
  }

  if (runtime != nullptr && !done_by(until(kDatabaseTime), [runtime] { runtime->close(); })) {
    left.push_back("the database does not close; it holds all that was acknowledged");
  }
  for (const std::string& what : left) log_error("host", "left behind: " + what);
  return left;
}

}  // namespace mnema
