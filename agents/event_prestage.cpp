#include "agents/event_prestage.hpp"

#include "agents/event_text.hpp"

namespace mnema {

void EventPrestage::on_event_accepted(Sequence, const std::shared_ptr<const Event>& event) {
  workers_.post([this, event] {
    memory_.prestage(text_of(*event));
    const auto agent = agents_.find(event->agent);
    if (agent == agents_.end() || agent->second.system.empty()) return;
    Prompt prefix;
    prefix.add_generation_prompt = false;
    Message system = message_of(Role::kSystem, agent->second.system, Sharing::kPublic);
    system.content.front().trust = Trust::kSystem;
    prefix.messages.push_back(std::move(system));
    for (const ToolSpec& tool : agent->second.tools) prefix.tools.push_back(tool.definition);
    const std::string& model = agent->second.model.empty() ? default_model_ : agent->second.model;
    engine_.prestage(model, {event->tenant, event->agent, event->user, event->key}, std::move(prefix));
  });
}

}  // namespace mnema
