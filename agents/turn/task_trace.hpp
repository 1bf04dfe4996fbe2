// agents/turn/task_trace.hpp
//
// What one turn does with its tools, as memory may learn from it: which tools, in which order, and where each argument
// came from, without any value (memory/procedural/procedure.hpp). Calls that failed, that repeated an earlier one, or
// that only looked for something and found nothing were not needed, and are left out.
//
// Threads: confined to the turn's strand.
#pragma once

#include <boost/json/value.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "agents/tool.hpp"
#include "memory/procedural/procedure.hpp"

namespace mnema {

class TaskTrace {
 public:
  /// What the task is, in the words of the event, or of the user's messages of a conversation.
  explicit TaskTrace(std::vector<std::string> task) : task_(std::move(task)) {}

  /// A call that the model made, and how it ended. `tool`: null if there is none of that name.
  void note(const ToolSpec* tool, const ToolCall& call, const std::string& result, bool failed);

  [[nodiscard]] int calls() const { return calls_; }
  /// Those that were needed, in order.
  [[nodiscard]] const std::vector<TaskStep>& steps() const { return steps_; }
  /// The tool whose last call failed. Empty: none.
  [[nodiscard]] const std::string& unresolved() const { return unresolved_; }

 private:
  struct Result {
    std::string tool;
    std::string text;
  };
  [[nodiscard]] ArgumentShape shape_of(std::string_view name, const boost::json::value& value) const;

  const std::vector<std::string> task_;
  std::vector<Result> results_;    // of calls that went well, oldest first
  std::vector<std::string> made_;  // tool and arguments of these
  std::vector<TaskStep> steps_;
  std::string unresolved_;
  int calls_ = 0;
};

/// Whether a tool's result says that the call did not do what it should: a member "error" that holds something, or "ok"
/// or "success" that is false.
[[nodiscard]] bool says_failure(std::string_view result);

}  // namespace mnema
