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
// What a template makes of a history with tool calls is found out at load, by rendering a probe: whether it wants a
// call's arguments as an object or as JSON text, and what stands for the content of a call without text. Objects by
// default: they print, and add to texts, as their JSON text, so that one template may use them in both ways.
//
// What a template gets is what transformers gives it: `tools` is none where there are no tools (undefined for templates
// that fail at that), reasoning is both `reasoning_content` and `thinking`.
//
// Threads: immutable after construction; any thread.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "inference/chat/control_texts.hpp"
#include "inference/chat/jinja_template.hpp"
#include "inference/request.hpp"
#include "inference/tokenizer/tokenizer.hpp"
#include "runtime/base/clock.hpp"
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
  /// `limits`: what the template may use in a rendering. Errors: `kInvalidArgument` (the template cannot be parsed;
  /// with the line), `kResourceExhausted` (it is too long).
  [[nodiscard]] static Result<std::shared_ptr<const ChatTemplate>> create(std::string_view source,
                                                                          std::vector<std::string> control_texts,
                                                                          std::string beginning, std::string end,
                                                                          const Limits& limits = {});
  /// The same with the control texts of a model's tokenizer.
  [[nodiscard]] static Result<std::shared_ptr<const ChatTemplate>> create_for(std::string_view source,
                                                                              const Tokenizer& tokenizer);

  /// `now` is the time that a template may write (strftime_now); without it a template has no such function. Errors:
  /// `kInvalidArgument` where the template refuses the messages (its own words), there are none, or a template argument
  /// has the name of something that is not the request's to set; `kResourceExhausted` where the messages are longer
  /// than `prompt_bytes_max`, or the template loops, nests or writes beyond its limits.
  [[nodiscard]] Result<RenderedPrompt> render(const Prompt& prompt, std::optional<Time> now = std::nullopt) const;

  /// Whether the template shows the model which tools there are. Where it does not, tools of a request would be lost.
  [[nodiscard]] bool supports_tools() const { return supports_tools_; }
  /// Whether it shows the calls of a history: their names and arguments.
  [[nodiscard]] bool supports_tool_calls() const { return supports_tool_calls_; }
  /// Whether it may write the time: then the same prompt is another text later on.
  [[nodiscard]] bool writes_time() const { return writes_time_; }
  /// Whether the template has reasoning in <think> tags.
  [[nodiscard]] bool has_reasoning() const { return has_reasoning_; }
  /// Whether calls are written as <tool_call>{json}</tool_call>.
  [[nodiscard]] bool has_tool_call_tags() const { return has_tool_call_tags_; }

 private:
  /// How a call's arguments are given to the template, and the content of a call without text.
  enum class ArgumentsForm { kObject, kText };
  enum class NoContent { kEmpty, kNone, kAbsent };

  ChatTemplate() = default;
  void probe();
  [[nodiscard]] std::string probed(const Prompt& prompt) const;
  [[nodiscard]] jinja::Value arguments_of(const std::string& text) const;
  [[nodiscard]] jinja::Dict message_entry(const Message& message, Sharing visible) const;
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
  ArgumentsForm arguments_form_ = ArgumentsForm::kObject;
  NoContent no_content_ = NoContent::kNone;
  bool loses_calls_with_empty_content_ = false;
  bool needs_tools_undefined_ = false;  // fails where `tools` is none
  bool supports_tools_ = false;
  bool supports_tool_calls_ = false;
  bool writes_time_ = false;
  bool has_reasoning_ = false;
  bool has_tool_call_tags_ = false;
};

}  // namespace mnema
