#include "agents/host/declared_sources.hpp"

#include <algorithm>

namespace mnema {
namespace {

/// "agent shop", "agent shop 2", ...: no path, because names of sources are labels of metrics.
std::string unused_name(const Config& config, const std::string& agent) {
  const std::string name = "agent " + agent;
  if (config.sources.count(name) == 0) return name;
  for (int number = 2;; ++number) {
    std::string numbered = name + " " + std::to_string(number);
    if (config.sources.count(numbered) == 0) return numbered;
  }
}

}  // namespace

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
      config.sources[unused_name(config, name)] = std::move(source);
    }
    // By their order, which is what their next times are stored under.
    for (std::size_t i = 0; i < agent.schedules.size(); ++i) {
      const CronDeclaration& schedule = agent.schedules[i];
      SourceConfig source;
      source.kind = "cron";
      source.agent = name;
      source.cron = schedule.expression();
      source.time_zone = schedule.zone();
      source.missed = schedule.missed_policy();
      source.data = schedule.payload();
      std::string of_agent = "agent " + name + " cron";
      if (i > 0) of_agent += " " + std::to_string(i + 1);
      config.sources.try_emplace(std::move(of_agent), std::move(source));
    }
  }
}

}  // namespace mnema
