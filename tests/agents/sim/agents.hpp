// tests/agents/sim/agents.hpp
//
// The agents of the simulation, "shop" and "branch": the same handler, which charges, ships and thanks by calls of a
// connector, recalls, thinks, sets timers, keeps a ledger and remembers, as its event says. What it is given of another
// tenant it reports.
//
// Threads:   the simulation's one.
// Ownership: `agent_watch` borrows the list of violations and the table.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "agents/agent.hpp"
#include "agents/describe.hpp"
#include "tests/support/sometimes.hpp"

namespace mnema::testing {

/// What an agent keeps per key: the events that are done, in order.
struct Ledger {
  std::vector<std::string> done;
};
BOOST_DESCRIBE_STRUCT(Ledger, (), (done))

/// Kinds of events, in their payload's "kind".
inline constexpr std::string_view kPlain = "plain";
inline constexpr std::string_view kThank = "thank";    // the model calls a tool
inline constexpr std::string_view kRemind = "remind";  // a timer follows
inline constexpr std::string_view kWire = "wire";      // an effect that nobody can ask about: may end in doubt
inline constexpr std::string_view kPoison = "poison";  // never works
inline constexpr std::string_view kCostly = "costly";  // spends its budget

/// Where the agents report violations and rare branches. Null: nowhere.
struct AgentWatch {
  std::vector<std::string>* violations = nullptr;
  SometimesTable* sometimes = nullptr;
};
AgentWatch& agent_watch();

[[nodiscard]] std::map<std::string, AgentSpec> simulated_agents();
/// What the model writes to a prompt of these agents.
[[nodiscard]] std::string simulated_answer(const std::string& prompt);

}  // namespace mnema::testing
