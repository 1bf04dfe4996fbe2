// agents/tool.hpp
//
// A tool: a function that acts on the world, written as a coroutine over described structs, and what the runtime must
// know about it to survive a crash in its middle.
//
//   mnema::task<Refunded> refund(mnema::ToolCtx& tool, Refund request);      // tool.key() is the idempotency key
//
// A tool is a free function (or a member bound to something that outlives the host), never a capturing coroutine
// lambda: GCC 12 destroys captures twice there.
//
// When an effect is `started` in the journal, so that nothing is done twice and nothing is called doubtful that never
// happened:
//
//   a body that acts itself        before the body runs: it may act at its first line
//   a body that calls connectors   when its first call leaves, after breaker, limits and permit. A stop or a crash
//   while
//                                  the call waits leaves no trace, and the step is simply done anew
//
// Which kind a function is, its first run tells: a body that makes a call is taken to act by its calls alone, from then
// on and for all that it does. One that does both says so with `acts_itself`. The first run of a function in a process
// is `started` before its body, and that is taken back when its first call begins to wait.
//
// Threads: made before the host runs, then immutable; bodies run on the strand of the turn that calls them.
#pragma once

#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "agents/convert.hpp"
#include "agents/task.hpp"
#include "inference/request.hpp"

namespace mnema {

class JsonSchema;
class ToolCtx;

template <class R, class A>
using ToolFunction = task<R> (*)(ToolCtx&, A);
/// Asks the other side whether an effect that was begun under this key has happened: its result, or none.
template <class R, class A>
using ReconcileFunction = task<std::optional<R>> (*)(ToolCtx&, A);

/// What may be done again. A step whose `started` is on disk and whose `done` is not has happened or not; after a crash
/// it is repeated if `repeatable`, else asked for by `reconcile`, else left to a person as in doubt.
template <class R, class A>
struct ToolOptions {
  bool has_effects = true;        // false: only reads, may be repeated at will
  bool repeatable = false;        // the other side drops a second call with the same idempotency key
  bool on_external_text = false;  // the model may call it although text from outside is in its context
  bool acts_itself = false;       // changes the world beside what its calls of connectors do
  ReconcileFunction<R, A> reconcile = nullptr;
};

/// What a step does, with its types forgotten: arguments and results are JSON texts.
struct StepBody {
  std::function<task<std::string>(ToolCtx&)> run;
  std::function<task<std::optional<std::string>>(ToolCtx&)> reconcile;  // may be empty
  const void* function = nullptr;  // tells one function from another; null: every run is the first
  bool has_effects = true;
  bool repeatable = false;
  bool acts_itself = false;
};

/// A tool with its types forgotten.
struct ToolSpec {
  ToolDefinition definition;
  bool on_external_text = false;
  bool has_effects = true;
  /// `definition.parameters`, which arguments must fit before the tool is bound to them. Compiled with the agents
  /// (agents/tool_arguments.hpp).
  std::shared_ptr<const JsonSchema> arguments_schema;
  /// The step that runs it with these arguments. Errors: `kInvalidArgument` with a JSON pointer, for the model to read.
  std::function<Result<StepBody>(const boost::json::value& arguments)> bind;
};

namespace detail {

template <class R>
task<std::string> to_text(task<R> typed) {
  if constexpr (std::is_void_v<R>) {
    co_await std::move(typed);
    co_return "null";
  } else {
    R value = co_await std::move(typed);
    co_return boost::json::serialize(to_json(value));
  }
}

template <class R>
task<std::optional<std::string>> to_optional_text(task<std::optional<R>> typed) {
  std::optional<R> value = co_await std::move(typed);
  std::optional<std::string> text;
  if (value) text = boost::json::serialize(to_json(*value));
  co_return text;
}

template <class R>
task<R> from_text(task<std::string> untyped) {
  std::string text = co_await std::move(untyped);
  if constexpr (!std::is_void_v<R>) {
    boost::json::value value = value_or_throw(parse_bounded_json(text, "a step's result", kWrittenByUs));
    R result = value_or_throw(from_json<R>(value, UnknownMembers::kIgnore));
    co_return result;
  }
}

}  // namespace detail

template <class R, class A>
[[nodiscard]] StepBody make_step_body(ToolFunction<R, A> function, A arguments, const ToolOptions<R, A>& options) {
  StepBody body;
  body.run = [function, arguments](ToolCtx& tool) { return detail::to_text<R>(function(tool, arguments)); };
  if constexpr (!std::is_void_v<R>) {
    if (options.reconcile) {
      body.reconcile = [ask = options.reconcile, arguments](ToolCtx& tool) {
        return detail::to_optional_text<R>(ask(tool, arguments));
      };
    }
  }
  body.function = reinterpret_cast<const void*>(function);
  body.has_effects = options.has_effects;
  body.repeatable = options.repeatable;
  body.acts_itself = options.acts_itself;
  return body;
}

template <class R, class A>
[[nodiscard]] ToolSpec make_tool(std::string name, std::string description, ToolFunction<R, A> function,
                                 ToolOptions<R, A> options) {
  ToolSpec spec;
  spec.definition = {std::move(name), std::move(description), schema_of<A>()};
  spec.on_external_text = options.on_external_text || !options.has_effects;
  spec.has_effects = options.has_effects;
  spec.bind = [function, options](const boost::json::value& json) -> Result<StepBody> {
    ASSIGN_OR_RETURN(A arguments, from_json<A>(json));
    return make_step_body<R, A>(function, std::move(arguments), options);
  };
  return spec;
}

}  // namespace mnema
