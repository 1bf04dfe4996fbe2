// The messages and tools of a chat request (agents/rest/chat_request.hpp).
#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <boost/json/parse.hpp>

#include "agents/rest/chat_request.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

std::string at(std::string_view name, std::size_t index) {
  return std::string(name) + "[" + std::to_string(index) + "]";
}

std::optional<Role> role_of(std::string_view name) {
  if (name == "system" || name == "developer") return Role::kSystem;
  if (name == "user") return Role::kUser;
  if (name == "assistant") return Role::kAssistant;
  if (name == "tool" || name == "function") return Role::kTool;
  return std::nullopt;
}

Segment segment_of(Role role, std::string text) {
  Segment segment;
  segment.text = std::move(text);
  segment.label = std::string(name_of(role));
  // A client's system prompt is mostly the same for all of a tenant's users, so its pages may be shared among them. It
  // is no more trusted than the client: what the operator says comes from the configuration, not from a request.
  segment.sharing = role == Role::kSystem ? Sharing::kTenant : Sharing::kUser;
  segment.trust = role == Role::kTool ? Trust::kExternal : Trust::kUser;
  return segment;
}

void read_part(JsonFields part, Role role, Message& message) {
  std::string type = part.text("type").value_or("");
  if (type == "text" || type == "input_text" || type == "output_text") {
    auto text = part.text("text");
    if (!text) return part.refuse("text", "must be the text of this part");
    message.content.push_back(segment_of(role, std::move(*text)));
  } else if (type == "refusal") {
    message.content.push_back(segment_of(role, part.text("refusal").value_or("")));
  } else if (type.empty()) {
    part.refuse("type", "must say what kind of part this is");
  } else {
    part.refuse("type", "is '" + type + "', and this model reads text only", "send parts of type \"text\"",
                ErrorCode::kUnsupported);
  }
}

void read_content(JsonFields& fields, Role role, Message& message, std::optional<RequestError>& first_error) {
  const json::value* content = fields.find("content");
  if (content == nullptr) {
    if (role != Role::kAssistant) fields.refuse("content", "is missing");
  } else if (content->is_string()) {
    message.content.push_back(segment_of(role, std::string(content->get_string())));
  } else if (const json::array* parts = content->if_array()) {
    for (std::size_t i = 0; i < parts->size(); ++i) {
      std::string where = fields.param(at("content", i));
      const json::object* part = (*parts)[i].if_object();
      if (part == nullptr) return fields.refuse(at("content", i), "must be an object");
      read_part(JsonFields(*part, where, first_error), role, message);
    }
  } else {
    fields.refuse("content", "must be a string or an array of parts");
  }
}

/// The JSON text of a call's arguments. They are always an object; a model that is shown others learns to write them.
std::string read_arguments(JsonFields& function) {
  const json::value* arguments = function.find("arguments");
  // The protocol has a text; some clients send the object itself.
  if (arguments != nullptr && arguments->is_object()) return json_text(*arguments);
  std::string text = function.text("arguments").value_or("");
  if (text.find_first_not_of(" \t\r\n") == std::string::npos) return "{}";  // how some write that there are none
  json::parse_options options;
  options.max_depth = static_cast<std::size_t>(Limits{}.json_depth_max);
  json::error_code error;
  // Not parse_bounded_json: a member that a model wrote twice must not end the conversation.
  const json::value parsed = json::parse(text, error, {}, options);
  if (error || !parsed.is_object()) {
    function.refuse("arguments", "must be the JSON text of an object", "send \"{}\" where a call has none");
  }
  return text;
}

void read_tool_calls(JsonFields& fields, Message& message, std::optional<RequestError>& first_error) {
  const json::array* calls = fields.array("tool_calls");
  if (calls == nullptr) return;
  for (std::size_t i = 0; i < calls->size(); ++i) {
    std::string name = at("tool_calls", i);
    const json::object* object = (*calls)[i].if_object();
    const json::value* function = object ? object->if_contains("function") : nullptr;
    if (function == nullptr || !function->is_object()) return fields.refuse(name, "must have a function");
    JsonFields outer(*object, fields.param(name), first_error);
    JsonFields inner(function->get_object(), fields.param(name) + ".function", first_error);
    ToolCall call;
    call.id = outer.text("id").value_or("");
    call.name = inner.text("name").value_or("");
    if (call.name.empty()) inner.refuse("name", "is missing");
    call.arguments = read_arguments(inner);
    message.tool_calls.push_back(std::move(call));
  }
}

