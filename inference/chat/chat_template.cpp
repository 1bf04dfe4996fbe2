#include "inference/chat/chat_template.hpp"

#include <algorithm>

#include "inference/chat/jinja_functions.hpp"
#include "inference/chat/jinja_json.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace {

constexpr std::string_view kChatMl =
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

/// What a template gets from us: no argument of a request takes its place, nor that of a function.
constexpr std::string_view kReserved[] = {"messages",  "tools",     "add_generation_prompt",
                                          "bos_token", "eos_token", "loop"};
constexpr std::size_t kTemplateArgumentsMax = 64;  // they are looked through one by one; templates know two or three
/// A word to choose between things ("high") or a date; a longer text may be somebody's own.
constexpr std::size_t kPublicArgumentBytesMax = 32;

// Noncharacters of Unicode, which no text has a use for.
constexpr std::string_view kCut = "\xef\xb7\x90";      // U+FDD0: the prompt is to be cut here
constexpr std::string_view kPrivate = "\xef\xb7\x91";  // U+FDD1: stands for a text that is not everybody's

std::size_t common_prefix(std::string_view a, std::string_view b) {
  const auto [end, unused] = std::mismatch(a.begin(), a.end(), b.begin(), b.end());
  return static_cast<std::size_t>(end - a.begin());
}

/// Takes the cut marks out and notes where they were. `borders` are moved along.
RenderedPrompt without_marks(std::string_view marked, std::size_t public_until, std::size_t tenant_until) {
  RenderedPrompt prompt;
  std::size_t at = 0, removed_public = 0, removed_tenant = 0;
  for (std::size_t mark = marked.find(kCut); mark != std::string_view::npos; mark = marked.find(kCut, at)) {
    prompt.text += marked.substr(at, mark - at);
    prompt.cuts.push_back(prompt.text.size());
    at = mark + kCut.size();
    if (mark < public_until) removed_public += std::min(kCut.size(), public_until - mark);
    if (mark < tenant_until) removed_tenant += std::min(kCut.size(), tenant_until - mark);
  }
  prompt.text += marked.substr(at);
  prompt.public_until = public_until - removed_public;
  prompt.tenant_until = std::max(prompt.public_until, tenant_until - removed_tenant);
  return prompt;
}

/// A piece of one text; `trusted`: what the system itself says.
struct Part {
  std::string_view text;
  bool trusted;
};

/// The parts one after the other, with a cut inside every control text that is not wholly trusted.
std::string escaped_parts(const std::vector<Part>& parts, const ControlTexts& control_texts) {
  std::string all, out;
  std::vector<std::size_t> ends;
  for (const Part& part : parts) ends.push_back((all += part.text).size());
  out.reserve(all.size());
  std::size_t part = 0;
  for (std::size_t at = 0; at < all.size();) {
    while (at >= ends[part]) ++part;
    const std::string_view rest = std::string_view(all).substr(at);
    if (!parts[part].trusted &&
        (rest.starts_with(kCut) || rest.starts_with(kPrivate))) {  // our own marks, said by a user
      out += "\xef\xbf\xbd";
      at += kCut.size();
      continue;
    }
    const std::size_t control = control_texts.at_beginning_of(rest);
    bool trusted = true;
    for (std::size_t i = part; control > 0 && i < parts.size() && (i == part || ends[i - 1] < at + control); ++i) {
      trusted = trusted && parts[i].trusted;
    }
    const std::size_t length = std::min(utf8_length(static_cast<unsigned char>(rest[0])), rest.size());
    out += rest.substr(0, length);
    if (!trusted) out += kCut;
    at += length;
  }
  return out;
}

std::size_t bytes_of(const Prompt& prompt) {
  std::size_t bytes = 0;
  for (const Message& message : prompt.messages) {
    for (const Segment& segment : message.content) bytes += segment.text.size();
    for (const ToolCall& call : message.tool_calls) bytes += call.arguments.size();
  }
  return bytes;
}

bool has_text_of_tenant(const Prompt& prompt) {
  return std::any_of(prompt.messages.begin(), prompt.messages.end(), [](const Message& message) {
    return std::any_of(message.content.begin(), message.content.end(),
                       [](const Segment& segment) { return segment.sharing == Sharing::kTenant; });
  });
}

