// agents/step.hpp
//
// What a handler awaits from its context. Each step has a place in the turn's journal; its value always comes to the
// handler out of the JSON text that the journal holds, so that a first run and a replay see the same bytes.
//
// Threads:   the turn's strand.
// Ownership: the operation is shared by the turn, which finishes it, and by the step, which waits for it. The frame of
//            the handler holds neither: it may be destroyed while the operation runs.
#pragma once

#include <coroutine>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <variant>

#include "agents/convert.hpp"
#include "agents/task.hpp"

namespace mnema {

/// One step in flight or done. Made and finished by the turn only.
struct StepOperation {
  std::string path;                            // "3" or "3.1": ordinal of creation under its parent
  std::optional<Result<std::string>> outcome;  // JSON text
  std::coroutine_handle<> waiter;              // the frame to go on with, if one waits
};

namespace detail {

template <class T>
struct StepObserver {
  using type = std::function<void(const T&)>;
};
template <>
struct StepObserver<void> {
  using type = std::monostate;
};

}  // namespace detail

template <class T>
class [[nodiscard]] Step : public StepTag {
 public:
  /// What learns the value before the handler does, in a first run and in a replay alike.
  using Observer = typename detail::StepObserver<T>::type;

  explicit Step(std::shared_ptr<StepOperation> operation, Observer observer = {})
      : operation_(std::move(operation)), observer_(std::move(observer)) {}
  Step(Step&&) noexcept = default;
  Step& operator=(Step&&) = delete;
  /// A frame that is destroyed while it waits must not be resumed.
  ~Step() {
    if (operation_) operation_->waiter = {};
  }

  [[nodiscard]] bool await_ready() const { return operation_->outcome.has_value(); }
  void await_suspend(std::coroutine_handle<> waiter) { operation_->waiter = waiter; }
  /// The value; a failed step throws its error as a `Failure`.
  T await_resume() {
    if (!operation_->outcome->ok()) throw Failure(operation_->outcome->error());
    if constexpr (!std::is_void_v<T>) {
      boost::json::value value =
          value_or_throw(parse_bounded_json(operation_->outcome->value(), "step " + operation_->path, kWrittenByUs));
      T typed = value_or_throw(from_json<T>(value, UnknownMembers::kIgnore));
      if (observer_) observer_(typed);
      return typed;
    }
  }

 private:
  std::shared_ptr<StepOperation> operation_;
  Observer observer_;
};

}  // namespace mnema
