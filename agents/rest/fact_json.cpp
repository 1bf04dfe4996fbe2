#include "agents/rest/fact_json.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/trust_name.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

json::value time_json(const std::optional<Time>& time) {
  return time ? json::value(utc_text(*time)) : json::value(nullptr);
}

json::object scope_json(const Scope& scope) {
  return {{"tenant", scope.tenant}, {"agent", scope.agent}, {"user", scope.user}, {"session", scope.session}};
}

json::object side_json(const FactConflict::Side& side) {
  return {{"object", side.object},
          {"negated", side.negated},
          {"valid_from", utc_text(side.valid_from)},
          {"trust", name_of(side.trust)},
          {"episode", side.episode}};
}

}  // namespace

json::object fact_json(const Fact& fact) {
  json::array evidence;
  for (const EpisodeId episode : fact.evidence) evidence.emplace_back(episode);
  return {{"subject", fact.subject},
          {"predicate", fact.predicate},
          {"object", fact.object},
          {"negated", fact.negated},
          {"valid_from", time_json(fact.valid_from)},
          {"valid_to", time_json(fact.valid_to)},
          {"known_from", utc_text(fact.known_from)},
          {"known_to", time_json(fact.known_to)},
          {"trust", name_of(fact.trust)},
          {"confidence", fact.confidence},
          {"evidence", std::move(evidence)},
          {"scope", scope_json(fact.scope)}};
}

json::object fact_conflict_json(const FactConflict& conflict) {
  return {{"subject", conflict.subject},
          {"predicate", conflict.predicate},
          {"first", side_json(conflict.first)},
          {"second", side_json(conflict.second)},
          {"scope", scope_json(conflict.scope)}};
}

}  // namespace mnema
