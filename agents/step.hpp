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
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agents/convert.hpp"
#include "agents/task.hpp"

namespace mnema {

/// One step in flight or done. Made and finished by the turn only.
struct StepOperation {
  std::string path;                            // "3" or "3.1": ordinal of creation under its parent
  std::optional<Result<std::string>> outcome;  // JSON text
  std::coroutine_handle<> waiter;              // the frame to go on with, if one waits
};

template <class T>
class [[nodiscard]] Step : public StepTag {
 public:
  explicit Step(std::shared_ptr<StepOperation> operation) : operation_(std::move(operation)) {}
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
      return value_or_throw(from_json<T>(value, UnknownMembers::kIgnore));
    }
  }

 private:
  std::shared_ptr<StepOperation> operation_;
};

}  // namespace mnema
