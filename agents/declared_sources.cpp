#include "agents/declared_sources.hpp"

#include <algorithm>

namespace mnema {

void add_declared_sources(const std::map<std::string, AgentSpec>& agents, Config& config) {
  for (const auto& [name, agent] : agents) {
    for (const WebhookDeclaration& webhook : agent.webhooks) {
      const bool configured = std::any_of(config.sources.begin(), config.sources.end(),
                                          [&](const auto& source) { return source.second.path == webhook.path(); });
      if (configured || webhook.secrets().empty()) continue;
      SourceConfig source;
      source.kind = "webhook";
      source.path = webhook.path();
      source.scheme = webhook.scheme_name();
      source.secrets = webhook.secrets();
      config.sources["agent " + name + " " + webhook.path()] = std::move(source);
    }
  }
}

}  // namespace mnema
