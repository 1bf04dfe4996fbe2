#include "memory/procedural/procedure.hpp"

#include <algorithm>
#include <boost/json.hpp>
#include <map>

#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

std::string text_of(const ArgumentShape& argument) {
  switch (argument.origin) {
    case ArgumentOrigin::kTask:
      return argument.name + " = from the request";
    case ArgumentOrigin::kResult:
      return argument.name + " = from the result of " + argument.from;
    case ArgumentOrigin::kChosen:
      break;
  }
  return argument.name;
}

}  // namespace

const char* name_of(ProcedureState state) {
  switch (state) {
    case ProcedureState::kActive:
      return "active";
    case ProcedureState::kDemoted:
      return "demoted";
    case ProcedureState::kLearning:
      break;
  }
  return "learning";
}

std::string text_of(const Procedure& procedure) {
  if (!procedure.words.empty()) return procedure.words;
  // Sentences: a small model that reads a numbered list takes it for a description, and begins where it would have.
  std::string text;
  for (const TaskStep& step : procedure.steps) {
    text += text.empty() ? "First call " : " Then call ";
    text += step.tool;
    std::string arguments;
    for (const ArgumentShape& argument : step.arguments) {
      arguments += (arguments.empty() ? "" : ", ") + text_of(argument);
    }
    text += arguments.empty() ? "." : " (" + arguments + ").";
  }
  return text;
}

std::string line_of(const std::vector<TaskStep>& steps) {
  std::string text;
  for (const TaskStep& step : steps) {
    text += (text.empty() ? "" : " → ") + step.tool + "(";
    for (std::size_t i = 0; i < step.arguments.size(); ++i) text += (i == 0 ? "" : ", ") + step.arguments[i].name;
    text += ")";
  }
  return text;
}

std::string steps_to_json(const std::vector<TaskStep>& steps) {
  json::array list;
  for (const TaskStep& step : steps) {
    json::array arguments;
    for (const ArgumentShape& argument : step.arguments) {
      arguments.push_back(json::array{argument.name, static_cast<int>(argument.origin), argument.from});
    }
    list.push_back(json::object{{"tool", step.tool}, {"arguments", std::move(arguments)}});
  }
  return json::serialize(list);
}

Result<std::vector<TaskStep>> steps_from_json(std::string_view text) {
  ASSIGN_OR_RETURN(const json::value value, parse_bounded_json(text, "the steps of a task"));
  const Error broken = fail(ErrorCode::kCorrupt, "the steps of a task are not as memory writes them");
  if (!value.is_array()) return broken;
  std::vector<TaskStep> steps;
  for (const json::value& item : value.get_array()) {
    const json::object* object = item.if_object();
    const json::value* tool = object ? object->if_contains("tool") : nullptr;
    const json::value* arguments = object ? object->if_contains("arguments") : nullptr;
    if (!tool || !tool->is_string() || !arguments || !arguments->is_array()) return broken;
    TaskStep step;
    step.tool = std::string(tool->get_string());
    for (const json::value& argument : arguments->get_array()) {
      const json::array* parts = argument.if_array();
      if (!parts || parts->size() != 3 || !parts->at(0).is_string() || !parts->at(1).is_int64() ||
          parts->at(1).get_int64() < 0 || parts->at(1).get_int64() > 2 || !parts->at(2).is_string()) {
        return broken;
      }
      step.arguments.push_back({std::string(parts->at(0).get_string()),
                                static_cast<ArgumentOrigin>(parts->at(1).get_int64()),
                                std::string(parts->at(2).get_string())});
    }
    steps.push_back(std::move(step));
  }
  return steps;
}

std::vector<TaskStep> merged_steps(const std::vector<std::vector<TaskStep>>& runs) {
  std::vector<TaskStep> merged;
  if (runs.empty()) return merged;
  for (std::size_t i = 0; i < runs.front().size(); ++i) {
    TaskStep step;
    step.tool = runs.front()[i].tool;
    std::map<std::string, std::vector<ArgumentShape>> given;
    for (const std::vector<TaskStep>& run : runs) {
      if (i >= run.size()) continue;  // of a damaged file: check_integrity says so
      for (const ArgumentShape& argument : run[i].arguments) given[argument.name].push_back(argument);
    }
    for (const auto& [name, shapes] : given) {
      if (shapes.size() * 2 <= runs.size()) continue;
      ArgumentShape shape = shapes.front();
      const bool agree = std::all_of(shapes.begin(), shapes.end(), [&](const auto& other) { return other == shape; });
      if (!agree) shape = {name, ArgumentOrigin::kChosen, ""};
      step.arguments.push_back(std::move(shape));
    }
    merged.push_back(std::move(step));
  }
  return merged;
}

std::string signature_of(const std::vector<TaskStep>& steps) {
  std::string text;
  for (const TaskStep& step : steps) text += step.tool + "\n";
  return text;
}

}  // namespace mnema
