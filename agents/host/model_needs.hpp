// agents/host/model_needs.hpp
//
// Which models a program needs: those that its configuration names, else the usual ones where an agent needs one. A
// program whose agents only count, send and set timers starts without any.
//
// Threads: pure functions.
#pragma once

#include <map>
#include <string>

#include "agents/agent.hpp"
#include "runtime/config/config.hpp"

namespace mnema {

struct ModelNeeds {
  std::string model;            // "" = none is loaded
  std::string embedding_model;  // "" = none is loaded
};

/// "none" in the configuration means none, whatever agents need. A program without agents serves its model.
[[nodiscard]] ModelNeeds model_needs(const Config& config, const std::map<std::string, AgentSpec>& agents);

}  // namespace mnema
