#include "agents/host/model_needs.hpp"

#include <gtest/gtest.h>

namespace mnema {
namespace {

std::map<std::string, AgentSpec> one(AgentSpec agent = {}) { return {{"agent", std::move(agent)}}; }

TEST(ModelNeeds, AreNoneForAgentsThatOnlyCount) {
  const ModelNeeds needs = model_needs({}, one());
  EXPECT_EQ(needs.model, "");
  EXPECT_EQ(needs.embedding_model, "");
}

TEST(ModelNeeds, AreBothWhereAnAgentThinks) {
  AgentSpec spec;
  AgentBuilder(spec).system("You help.");
  const ModelNeeds needs = model_needs({}, one(spec));
  EXPECT_EQ(needs.model, "smollm2-135m");
  EXPECT_EQ(needs.embedding_model, "all-minilm-l6-v2");
}

TEST(ModelNeeds, AreTheEmbedderAloneWhereAnAgentOnlyRecallsOrThereAreDocuments) {
  AgentSpec spec;
  AgentBuilder(spec).recalls();
  EXPECT_EQ(model_needs({}, one(spec)).model, "");
  EXPECT_EQ(model_needs({}, one(spec)).embedding_model, "all-minilm-l6-v2");
  Config config;
  config.memory.documents = {"docs"};
  EXPECT_EQ(model_needs(config, one()).model, "");
  EXPECT_EQ(model_needs(config, one()).embedding_model, "all-minilm-l6-v2");
  Config of_agent;
  of_agent.agents["agent"].documents = {"docs"};
  EXPECT_EQ(model_needs(of_agent, one()).embedding_model, "all-minilm-l6-v2");
}

TEST(ModelNeeds, AreWhatTheConfigurationSays) {
  Config config;
  config.inference.model = "qwen2.5-coder-0.5b";
  EXPECT_EQ(model_needs(config, one()).model, "qwen2.5-coder-0.5b");
  config.inference.model = "none";
  AgentSpec spec;
  AgentBuilder(spec).thinks();
  EXPECT_EQ(model_needs(config, one(spec)).model, "");
}

TEST(ModelNeeds, OfAProgramWithoutAgentsAreItsModels) { EXPECT_EQ(model_needs({}, {}).model, "smollm2-135m"); }

}  // namespace
}  // namespace mnema
