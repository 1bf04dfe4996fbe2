#include "agents/host/model_needs.hpp"

#include <algorithm>

namespace mnema {
namespace {

constexpr const char* kUsualModel = "smollm2-135m";
constexpr const char* kUsualEmbeddingModel = "all-minilm-l6-v2";

std::string chosen(const std::string& configured, bool is_needed, const char* usual) {
  if (configured == "none") return "";
  if (!configured.empty()) return configured;
  return is_needed ? usual : "";
}

}  // namespace

ModelNeeds model_needs(const Config& config, const std::map<std::string, AgentSpec>& agents) {
  bool thinks = agents.empty();
  bool recalls = agents.empty() || !config.memory.documents.empty();
  for (const auto& [name, agent] : agents) {
    thinks |= may_think(agent);
    recalls |= may_recall(agent);
  }
  recalls |= std::any_of(config.agents.begin(), config.agents.end(),
                         [](const auto& agent) { return !agent.second.documents.empty(); });
  return {chosen(config.inference.model, thinks, kUsualModel),
          chosen(config.inference.embedding_model, recalls, kUsualEmbeddingModel)};
}

}  // namespace mnema
