// agents/rest/chat_response.hpp
//
// The answer of /v1/chat/completions, written: whole, or as the chunks of a stream. What the official clients demand of
// a stream (found in their code, kept by the tests):
//   - id, created and model are the same in every chunk; choices first appear in the order of their index;
//   - the first delta of a choice carries the role, its last chunk the finish_reason;
//   - id and name of a tool call come once, with an index from 0 without gaps; clients concatenate what is repeated;
//   - the seed that was used stands beside the finish_reason, so that an answer can be had again;
//   - a call that the client forced by its name ends with "stop", one that the model chose to make (tool_choice auto or
//     required) with "tool_calls"; one that was cut ends with "length" and is not in a whole answer;
//   - sources of an agent's answer are `annotations` of the message, in a stream of the delta before the last; never
//     text, so that a structured answer is the model's JSON alone;
//   - an agent that cannot answer in the shape that was asked for says so in `refusal`, and its content is null;
//   - why an answer was cut short otherwise than by its length stands in the choice's `mnema.note`;
//   - with include_usage, `usage` is null in every chunk but one last chunk, which has no choices.
//
// Threads: confined to one answer. Pure: it makes JSON texts and sends nothing.
#pragma once

#include <boost/json/object.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "inference/request.hpp"

namespace mnema {

class ChatWriter {
 public:
  struct Options {
    std::string id;     // "chatcmpl-..."
    std::string model;  // as it was asked for
    long long created = 0;
    int choices = 1;
    bool logprobs = false;
    bool include_usage = false;
    bool one_tool_call = false;   // further calls of an answer are left out
    bool tool_was_named = false;  // tool_choice left no choice: then the finish_reason of a call is "stop"
  };
  explicit ChatWriter(Options options);

  /// The whole answer.
  [[nodiscard]] boost::json::value whole(const std::vector<Completion>& choices) const;

  /// Chunks, each the JSON text of one event. `first` for every choice in order, then any `delta`s, then one `finish` a
  /// choice, then `usage` if it was asked for.
  [[nodiscard]] std::string first(int choice) const;
  /// "" if there is nothing to tell.
  [[nodiscard]] std::string delta(int choice, const Delta& delta);
  /// What no delta has told (a backend may not stream), a refusal, the sources, and the end.
  [[nodiscard]] std::vector<std::string> finish(int choice, const Completion& completion);
  [[nodiscard]] std::string usage(const std::vector<Completion>& choices) const;

  [[nodiscard]] const std::string& model() const { return options_.model; }

 private:
  [[nodiscard]] boost::json::object chunk() const;
  [[nodiscard]] std::string choice_chunk(int choice, boost::json::object delta, boost::json::value logprobs,
                                         boost::json::value finish_reason,
                                         std::optional<std::uint64_t> seed = std::nullopt,
                                         const std::string& note = "") const;
  [[nodiscard]] std::string_view finish_reason_of(const Completion& completion) const;

  Options options_;
  std::vector<bool> told_;  // per choice: a delta has carried something
};

}  // namespace mnema
