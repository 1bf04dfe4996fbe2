#include "agents/turn/used_connectors.hpp"

namespace mnema {

Status check_used_connectors(const std::map<std::string, AgentSpec>& agents, const Config& config,
                             const std::function<bool(const std::string& name)>& is_own) {
  std::string missing;
  std::string sections;
  for (const auto& [name, agent] : agents) {
    for (const std::string& connector : agent.uses) {
      if (config.connectors.count(connector) != 0 || (is_own && is_own(connector))) continue;
      missing += (missing.empty() ? "" : ", ") + std::string("agent '") + name + "' uses connector '" + connector + "'";
      sections += (sections.empty() ? "" : " and ") + std::string("[connectors.") + connector + "]";
    }
  }
  if (missing.empty()) return {};
  return fail(ErrorCode::kInvalidArgument, missing + ", which the configuration does not have", "add " + sections);
}

}  // namespace mnema
