#include "agents/turn/turn_version.hpp"

namespace mnema {
namespace {

constexpr std::string_view kEffectFree = "free:";

/// The last step that did something to the world, or may have; null: none did. Values (the time, ids) have no hash.
const JournalStep* last_effect(const TurnRecord& record) {
  const JournalStep* last = nullptr;
  for (const auto& [path, step] : record.steps) {
    const std::string& hash = step.start.arguments_hash;
    if (!hash.empty() && !hash.starts_with(kEffectFree)) last = &step;
  }
  return last;
}

}  // namespace

std::string effect_free(const std::string& hash) { return std::string(kEffectFree) + hash; }

VersionDecision judge_version(const TurnRecord& record, const AgentSpec& agent) {
  VersionDecision decision;
  if (record.identity.version == agent.code_version) return decision;
  const JournalStep* effect = last_effect(record);
  const bool may_restart = agent.on_other_version == OtherVersion::kRestart && !effect;
  if (record.steps.empty() || may_restart) {
    decision.verdict = VersionVerdict::kRestart;
    return decision;
  }
  std::string differs = "needs_version: the turn began with version '" + record.identity.version + "' of agent '" +
                        agent.name + "', this is version '" + agent.code_version + "'; its journal has " +
                        std::to_string(record.steps.size()) + " steps";
  if (effect) {
    differs += ", the last with an effect '" + effect->start.name + "' at " + effect->start.path + " (" +
               std::string(name_of(effect->state)) + ")";
  }
  decision.verdict =
      agent.on_other_version == OtherVersion::kDeadLetter ? VersionVerdict::kDeadLetter : VersionVerdict::kPark;
  decision.why = fail(ErrorCode::kFailedPrecondition, std::move(differs),
                      decision.verdict == VersionVerdict::kPark
                          ? "start the version that began it until it is done, or declare on_other_version"
                          : "redrive it from its first step, or run the old version until it is done");
  return decision;
}

}  // namespace mnema
