#include "agents/turn/session.hpp"

#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

/// Clients trim what they show.
std::string_view trimmed(std::string_view text) {
  const std::size_t begin = text.find_first_not_of(" \n\r\t");
  if (begin == std::string_view::npos) return {};
  return text.substr(begin, text.find_last_not_of(" \n\r\t") + 1 - begin);
}

}  // namespace

std::string history_digest(const Scope& speaker, const std::vector<Message>& history) {
  Sha256 hash;
  hash.update_field("mnema history 2").update_field(speaker.tenant).update_field(speaker.agent);
  hash.update_field(speaker.user).update_field(speaker.session);
  for (const Message& message : history) {
    const std::string text = message.text();
    hash.update_field(name_of(message.role)).update_field(trimmed(text)).update_field(message.tool_call_id);
    for (const ToolCall& call : message.tool_calls) hash.update_field(call.name).update_field(call.arguments);
    hash.update_field("end of message");
  }
  const Sha256Digest digest = hash.finish();
  return {digest.begin(), digest.end()};
}

std::size_t history_length(const std::vector<Message>& messages) {
  for (std::size_t i = messages.size(); i > 0; --i) {
    if (messages[i - 1].role == Role::kAssistant) return i;
  }
  return 0;
}

}  // namespace mnema
