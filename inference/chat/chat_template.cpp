#include "inference/chat/chat_template.hpp"

#include <algorithm>
#include <boost/json/parse.hpp>

#include "runtime/utf8.hpp"

namespace mnema {
namespace {

constexpr std::string_view kChatMl =
    "{% for message in messages %}{{ '<|im_start|>' + message.role + '\\n' + message.content + '<|im_end|>' + '\\n' }}"
    "{% endfor %}{% if add_generation_prompt %}{{ '<|im_start|>assistant\\n' }}{% endif %}";

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
  std::erase_if(control_texts, [](const std::string& text) { return text.size() < 2; });
  std::sort(control_texts.begin(), control_texts.end(),
            [](const std::string& a, const std::string& b) { return a.size() > b.size(); });
  made->control_texts_ = std::move(control_texts);
  made->beginning_ = std::move(beginning);
  made->end_ = std::move(end);
  // Some templates print a call's arguments as they are (a text), others through tojson (an object).
  made->arguments_as_objects_ = mentions(used, "arguments | tojson") || mentions(used, "arguments|tojson");
  made->has_reasoning_ = mentions(used, "<think>");
  made->has_tool_call_tags_ = mentions(used, "<tool_call>");
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

std::string ChatTemplate::defused(std::string_view text) const {
  std::string out;
  out.reserve(text.size());
  for (std::size_t at = 0; at < text.size();) {
    const std::string_view rest = text.substr(at);
    if (rest.starts_with(kCut) || rest.starts_with(kPrivate)) {  // our own marks, said by a user
      out += "\xef\xbf\xbd";
      at += kCut.size();
      continue;
    }
    const bool control = std::any_of(control_texts_.begin(), control_texts_.end(),
                                     [&](const std::string& known) { return rest.starts_with(known); });
    const std::size_t length = std::min(utf8_length(static_cast<unsigned char>(rest[0])), rest.size());
    out += rest.substr(0, length);
    if (control) out += kCut;
    at += length;
  }
  return out;
}

std::string ChatTemplate::content_of(const Message& message, Sharing visible) const {
  std::string out;
  for (const Segment& segment : message.content) {
    if (segment.sharing > visible)
      out += kPrivate;
    else
      out += segment.trust == Trust::kSystem ? segment.text : defused(segment.text);
  }
  return out;
}

jinja::Dict ChatTemplate::context_of(const Prompt& prompt, Sharing visible) const {
  const bool all = visible == Sharing::kUser;
  jinja::List messages;
  for (const Message& message : prompt.messages) {
    jinja::Dict entry;
    entry.set("role", std::string(name_of(message.role)));
    entry.set("content", content_of(message, visible));
    if (!message.reasoning.empty())
      entry.set("reasoning_content", all ? defused(message.reasoning) : std::string(kPrivate));
    if (!message.tool_calls.empty()) {
      jinja::List calls;
      for (const ToolCall& call : message.tool_calls) {
        const std::string text = all ? defused(call.arguments) : std::string("{}");
        boost::system::error_code error;
        const boost::json::value parsed = boost::json::parse(text, error);
        jinja::Dict function;
        function.set("name", call.name);
        function.set("arguments",
                     arguments_as_objects_ && !error ? jinja::Value::from_json(parsed) : jinja::Value(text));
        jinja::Dict one;
        one.set("id", call.id);
        one.set("type", "function");
        one.set("function", std::move(function));
        calls.emplace_back(std::move(one));
      }
      entry.set("tool_calls", std::move(calls));
    }
    if (!message.tool_call_id.empty()) entry.set("tool_call_id", message.tool_call_id);
    if (!message.name.empty()) entry.set("name", message.name);
    messages.emplace_back(std::move(entry));
  }
  jinja::Dict context;
  context.set("messages", std::move(messages));
  context.set("add_generation_prompt", prompt.add_generation_prompt);
  context.set("bos_token", beginning_);
  context.set("eos_token", end_);
  if (!prompt.tools.empty()) {
    jinja::List tools;
    for (const ToolDefinition& tool : prompt.tools) {
      jinja::Dict function;
      function.set("name", tool.name);
      function.set("description", tool.description);
      function.set("parameters", jinja::Value::from_json(tool.parameters));
      jinja::Dict one;
      one.set("type", "function");
      one.set("function", std::move(function));
      tools.emplace_back(std::move(one));
    }
    context.set("tools", std::move(tools));
  }
  for (const auto& [name, value] : prompt.template_arguments) context.set(name, jinja::Value::from_json(value));
  return context;
}

Result<RenderedPrompt> ChatTemplate::render(const Prompt& prompt) const {
  if (prompt.messages.empty()) return fail(ErrorCode::kInvalidArgument, "there are no messages", "send at least one");
  ASSIGN_OR_RETURN(const std::string text, template_.render(context_of(prompt, Sharing::kUser), bounds_));
  // Where a template cannot render the replaced texts, nothing is shared.
  const auto shared = [&](Sharing visible) -> std::size_t {
    const Result<std::string> other = template_.render(context_of(prompt, visible), bounds_);
    return other.ok() ? common_prefix(text, *other) : 0;
  };
  return without_marks(text, shared(Sharing::kPublic), shared(Sharing::kTenant));
}

}  // namespace mnema