/// The one call of the older protocol, which has no id.
void read_function_call(JsonFields& fields, Message& message, std::optional<RequestError>& first_error) {
  const json::object* object = fields.object("function_call");
  if (object == nullptr) return;
  JsonFields function(*object, fields.param("function_call"), first_error);
  ToolCall call;
  call.name = function.text("name").value_or("");
  if (call.name.empty()) function.refuse("name", "is missing");
  call.arguments = read_arguments(function);
  message.tool_calls.push_back(std::move(call));
}

Message read_message(JsonFields& fields, std::optional<RequestError>& first_error) {
  Message message;
  std::string name = fields.text("role").value_or("");
  auto role = role_of(name);
  if (!role) {
    fields.refuse("role", "must be one of system, developer, user, assistant, tool");
    return message;
  }
  message.role = *role;
  read_content(fields, *role, message, first_error);
  if (*role == Role::kAssistant) {
    message.reasoning = fields.text("reasoning_content").value_or("");
    read_tool_calls(fields, message, first_error);
    read_function_call(fields, message, first_error);
    if (message.content.empty() && message.tool_calls.empty()) {
      // What was said instead of a content is what the client has heard.
      message.content.push_back(segment_of(*role, fields.text("refusal").value_or("")));
    }
  }
  if (*role == Role::kTool) {
    message.tool_call_id = fields.text("tool_call_id").value_or("");
    message.name = fields.text("name").value_or("");
    if (message.tool_call_id.empty() && name == "tool") fields.refuse("tool_call_id", "is missing");
  }
  return message;
}

bool is_function_name(std::string_view name) {
  return !name.empty() && name.size() <= 64 &&
         name.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-") ==
             std::string_view::npos;
}

void read_tools(JsonFields& fields, Prompt& prompt, std::optional<RequestError>& first_error) {
  const json::array* tools = fields.array("tools");
  if (tools == nullptr) return;
  for (std::size_t i = 0; i < tools->size(); ++i) {
    std::string name = at("tools", i);
    const json::object* object = (*tools)[i].if_object();
    if (object == nullptr) return fields.refuse(name, "must be an object");
    JsonFields tool(*object, fields.param(name), first_error);
    std::string type = tool.text("type").value_or("");
    if (type != "function") {
      return tool.refuse("type", "is '" + type + "'", "only tools of type \"function\" can be called here",
                         ErrorCode::kUnsupported);
    }
    const json::object* inner = tool.object("function");
    if (inner == nullptr) return tool.refuse("function", "is missing");
    JsonFields function(*inner, tool.param("function"), first_error);
    ToolDefinition definition;
    definition.name = function.text("name").value_or("");
    if (!is_function_name(definition.name)) {
      return function.refuse("name", "must have 1 to 64 letters, digits, '_' or '-'");
    }
    for (const ToolDefinition& other : prompt.tools) {
      if (other.name == definition.name) return function.refuse("name", "is used twice");
    }
    definition.description = function.text("description").value_or("");
    definition.strict = function.boolean("strict").value_or(false);
    const json::object* parameters = function.object("parameters");
    definition.parameters = parameters ? json::value(*parameters)
                                       : json::value(json::object{{"type", "object"}, {"properties", json::object{}}});
    prompt.tools.push_back(std::move(definition));
  }
}

/// Tool messages carry no name in the protocol, but templates want one: it is that of the call they answer.
void name_tool_results(Prompt& prompt) {
  std::map<std::string, std::string> names;
  for (Message& message : prompt.messages) {
    for (const ToolCall& call : message.tool_calls) names[call.id] = call.name;
    if (message.role == Role::kTool && message.name.empty()) message.name = names[message.tool_call_id];
  }
}

}  // namespace

Prompt read_prompt(JsonFields& fields, std::optional<RequestError>& first_error) {
  Prompt prompt;
  const json::array* messages = fields.array("messages");
  if (messages == nullptr || messages->empty()) fields.refuse("messages", "must be an array with at least one message");
  for (std::size_t i = 0; messages != nullptr && i < messages->size() && !first_error; ++i) {
    const json::object* object = (*messages)[i].if_object();
    if (object == nullptr) {
      fields.refuse(at("messages", i), "must be an object");
      break;
    }
    JsonFields message(*object, at("messages", i), first_error);
    prompt.messages.push_back(read_message(message, first_error));
  }
  read_tools(fields, prompt, first_error);
  name_tool_results(prompt);
  if (const json::object* arguments = fields.object("chat_template_kwargs")) {
    for (const auto& member : *arguments) prompt.template_arguments[std::string(member.key())] = member.value();
  }
  return prompt;
}

}  // namespace mnema