bool mentions(std::string_view source, std::string_view what) { return source.find(what) != std::string_view::npos; }

}  // namespace

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::create(std::string_view source,
                                                                 std::vector<std::string> control_texts,
                                                                 std::string beginning, std::string end,
                                                                 const Limits& limits) {
  const std::string_view used = source.empty() ? kChatMl : source;
  std::shared_ptr<ChatTemplate> made(new ChatTemplate);
  ASSIGN_OR_RETURN(made->template_, jinja::Template::parse(used));
  made->bounds_ = jinja::Bounds::from(limits);
  made->prompt_bytes_max_ = static_cast<std::size_t>(limits.prompt_bytes_max);
  made->control_texts_ = ControlTexts(std::move(control_texts));
  made->beginning_ = std::move(beginning);
  made->end_ = std::move(end);
  made->writes_time_ = mentions(used, "strftime_now");
  made->has_reasoning_ = mentions(used, "<think>");
  made->has_tool_call_tags_ = mentions(used, "<tool_call>");
  made->probe();
  return std::shared_ptr<const ChatTemplate>(std::move(made));
}

Result<std::shared_ptr<const ChatTemplate>> ChatTemplate::create_for(std::string_view source,
                                                                     const Tokenizer& tokenizer) {
  std::vector<std::string> control_texts;
  for (TokenId id = 0; id < tokenizer.vocabulary_size(); ++id) {
    if (!tokenizer.is_control(id)) continue;
    ASSIGN_OR_RETURN(std::string text, tokenizer.decode_token(id, true));
    control_texts.push_back(std::move(text));
  }
  const auto text_of = [&](TokenId id) -> std::string {
    if (id < 0) return "";
    const Result<std::string> text = tokenizer.decode_token(id, true);
    return text.ok() ? *text : "";
  };
  return create(source, std::move(control_texts), text_of(tokenizer.beginning_of_sequence()),
                text_of(tokenizer.end_of_sequence()));
}

std::string ChatTemplate::escaped(std::string_view text) const {
  return escaped_parts({{text, false}}, control_texts_);
}

jinja::Value ChatTemplate::escaped(const boost::json::value& json) const {
  if (json.is_string()) return escaped(std::string_view(json.get_string()));
  if (json.is_array()) {
    jinja::List list;
    for (const boost::json::value& element : json.get_array()) list.push_back(escaped(element));
    return list;
  }
  if (json.is_object() && !exact_integer(json)) {
    jinja::Dict dict;
    for (const auto& member : json.get_object()) {
      dict.members.emplace_back(escaped(std::string_view(member.key())), escaped(member.value()));
    }
    return dict;
  }
  return jinja::Value::from_json(json);
}

std::string ChatTemplate::content_of(const Message& message, Sharing visible) const {
  std::vector<Part> parts;
  for (const Segment& segment : message.content) {
    if (segment.sharing > visible)
      parts.push_back({kPrivate, true});
    else
      parts.push_back({segment.text, segment.trust == Trust::kSystem});
  }
  return escaped_parts(parts, control_texts_);
}

jinja::Value ChatTemplate::argument_of(const boost::json::value& argument, Sharing visible) const {
  const bool is_long = argument.is_string() && argument.get_string().size() > kPublicArgumentBytesMax;
  if (visible != Sharing::kUser && (argument.is_structured() || is_long)) return kPrivate;
  return escaped(argument);
}

/// Of a tool call: a mapping that prints as its text, or the text. What is no JSON object is never shown.
jinja::Value ChatTemplate::arguments_of(const std::string& text) const {
  const auto escape = [](std::string_view part, const void* self) {
    return static_cast<const ChatTemplate*>(self)->escaped(part);
  };
  // Its strings are escaped once they are read: JSON may spell a character as \u003c.
  const std::optional<jinja::Value> read = jinja::value_from_json(text, escape, this);
  const bool is_object = read && read->dict() != nullptr;
  const std::string shown = is_object ? escaped(text) : "{}";
  if (arguments_form_ == ArgumentsForm::kText) return shown;
  jinja::Dict mapping;
  if (is_object) mapping.members = read->dict()->members;
  mapping.json_text = std::make_shared<const std::string>(shown);
  return mapping;
}

