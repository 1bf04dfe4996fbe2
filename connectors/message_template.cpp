#include "connectors/message_template.hpp"

#include "runtime/events/key_template.hpp"

namespace mnema {

Result<std::string> render_over_message(const std::string& pattern, const OutboxMessage& message) {
  Event event;
  event.tenant = message.tenant;
  event.agent = message.agent;
  event.attributes = {
      {"key", message.key}, {"agent", message.agent}, {"destination", message.destination}, {"tenant", message.tenant}};
  event.content_type = message.content_type;
  if (pattern.find("{/") != std::string::npos) event.data = message.body;
  return render_key(pattern, event);
}

}  // namespace mnema
