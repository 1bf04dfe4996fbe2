// inference/chat/tool_calls.hpp
//
// What a model wrote, taken apart while it writes: reasoning in <think> tags, tool calls in <tool_call> tags
// ({"name": ..., "arguments": {...}}, as Hermes and Qwen models write them), and the rest, which is text. Where the
// name comes first, arguments are passed on as they come. All else is decided at the end tag, from the top-level
// members of the whole: "parameters" may stand for "arguments", and a text that holds an object for the object. What
// begins like a call and is none is returned as text, but for what was cut off: a tag or a call without its end is no
// text. Small models leave the tags out: what begins with {"name": "<a tool's name>", in a fence of code or without,
// before any text, is a call as well.
//
// Threads: confined to one generation.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

class OutputParser {
 public:
  struct Options {
    bool tool_calls = false;           // look for <tool_call>
    bool tags_before_text = false;     // only there: in an answer of a given shape a tag is a text like others
    bool reasoning = false;            // look for <think>
    bool begins_in_reasoning = false;  // the template has already written <think>
    std::string call_id_prefix;        // ids are the prefix and the call's number
    std::vector<std::string> tools_without_tags;  // whose calls are known without tags
  };
  explicit OutputParser(Options options);

  /// Takes whole UTF-8 characters; adds to `delta` what is certain now.
  void push(std::string_view text, Delta& delta);
  /// The end of the output: what was held back is decided. `cut`: the model has not ended it.
  void finish(Delta& delta, bool cut);

  /// The complete calls so far. One that was cut off is not among them, though pieces of it may have gone out.
  [[nodiscard]] const std::vector<ToolCall>& calls() const { return calls_; }
  /// A call has begun and not ended.
  [[nodiscard]] bool in_call() const { return place_ == Place::kCall; }

 private:
  enum class Place { kText, kReasoning, kCall };
  void advance(Delta& delta, bool final);
  bool skip_fence(bool final);
  bool begin_call_without_tag(bool final);
  void begin_call();
  void push_to_call_without_tag(Delta& delta);
  void emit(std::string_view text, Delta& delta);
  void append_to_call(std::string_view text);
  void read_call(Delta& delta);
  enum class End { kTag, kModel, kCut };
  void end_call(Delta& delta, End end);
  [[nodiscard]] std::string id_of(int index) const;

  const Options options_;
  Place place_;
  std::string pending_;       // not yet decided
  bool has_text_ = false;     // some text has come out
  bool skip_blanks_ = false;  // after a tag
  std::vector<ToolCall> calls_;
  int announced_calls_ = 0;  // complete or not: the next one's index
  // The call being written.
  std::string body_;
  bool body_in_string_ = false, body_escaped_ = false;  // at the end of body_
  int body_depth_ = 0;                                  // likewise
  bool without_tag_ = false;
  bool in_fence_ = false;  // of code, around calls without tags
  std::string name_;
  bool announced_ = false;           // name and id have gone out
  std::size_t arguments_begin_ = 0;  // in body_; 0 = not yet seen
  std::size_t scanned_ = 0;          // of the arguments
  int depth_ = 0;
  bool in_string_ = false, escaped_ = false, arguments_done_ = false;
};

}  // namespace mnema
