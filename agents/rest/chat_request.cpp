#include "agents/rest/chat_request.hpp"

#include <algorithm>
#include <boost/json/array.hpp>
#include <limits>

#include "agents/rest/sampling_fields.hpp"

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

void read_tool_choice(JsonFields& fields, GenerateRequest& request) {
  const json::value* choice = fields.find("tool_choice");
  if (choice == nullptr) return;
  if (choice->is_string()) {
    const json::string& text = choice->get_string();
    if (text == "none") {
      request.tool_choice = ToolChoice::kNone;
    } else if (text == "required") {
      request.tool_choice = ToolChoice::kRequired;
    } else if (text != "auto") {
      fields.refuse("tool_choice", "must be none, auto, required or a function");
    }
  } else {
    const json::object* object = choice->if_object();
    const json::value* function = object ? object->if_contains("function") : nullptr;
    const json::object* named = function ? function->if_object() : nullptr;
    const json::value* name = named ? named->if_contains("name") : nullptr;
    if (name == nullptr || !name->is_string()) {
      return fields.refuse("tool_choice",
                           "must be none, auto, required or {\"type\": \"function\", \"function\": {\"name\": ...}}");
    }
    request.tool_choice = ToolChoice::kRequired;
    request.tool_choice_name = std::string(name->get_string());
    bool known = std::any_of(request.prompt.tools.begin(), request.prompt.tools.end(),
                             [&](const ToolDefinition& tool) { return tool.name == request.tool_choice_name; });
    if (!known) return fields.refuse("tool_choice", "names '" + request.tool_choice_name + "', which is not in tools");
  }
  if (request.tool_choice == ToolChoice::kRequired && request.prompt.tools.empty()) {
    fields.refuse("tool_choice", "asks for a tool, and there are none", "send tools");
  }
}

void read_response_format(JsonFields& fields, GenerateRequest& request, std::optional<RequestError>& first_error) {
  const json::object* object = fields.object("response_format");
  if (object == nullptr) return;
  JsonFields format(*object, "response_format", first_error);
  std::string type = format.text("type").value_or("");
  if (type == "text") return;
  if (type == "json_object") {
    request.constraint = JsonObjectConstraint{};
    // llama.cpp's server takes a schema here; its clients expect it to count.
    if (const json::object* schema = format.object("schema")) request.constraint = JsonSchemaConstraint{*schema};
    return;
  }
  if (type != "json_schema") return format.refuse("type", "must be text, json_object or json_schema");
  const json::object* inner = format.object("json_schema");
  if (inner == nullptr) return format.refuse("json_schema", "is missing");
  JsonFields named(*inner, "response_format.json_schema", first_error);
  std::string name = named.text("name").value_or("");
  if (name.empty() || name.size() > 64) return named.refuse("name", "must have 1 to 64 characters");
  const json::value* schema = named.find("schema");
  if (schema == nullptr || !(schema->is_object() || schema->is_bool()))
    return named.refuse("schema", "must be a JSON Schema");
  request.constraint = JsonSchemaConstraint{*schema};
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
  Parsed<json::object> object = parse_body(body, limits);
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
  read_response_format(fields, request, first_error);
  if (auto grammar = fields.text("grammar"); grammar && !grammar->empty()) {
    if (!std::holds_alternative<NoConstraint>(request.constraint)) {
      fields.refuse("grammar", "cannot stand beside response_format");
    }
    request.constraint = GrammarConstraint{std::move(*grammar)};
  }
  StreamFields stream = read_stream(fields);
  chat.stream = stream.stream;
  chat.include_usage = stream.include_usage;
  chat.user = fields.text("user").value_or("");
  if (const json::object* metadata = fields.object("metadata")) chat.metadata = *metadata;
  if (first_error) return std::move(*first_error);
  return chat;
}

}  // namespace mnema
