// agents/task.hpp
//
// The coroutine type of handlers and tools. A `task<T>` starts when it is awaited, gives one `T` or throws, and may be
// destroyed at any `co_await`: its frame holds no operation state, so nothing points back into it.
//
// A turn resumes its coroutines by a trampoline, one frame at a time, instead of by symmetric transfer: GCC performs
// that tail call only at -O2, and a loop of a million awaits would overflow the stack of a debug or sanitizer build.
//
// Inside a task only another task or a step of the context (agents/step.hpp) can be awaited. Anything else, a raw Asio
// operation above all, does not compile: it would resume the turn on a foreign thread and leave no trace in the
// journal.
//
// Threads:   a task and all it awaits run on the strand of their turn.
// Ownership: the task owns its frame; a frame owns the tasks it awaits. Destroying the root destroys all.
#pragma once

#include <concepts>
#include <coroutine>
#include <exception>
#include <optional>
#include <string>
#include <type_traits>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// An `Error` on its way up through handlers and tools. Thrown by awaited steps, and by whoever wants the turn to fail;
/// the turn catches it and turns it into a retry or a dead letter.
class Failure : public std::exception {
 public:
  explicit Failure(Error error) : error_(std::move(error)), text_(error_.text()) {}
  [[nodiscard]] const Error& error() const { return error_; }
  [[nodiscard]] const char* what() const noexcept override { return text_.c_str(); }

 private:
  Error error_;
  std::string text_;
};

/// The value of `result`, or its error thrown as a `Failure`. For handler code that has a Result in hand.
template <class T>
[[nodiscard]] T value_or_throw(Result<T> result) {
  if (!result.ok()) throw Failure(result.error());
  return std::move(result).value();
}
inline void value_or_throw(const Status& status) {
  if (!status.ok()) throw Failure(status.error());
}

/// Runs the frames of one turn, never one inside another.
class Trampoline {
 public:
  /// Runs `handle`, and then whatever became next, until nothing is. Not to be called from inside itself.
  void run(std::coroutine_handle<> handle) {
    CHECK(!running_, "a trampoline is not entered twice");
    running_ = true;
    next_ = handle;
    while (next_) std::exchange(next_, {}).resume();
    running_ = false;
  }
  /// The frame to run when the present one has suspended. Called by awaiters only.
  void set_next(std::coroutine_handle<> handle) { next_ = handle; }
  [[nodiscard]] bool running() const { return running_; }

 private:
  std::coroutine_handle<> next_;
  bool running_ = false;
};

/// Marks the awaitable steps of a context. See agents/step.hpp.
struct StepTag {};

template <class T>
class task;

namespace detail {

template <class>
inline constexpr bool kNever = false;

template <class T>
class TaskAwaiter;

class TaskPromiseBase {
 public:
  std::suspend_always initial_suspend() noexcept { return {}; }

  struct FinalAwaiter {
    bool await_ready() const noexcept { return false; }
    template <class Promise>
    void await_suspend(std::coroutine_handle<Promise> finished) const noexcept {
      TaskPromiseBase& promise = finished.promise();
      promise.trampoline_->set_next(promise.continuation_);
    }
    void await_resume() const noexcept {}
  };
  FinalAwaiter final_suspend() noexcept { return {}; }
  void unhandled_exception() noexcept { exception_ = std::current_exception(); }

  template <class T>
  TaskAwaiter<T> await_transform(task<T> child);

  template <std::derived_from<StepTag> S>
  S await_transform(S step) {
    return step;
  }

  template <class Other>
    requires(!std::derived_from<std::remove_cvref_t<Other>, StepTag>)
  void await_transform(Other&&) {
    static_assert(kNever<Other>,
                  "a turn may await only mnema::task and the steps of its context: wrap other work in ctx.step or "
                  "ctx.blocking");
  }

 protected:
  template <class>
  friend class mnema::task;
  template <class>
  friend class TaskAwaiter;

  void rethrow() const {
    if (exception_) std::rethrow_exception(exception_);
  }

  Trampoline* trampoline_ = nullptr;
  std::coroutine_handle<> continuation_;
  std::exception_ptr exception_;
};

template <class T>
class TaskPromise final : public TaskPromiseBase {
 public:
  task<T> get_return_object() noexcept;
  template <class U>
    requires std::convertible_to<U, T>
  void return_value(U&& value) {
    value_.emplace(std::forward<U>(value));
  }
  T take() {
    rethrow();
    CHECK(value_.has_value(), "a finished task has a value or an exception");
    return std::move(*value_);
  }

 private:
  std::optional<T> value_;
};

template <>
class TaskPromise<void> final : public TaskPromiseBase {
 public:
  task<void> get_return_object() noexcept;
  void return_void() noexcept {}
  void take() const { rethrow(); }
};

}  // namespace detail

template <class T = void>
class [[nodiscard]] task {
 public:
  using promise_type = detail::TaskPromise<T>;
  using value_type = T;

  task(task&& other) noexcept : frame_(std::exchange(other.frame_, {})) {}
  task& operator=(task&& other) noexcept {
    if (this != &other) {
      destroy();
      frame_ = std::exchange(other.frame_, {});
    }
    return *this;
  }
  ~task() { destroy(); }

  /// Starts a task that nobody awaits and runs it to its first suspension. `trampoline` must outlive it.
  void start(Trampoline& trampoline) {
    frame_.promise().trampoline_ = &trampoline;
    trampoline.run(frame_);
  }
  [[nodiscard]] bool done() const { return !frame_ || frame_.done(); }
  /// What a started task gave; rethrows what it threw. Precondition: done(). Once.
  T take() {
    CHECK(frame_ && frame_.done(), "a task's value is taken after its end");
    return frame_.promise().take();
  }

 private:
  friend promise_type;
  friend class detail::TaskAwaiter<T>;
  explicit task(std::coroutine_handle<promise_type> frame) : frame_(frame) {}
  void destroy() {
    if (frame_) frame_.destroy();
    frame_ = {};
  }
  std::coroutine_handle<promise_type> frame_;
};

namespace detail {

template <class T>
class [[nodiscard]] TaskAwaiter {
 public:
  explicit TaskAwaiter(task<T> child) : child_(std::move(child)) {}
  bool await_ready() const noexcept { return false; }
  template <class Promise>
  void await_suspend(std::coroutine_handle<Promise> parent) noexcept {
    TaskPromiseBase& child = child_.frame_.promise();
    child.trampoline_ = parent.promise().trampoline_;
    child.continuation_ = parent;
    child.trampoline_->set_next(child_.frame_);
  }
  T await_resume() { return child_.frame_.promise().take(); }

 private:
  task<T> child_;
};

template <class T>
TaskAwaiter<T> TaskPromiseBase::await_transform(task<T> child) {
  return TaskAwaiter<T>(std::move(child));
}

template <class T>
task<T> TaskPromise<T>::get_return_object() noexcept {
  return task<T>(std::coroutine_handle<TaskPromise<T>>::from_promise(*this));
}
inline task<void> TaskPromise<void>::get_return_object() noexcept {
  return task<void>(std::coroutine_handle<TaskPromise<void>>::from_promise(*this));
}

}  // namespace detail

}  // namespace mnema
