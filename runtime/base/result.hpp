// runtime/base/result.hpp
//
// How a failure of the world travels: as a value, never as an exception. An `Error` is written for the person who
// reads it: what happened, where, and in `hint` what to do about it. Exceptions of libraries are caught at their
// border and turned into one of these.
//
// Threads: plain values; no sharing.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <variant>

#include "runtime/base/check.hpp"

namespace mnema {

/// What kind of failure. Persisted in dead letters and shown to clients: append only, never renumber.
enum class ErrorCode : int {
  kInvalidArgument = 1,         // the caller's input is wrong; repeating it will fail again
  kNotFound = 2,                // the named thing does not exist
  kAlreadyExists = 3,           //
  kPermissionDenied = 4,        // the caller is known but may not
  kUnauthenticated = 5,         // the caller is not known
  kResourceExhausted = 6,       // a limit, queue or budget is full
  kFailedPrecondition = 7,      // the system is not in a state for this (wrong version, not started)
  kAborted = 8,                 // lost a race; may be tried again
  kCancelled = 9,               // somebody asked for it to stop
  kDeadlineExceeded = 10,       //
  kUnavailable = 11,            // the other side does not answer now
  kStorage = 12,                // disk or database failed
  kCorrupt = 13,                // bytes that we or others wrote do not check
  kUnsupported = 14,            // a valid thing that this build cannot do
  kInternal = 15,               // our bug, contained
  kContextLengthExceeded = 16,  // prompt plus answer do not fit the model
  kMailboxFull = 17,            // back-pressure; retry later
  kBudgetExceeded = 18,         // a turn, agent or tenant ran out of its budget
  kInDoubt = 19,                // an effect may or may not have happened; a person decides
  kSchemaDrift = 20,            // an upstream's answer no longer has the pinned shape
};

/// The stable snake_case name of `code`, as shown in JSON and logs ("invalid_argument").
[[nodiscard]] std::string_view name_of(ErrorCode code);

struct Error {
  ErrorCode code = ErrorCode::kInternal;
  std::string message;      // what and where, one sentence, no trailing full stop needed
  std::string hint;         // what to do; may be empty
  bool retryable = false;   // the same call may succeed later
  long retry_after_ms = 0;  // when to try again, if known; 0 = unknown
  bool never_left = false;  // nothing of the call has left the process: the other side cannot have seen it
  std::string part = {};  // of a request: the part that is wrong, in its receiver's words ("constraint"); may be empty

  /// "invalid_argument: message (hint)"
  [[nodiscard]] std::string text() const;
};

/// Shorthand: `return fail(ErrorCode::kNotFound, "model file 'x' does not exist", "run 'mnema models pull x'");`
[[nodiscard]] inline Error fail(ErrorCode code, std::string message, std::string hint = {}) {
  return Error{code, std::move(message), std::move(hint), false, 0};
}

/// As `fail`, for failures where the same call may succeed later.
[[nodiscard]] inline Error fail_retryable(ErrorCode code, std::string message, std::string hint = {},
                                          long retry_after_ms = 0) {
  return Error{code, std::move(message), std::move(hint), true, retry_after_ms};
}

/// A `T` or an `Error`. Reading the wrong one trips a CHECK: test with `ok()` first.
template <class T>
class [[nodiscard]] Result {
 public:
  Result(T value) : state_(std::in_place_index<0>, std::move(value)) {}
  Result(Error error) : state_(std::in_place_index<1>, std::move(error)) {}

  [[nodiscard]] bool ok() const { return state_.index() == 0; }
  explicit operator bool() const { return ok(); }

  [[nodiscard]] T& value() & { return require(), std::get<0>(state_); }
  [[nodiscard]] const T& value() const& { return require(), std::get<0>(state_); }
  [[nodiscard]] T&& value() && { return require(), std::get<0>(std::move(state_)); }
  [[nodiscard]] T& operator*() & { return value(); }
  [[nodiscard]] const T& operator*() const& { return value(); }
  [[nodiscard]] T&& operator*() && { return std::move(*this).value(); }
  [[nodiscard]] T* operator->() { return &value(); }
  [[nodiscard]] const T* operator->() const { return &value(); }

  [[nodiscard]] const Error& error() const {
    CHECK(!ok(), "error() is read only from a failed Result");
    return std::get<1>(state_);
  }

 private:
  void require() const {
    if (!ok()) check_failed(__FILE__, __LINE__, "ok()", std::get<1>(state_).text().c_str());
  }
  std::variant<T, Error> state_;
};

/// Success without a value, or an `Error`. `return {};` is success.
template <>
class [[nodiscard]] Result<void> {
 public:
  Result() = default;
  Result(Error error) : error_(std::move(error)) {}

  [[nodiscard]] bool ok() const { return !error_.has_value(); }
  explicit operator bool() const { return ok(); }
  [[nodiscard]] const Error& error() const {
    CHECK(!ok(), "error() is read only from a failed Result");
    return *error_;
  }

 private:
  std::optional<Error> error_;
};

using Status = Result<void>;

}  // namespace mnema

/// Leaves the enclosing function with the error of `expression` (a Result), or goes on.
#define RETURN_IF_ERROR(expression)                                                           \
  do {                                                                                        \
    if (auto mnema_status_ = (expression); !mnema_status_.ok()) return mnema_status_.error(); \
  } while (false)

#define MNEMA_CONCAT_(a, b) a##b
#define MNEMA_CONCAT(a, b) MNEMA_CONCAT_(a, b)

/// `ASSIGN_OR_RETURN(auto file, open(path));` — declares the value, or leaves with the error.
#define ASSIGN_OR_RETURN(declaration, expression) \
  ASSIGN_OR_RETURN_(MNEMA_CONCAT(mnema_result_, __LINE__), declaration, expression)
#define ASSIGN_OR_RETURN_(result, declaration, expression) \
  auto result = (expression);                              \
  if (!result.ok()) return result.error();                 \
  declaration = std::move(result).value()