jinja::Dict ChatTemplate::message_entry(const Message& message, Sharing visible) const {
  const bool all = visible == Sharing::kUser;
  const auto own = [&](std::string_view text) { return all ? escaped(text) : std::string(kPrivate); };
  jinja::Dict entry;
  entry.set("role", std::string(name_of(message.role)));
  const bool is_call = !message.tool_calls.empty();
  const bool has_text =
      std::any_of(message.content.begin(), message.content.end(), [](const Segment& s) { return !s.text.empty(); });
  if (is_call && !has_text && (message.content.empty() || loses_calls_with_empty_content_)) {
    if (no_content_ == NoContent::kEmpty) entry.set("content", "");
    if (no_content_ == NoContent::kNone) entry.set("content", jinja::None{});
  } else {
    entry.set("content", content_of(message, visible));
  }
  if (!message.reasoning.empty()) {
    entry.set("reasoning_content", own(message.reasoning));
    // Templates that read `thinking` refuse it beside the text of a call.
    if (!is_call || !has_text) entry.set("thinking", own(message.reasoning));
  }
  if (is_call) {
    jinja::List calls;
    for (const ToolCall& call : message.tool_calls) {
      jinja::Dict function;
      function.set("name", own(call.name));
      function.set("arguments", arguments_of(all ? call.arguments : "{}"));
      jinja::Dict one;
      one.set("id", own(call.id));
      one.set("type", "function");
      one.set("function", std::move(function));
      calls.emplace_back(std::move(one));
    }
    entry.set("tool_calls", std::move(calls));
  }
  if (!message.tool_call_id.empty()) entry.set("tool_call_id", own(message.tool_call_id));
  if (!message.name.empty()) entry.set("name", own(message.name));
  return entry;
}

jinja::Dict ChatTemplate::context_of(const Prompt& prompt, Sharing visible) const {
  jinja::List messages;
  for (const Message& message : prompt.messages) messages.emplace_back(message_entry(message, visible));
  jinja::Dict context;
  context.set("messages", std::move(messages));
  context.set("add_generation_prompt", prompt.add_generation_prompt);
  context.set("bos_token", beginning_);
  context.set("eos_token", end_);
  context.set("documents", jinja::None{});
  if (prompt.tools.empty()) {
    if (!needs_tools_undefined_) context.set("tools", jinja::None{});
  } else {
    jinja::List tools;
    for (const ToolDefinition& tool : prompt.tools) {
      jinja::Dict function;
      function.set("name", escaped(tool.name));
      if (!tool.description.empty()) function.set("description", escaped(tool.description));
      if (!tool.parameters.is_null()) function.set("parameters", escaped(tool.parameters));
      jinja::Dict one;
      one.set("type", "function");
      one.set("function", std::move(function));
      tools.emplace_back(std::move(one));
    }
    context.set("tools", std::move(tools));
  }
  for (const auto& [name, value] : prompt.template_arguments) context.set(name, argument_of(value, visible));
  return context;
}

Result<RenderedPrompt> ChatTemplate::render(const Prompt& prompt, std::optional<Time> now) const {
  if (prompt.messages.empty()) return fail(ErrorCode::kInvalidArgument, "there are no messages", "send at least one");
  if (bytes_of(prompt) > prompt_bytes_max_) {
    return fail(ErrorCode::kResourceExhausted, "the messages have " + std::to_string(bytes_of(prompt)) + " bytes",
                "at most " + std::to_string(prompt_bytes_max_) + " are taken");
  }
  if (prompt.template_arguments.size() > kTemplateArgumentsMax) {
    return fail(ErrorCode::kInvalidArgument,
                "chat_template_kwargs has more than " + std::to_string(kTemplateArgumentsMax) + " members");
  }
  for (const auto& [name, value] : prompt.template_arguments) {
    if (std::find(std::begin(kReserved), std::end(kReserved), name) != std::end(kReserved) ||
        jinja::is_global_function(name)) {
      return fail(ErrorCode::kInvalidArgument, "chat_template_kwargs may not set '" + name + "'",
                  "it is made from the request itself");
    }
  }
  ASSIGN_OR_RETURN(const std::string text, template_.render(context_of(prompt, Sharing::kUser), bounds_, now));
  // Where a template cannot render the replaced texts, nothing is shared.
  const auto shared = [&](Sharing visible) -> std::size_t {
    const Result<std::string> other = template_.render(context_of(prompt, visible), bounds_, now);
    return other.ok() ? common_prefix(text, *other) : 0;
  };
  const std::size_t public_until = shared(Sharing::kPublic);
  // Without a text of the tenant, what the tenant sees is what everybody sees.
  const std::size_t tenant_until = has_text_of_tenant(prompt) ? shared(Sharing::kTenant) : public_until;
  return without_marks(text, public_until, tenant_until);
}

}  // namespace mnema
