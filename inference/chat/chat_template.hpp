// inference/chat/chat_template.hpp
//
// Messages to the text a model was trained on, by the Jinja template that its file carries (ChatML where it has none).
//
// Two things are found out on the way. Control tokens spelled out in what users, tools or documents say must stay text,
// names, descriptions, schemas and arguments included: the rendered prompt says where it has to be cut so that no
// tokenizer can put them together again. Only what the system itself says (Trust::kSystem) may spell them. And the KV
// pages of a prompt may be shared only as far as it says the same for everybody: the prompt is rendered again with
// private texts replaced, and what both begin with is public.
//
// `strftime_now` is not defined, so templates take their fixed date: a date in the system prompt would end every prefix
// at midnight.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "inference/chat/control_texts.hpp"
#include "inference/chat/jinja_template.hpp"
#include "inference/request.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

struct RenderedPrompt {
  std::string text;
  std::vector<std::size_t> cuts;  // byte offsets, rising: tokenize the parts between them apart
  std::size_t public_until = 0;   // bytes that are the same for everybody
  std::size_t tenant_until = 0;   // bytes that are the same for everybody in the tenant; ≥ public_until
};

class ChatTemplate {
 public:
  /// `source`: Jinja; "" = ChatML. `control_texts`: what must not be taken for a control token when a user says it.
  /// `limits`: what the template may use in a rendering. Errors: `kInvalidArgument` (the template cannot be parsed, or
  /// uses what there is not; with the line), `kResourceExhausted` (it is too long).
  [[nodiscard]] static Result<std::shared_ptr<const ChatTemplate>> create(std::string_view source,
                                                                          std::vector<std::string> control_texts,
                                                                          std::string beginning, std::string end,
                                                                          const Limits& limits = {});
  /// The same with the control texts of a model's tokenizer.
  [[nodiscard]] static Result<std::shared_ptr<const ChatTemplate>> create_for(std::string_view source,
                                                                              const Tokenizer& tokenizer);

  /// Errors: `kInvalidArgument` where the template refuses the messages (its own words), there are none, or a template
  /// argument has the name of something that is not the request's to set; `kResourceExhausted` where the messages are
  /// longer than `prompt_bytes_max`, or the template loops, nests or writes beyond its limits.
  [[nodiscard]] Result<RenderedPrompt> render(const Prompt& prompt) const;

  /// Whether the template has reasoning in <think> tags.
  [[nodiscard]] bool has_reasoning() const { return has_reasoning_; }
  /// Whether calls are written as <tool_call>{json}</tool_call>.
  [[nodiscard]] bool has_tool_call_tags() const { return has_tool_call_tags_; }

 private:
  ChatTemplate() = default;
  [[nodiscard]] jinja::Dict context_of(const Prompt& prompt, Sharing visible) const;
  [[nodiscard]] std::string content_of(const Message& message, Sharing visible) const;
  [[nodiscard]] jinja::Value argument_of(const boost::json::value& argument, Sharing visible) const;
  [[nodiscard]] std::string escaped(std::string_view text) const;
  [[nodiscard]] jinja::Value escaped(const boost::json::value& json) const;

  jinja::Template template_;
  jinja::Bounds bounds_;
  std::size_t prompt_bytes_max_ = 0;
  ControlTexts control_texts_;
  std::string beginning_, end_;
  bool arguments_as_objects_ = false;
  bool has_reasoning_ = false;
  bool has_tool_call_tags_ = false;
};

}  // namespace mnema
