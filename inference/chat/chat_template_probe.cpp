// What a template does with tools and calls, found out by rendering small conversations when it is loaded.
#include <tuple>
#include <utility>

#include "inference/chat/chat_template.hpp"

namespace mnema {
namespace {

// Words that no template says by itself.
constexpr std::string_view kToolName = "probe_tool_name", kMemberName = "probe_member", kMemberValue = "probe_value";

bool mentions(std::string_view text, std::string_view what) { return text.find(what) != std::string_view::npos; }

ToolDefinition probe_tool() {
  return {std::string(kToolName),
          "probe description",
          {{"type", "object"}, {"properties", {{kMemberName, {{"type", "string"}}}}}}};
}

/// A question, a call without text, and its result.
Prompt call_prompt(bool with_content) {
  Prompt prompt;
  prompt.tools.push_back(probe_tool());
  prompt.messages.push_back(message_of(Role::kUser, "probe question"));
  Message call;
  call.role = Role::kAssistant;
  if (with_content) call.content.push_back({});
  // Nine letters and digits: templates of Mistral's models take no other.
  call.tool_calls.push_back({"probe0001", std::string(kToolName), R"({"probe_member": "probe_value"})"});
  prompt.messages.push_back(std::move(call));
  Message result = message_of(Role::kTool, "probe result");
  result.tool_call_id = "probe0001";
  result.name = std::string(kToolName);
  prompt.messages.push_back(std::move(result));
  return prompt;
}

/// How well a rendering shows the call: 0 where the template fails, 3 or 4 where the arguments are there; the lower one
/// where Python's None is there too.
int quality_of(std::string_view text) {
  if (text.empty()) return 0;
  return 1 + (mentions(text, kMemberName) && mentions(text, kMemberValue) ? 3 : 0) - (mentions(text, "None") ? 1 : 0);
}

}  // namespace

/// "" where the template fails.
std::string ChatTemplate::probed(const Prompt& prompt) const {
  // Any time will do: it is the same for all probes.
  const Result<std::string> text = template_.render(context_of(prompt, Sharing::kUser), bounds_, Time{});
  return text.ok() ? *text : "";
}

void ChatTemplate::probe() {
  // The forms are tried from the most common on, and another is taken only where it shows more.
  int best = -1;
  std::pair<ArgumentsForm, NoContent> chosen;
  for (const ArgumentsForm arguments : {ArgumentsForm::kObject, ArgumentsForm::kText}) {
    for (const NoContent content : {NoContent::kNone, NoContent::kAbsent, NoContent::kEmpty}) {
      arguments_form_ = arguments;
      no_content_ = content;
      const int quality = quality_of(probed(call_prompt(false)));
      if (quality <= best) continue;
      best = quality;
      chosen = {arguments, content};
    }
  }
  std::tie(arguments_form_, no_content_) = chosen;
  supports_tool_calls_ = best >= 3;
  loses_calls_with_empty_content_ = quality_of(probed(call_prompt(true))) < best;

  Prompt plain;
  plain.messages.push_back(message_of(Role::kUser, "probe question"));
  const bool fails_at_none = probed(plain).empty();
  needs_tools_undefined_ = true;
  needs_tools_undefined_ = fails_at_none && !probed(plain).empty();

  for (const bool with_system : {false, true}) {
    Prompt prompt;
    if (with_system) prompt.messages.push_back(message_of(Role::kSystem, "probe rules"));
    prompt.messages.push_back(message_of(Role::kUser, "probe question"));
    prompt.tools.push_back(probe_tool());
    supports_tools_ = supports_tools_ || mentions(probed(prompt), kToolName);
  }
}

}  // namespace mnema
