#include "inference/request.hpp"

namespace mnema {

std::string_view name_of(Role role) {
  switch (role) {
    case Role::kSystem:
      return "system";
    case Role::kUser:
      return "user";
    case Role::kAssistant:
      return "assistant";
    case Role::kTool:
      return "tool";
  }
  return "user";
}

std::string_view name_of(FinishReason reason) {
  switch (reason) {
    case FinishReason::kStop:
      return "stop";
    case FinishReason::kLength:
      return "length";
    case FinishReason::kToolCalls:
      return "tool_calls";
    case FinishReason::kCancelled:
      return "cancelled";
    case FinishReason::kFailed:
      return "failed";
  }
  return "failed";
}

std::string Message::text() const {
  std::string out;
  for (const Segment& segment : content) out += segment.text;
  return out;
}

Message message_of(Role role, std::string text, Sharing sharing) {
  Message message;
  message.role = role;
  Segment segment;
  segment.text = std::move(text);
  segment.sharing = sharing;
  segment.label = std::string(name_of(role));
  message.content.push_back(std::move(segment));
  return message;
}

}  // namespace mnema
