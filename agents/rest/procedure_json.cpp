#include "agents/rest/procedure_json.hpp"

#include <boost/json/array.hpp>

#include "agents/rest/dead_letter_json.hpp"
#include "agents/rest/trust_name.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

const char* name_of(ArgumentOrigin origin) {
  switch (origin) {
    case ArgumentOrigin::kTask:
      return "task";
    case ArgumentOrigin::kResult:
      return "result";
    case ArgumentOrigin::kChosen:
      break;
  }
  return "chosen";
}

}  // namespace

json::object procedure_json(const Procedure& procedure) {
  json::array steps, evidence;
  for (const TaskStep& step : procedure.steps) {
    json::array arguments;
    for (const ArgumentShape& argument : step.arguments) {
      json::object shape{{"name", argument.name}, {"origin", name_of(argument.origin)}};
      if (!argument.from.empty()) shape["from"] = argument.from;
      arguments.push_back(std::move(shape));
    }
    steps.push_back(json::object{{"tool", step.tool}, {"arguments", std::move(arguments)}});
  }
  for (const TaskRunId run : procedure.evidence) evidence.emplace_back(run);
  return {{"id", procedure.id},
          {"agent", procedure.scope.agent},
          {"event_type", procedure.event_type},
          {"state", name_of(procedure.state)},
          {"trust", name_of(procedure.trust)},
          {"text", text_of(procedure)},
          {"is_corrected", !procedure.words.empty()},
          {"steps", std::move(steps)},
          {"learned_from", procedure.learned_from},
          {"successes", procedure.successes},
          {"failures", procedure.failures},
          {"changed", utc_text(procedure.changed)},
          {"runs", std::move(evidence)}};
}

json::object procedure_change_json(const ProcedureChange& change) {
  return {{"time", utc_text(change.time)}, {"what", change.what}};
}

}  // namespace mnema
