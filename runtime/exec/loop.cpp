#include "runtime/exec/loop.hpp"

#include <algorithm>
#include <atomic>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/io_context.hpp>
#include <boost/asio/post.hpp>
#include <boost/asio/steady_timer.hpp>
#include <condition_variable>
#include <mutex>
#include <optional>
#include <thread>

#include "runtime/base/check.hpp"

namespace mnema {
namespace {

// Condition variables count in nanoseconds, in which the last of our times would overflow and have passed long since.
constexpr MonotonicTime kLatest{std::chrono::hours(24 * 365 * 100)};

}  // namespace

struct Loop::State {
  std::optional<boost::asio::io_context> owned;
  boost::asio::io_context* context = nullptr;
  std::optional<boost::asio::executor_work_guard<boost::asio::io_context::executor_type>> work;
  std::thread thread;
  std::atomic<std::thread::id> loop_thread{};
  std::mutex mutex;  // guards has_ended
  std::condition_variable ended;
  bool has_ended = false;  // the thread
};

Loop::Loop() : state_(std::make_unique<State>()) {
  state_->owned.emplace(1);  // one thread: Asio may leave out what several would need
  state_->context = &*state_->owned;
  state_->work.emplace(state_->context->get_executor());
}

Loop::Loop(boost::asio::io_context& borrowed) : state_(std::make_unique<State>()) { state_->context = &borrowed; }

Loop::~Loop() {
  if (state_->owned) {
    stop();
    join();
  }
}

void Loop::post(std::function<void()> work) { boost::asio::post(*state_->context, std::move(work)); }

void Loop::post_after(Duration delay, std::function<void()> work) {
  auto timer = std::make_shared<boost::asio::steady_timer>(*state_->context, delay);
  timer->async_wait([timer, work = std::move(work)](const boost::system::error_code& error) {
    if (!error) work();
  });
}

void Loop::run() {
  CHECK(state_->owned.has_value(), "a borrowed io_context is run by its owner");
  state_->loop_thread = std::this_thread::get_id();
  state_->context->run();
}

void Loop::start() {
  CHECK(!state_->thread.joinable(), "a loop is started once");
  state_->thread = std::thread([this] {
    run();
    const std::scoped_lock lock(state_->mutex);
    state_->has_ended = true;
    state_->ended.notify_all();
  });
}

void Loop::stop() {
  CHECK(state_->owned.has_value(), "a borrowed io_context is stopped by its owner");
  state_->context->stop();
}

void Loop::join() {
  if (state_->thread.joinable()) state_->thread.join();
}

bool Loop::join_by(MonotonicTime deadline) {
  if (!state_->thread.joinable()) return true;
  {
    std::unique_lock lock(state_->mutex);
    if (!state_->ended.wait_until(lock, std::min(deadline, kLatest), [this] { return state_->has_ended; }))
      return false;
  }
  state_->thread.join();
  return true;
}

bool Loop::on_loop_thread() const {
  if (!state_->owned) return state_->context->get_executor().running_in_this_thread();
  return state_->loop_thread.load() == std::this_thread::get_id();
}

boost::asio::io_context& Loop::io_context() { return *state_->context; }

}  // namespace mnema
