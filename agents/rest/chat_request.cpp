#include "agents/rest/chat_request.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>

#include "agents/rest/sampling_fields.hpp"
#include "agents/rest/structured_output.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// What is there in the protocol and would change the answer, but cannot be done here.
void refuse_unsupported(JsonFields& fields) {
  for (std::string_view name : {"audio", "web_search_options", "functions", "function_call"}) {
    if (!fields.has(name)) continue;
    fields.refuse(name, "is not supported", name.starts_with("function") ? "use tools and tool_choice" : "leave it out",
                  ErrorCode::kUnsupported);
  }
  if (const json::array* modalities = fields.array("modalities")) {
    bool text_only =
        std::all_of(modalities->begin(), modalities->end(), [](const json::value& value) { return value == "text"; });
    if (!text_only) fields.refuse("modalities", "can only be [\"text\"]", "", ErrorCode::kUnsupported);
  }
}

/// The name in {"type": "function", "function": {"name": ...}}; none where it is something else.
std::optional<std::string> function_named_by(const json::value& value) {
  const json::object* object = value.if_object();
  const json::value* function = object ? object->if_contains("function") : nullptr;
  const json::object* named = function ? function->if_object() : nullptr;
  const json::value* name = named ? named->if_contains("name") : nullptr;
  if (name == nullptr || !name->is_string()) return std::nullopt;
  return std::string(name->get_string());
}

bool has_tool(const Prompt& prompt, std::string_view name) {
  return std::any_of(prompt.tools.begin(), prompt.tools.end(),
                     [&](const ToolDefinition& tool) { return tool.name == name; });
}

constexpr const char* kToolChoices =
    "must be none, auto, required, {\"type\": \"function\", \"function\": {\"name\": ...}} or "
    "{\"type\": \"allowed_tools\", \"allowed_tools\": {\"mode\": ..., \"tools\": [...]}}";

std::optional<ToolChoice> mode_of(const json::value& value) {
  if (value == json::value("none")) return ToolChoice::kNone;
  if (value == json::value("auto")) return ToolChoice::kAuto;
  if (value == json::value("required")) return ToolChoice::kRequired;
  return std::nullopt;
}

/// Only these of the tools, in any number or at least once: the others are not even shown.
void read_allowed_tools(JsonFields& fields, const json::object& allowed, GenerateRequest& request) {
  const json::value* mode = allowed.if_contains("mode");
  const std::optional<ToolChoice> choice = mode ? mode_of(*mode) : std::nullopt;
  const json::value* tools = allowed.if_contains("tools");
  if (!choice || choice == ToolChoice::kNone || tools == nullptr || !tools->is_array() || tools->get_array().empty()) {
    return fields.refuse("tool_choice", kToolChoices);
  }
  std::vector<std::string> names;
  for (const json::value& tool : tools->get_array()) {
    std::optional<std::string> name = function_named_by(tool);
    if (!name) return fields.refuse("tool_choice", kToolChoices);
    if (!has_tool(request.prompt, *name)) {
      return fields.refuse("tool_choice", "names '" + *name + "', which is not in tools");
    }
    names.push_back(std::move(*name));
  }
  std::erase_if(request.prompt.tools, [&](const ToolDefinition& tool) {
    return std::find(names.begin(), names.end(), tool.name) == names.end();
  });
  request.tool_choice = *choice;
}

void read_tool_choice(JsonFields& fields, GenerateRequest& request) {
  const json::value* choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  const std::optional<ToolChoice> mode = mode_of(*choice);
  const json::object* object = choice->if_object();
  const json::value* type = object ? object->if_contains("type") : nullptr;
  const json::value* allowed = object ? object->if_contains("allowed_tools") : nullptr;
  const bool names_function = type == nullptr || *type == json::value("function");
  const std::optional<std::string> name = names_function ? function_named_by(*choice) : std::nullopt;
  const bool is_allowed_tools =
      type != nullptr && *type == json::value("allowed_tools") && allowed != nullptr && allowed->is_object();
  if (!mode && !name && !is_allowed_tools) return fields.refuse("tool_choice", kToolChoices);
  if (request.prompt.tools.empty()) {
    return fields.refuse("tool_choice", "is about tools, and there are none", "send tools, or leave it out");
  }
  if (mode) {
    request.tool_choice = *mode;
  } else if (is_allowed_tools) {
    read_allowed_tools(fields, allowed->get_object(), request);
  } else {
    if (!has_tool(request.prompt, *name)) {
      return fields.refuse("tool_choice", "names '" + *name + "', which is not in tools");
    }
    request.tool_choice = ToolChoice::kRequired;
    request.tool_choice_name = *name;
  }
}

void read_logprobs(JsonFields& fields, SamplingOptions& sampling) {
  bool wanted = fields.boolean("logprobs").value_or(false);
  auto top = fields.integer("top_logprobs", 0, 20);
  if (top && !wanted) fields.refuse("top_logprobs", "needs \"logprobs\": true");
  if (wanted) sampling.logprobs_top = static_cast<int>(top.value_or(0));
}

}  // namespace

Parsed<ParsedChat> parse_chat_request(std::string_view body, const Limits& limits,
                                      const SamplingOptions& sampling_default) {
  // A call's arguments may be written as an object, and an id in them may have any number of digits.
  Parsed<json::object> object = parse_body(body, limits, true);
  if (auto* error = std::get_if<RequestError>(&object)) return std::move(*error);
  std::optional<RequestError> first_error;
  JsonFields fields(std::get<json::object>(object), "", first_error);

  ParsedChat chat;
  GenerateRequest& request = chat.generate;
  request.model = fields.text("model").value_or("");
  request.prompt = read_prompt(fields, first_error);
  refuse_unsupported(fields);
  request.sampling = sampling_default;
  chat.sampling_named = read_sampling(fields, request.sampling);
  read_logprobs(fields, request.sampling);
  request.stop = read_stop(fields, limits);
  constexpr std::int64_t kTokensMax = std::numeric_limits<int>::max();
  auto tokens = fields.integer("max_tokens", 1, kTokensMax);
  if (auto newer = fields.integer("max_completion_tokens", 1, kTokensMax)) tokens = newer;
  request.tokens_max = static_cast<int>(tokens.value_or(0));
  request.speculation_tokens_max = read_speculation(fields);
  request.ignore_end_of_sequence = fields.boolean("ignore_eos").value_or(false);
  chat.choices = static_cast<int>(fields.integer("n", 1, limits.completion_choices_max).value_or(1));
  read_tool_choice(fields, request);
  request.parallel_tool_calls = fields.boolean("parallel_tool_calls").value_or(true);
  chat.one_tool_call = !request.parallel_tool_calls;
  StructuredOutput output = read_structured_output(fields, first_error);
  request.constraint = std::move(output.constraint);
  chat.constraint_param = std::move(output.param);
  StreamFields stream = read_stream(fields);
  chat.stream = stream.stream;
  chat.include_usage = stream.include_usage;
  chat.user = fields.text("user").value_or("");
  if (const json::object* metadata = fields.object("metadata")) chat.metadata = with_doubles(*metadata).as_object();
  if (first_error) return std::move(*first_error);
  return chat;
}

}  // namespace mnema
