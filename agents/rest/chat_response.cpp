#include "agents/rest/chat_response.hpp"

#include <boost/json/array.hpp>
#include <boost/json/serialize.hpp>

#include "agents/rest/logprobs_json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

constexpr std::string_view kFingerprint = "mnema";

/// What a completion would have told, had it been streamed.
Delta delta_of(const Completion& completion) {
  Delta delta;
  delta.text = completion.text;
  delta.reasoning = completion.reasoning;
  delta.logprobs = completion.logprobs;
  for (std::size_t i = 0; i < completion.tool_calls.size(); ++i) {
    const ToolCall& call = completion.tool_calls[i];
    delta.tool_calls.push_back(ToolCallDelta{static_cast<int>(i), call.id, call.name, call.arguments});
  }
  return delta;
}

json::array annotations_json(const std::vector<UrlCitation>& annotations) {
  json::array out;
  for (const UrlCitation& annotation : annotations) {
    out.push_back(json::object{{"type", "url_citation"},
                               {"url_citation",
                                {{"url", annotation.url},
                                 {"title", annotation.title},
                                 {"start_index", annotation.start},
                                 {"end_index", annotation.end}}}});
  }
  return out;
}

json::object tool_call_json(const ToolCall& call) {
  return {{"id", call.id},
          {"type", "function"},
          {"function", json::object{{"name", call.name}, {"arguments", call.arguments}}}};
}

json::object tool_delta_json(const ToolCallDelta& call) {
  json::object out{{"index", call.index}};
  json::object function;
  if (!call.id.empty()) {
    out["id"] = call.id;
    out["type"] = "function";
  }
  if (!call.name.empty()) function["name"] = call.name;
  function["arguments"] = call.arguments;
  out["function"] = std::move(function);
  return out;
}

}  // namespace

ChatWriter::ChatWriter(Options options)
    : options_(std::move(options)), told_(static_cast<std::size_t>(options_.choices), false) {}

std::string_view ChatWriter::finish_reason_of(const Completion& completion) const {
  const bool called = completion.finish_reason == FinishReason::kToolCalls ||
                      (completion.finish_reason == FinishReason::kStop && !completion.tool_calls.empty());
  // As OpenAI answers: where the client has named the function, the model has not decided to call one.
  if (called) return options_.tool_was_named ? "stop" : "tool_calls";
  return name_of(completion.finish_reason);
}

json::value ChatWriter::whole(const std::vector<Completion>& choices) const {
  json::array out;
  for (std::size_t i = 0; i < choices.size(); ++i) {
    const Completion& completion = choices[i];
    json::object message{{"role", "assistant"}, {"refusal", nullptr}};
    if (!completion.refusal.empty()) message["refusal"] = completion.refusal;
    if (completion.text.empty() && (!completion.tool_calls.empty() || !completion.refusal.empty())) {
      message["content"] = nullptr;
    } else {
      message["content"] = completion.text;
    }
    if (!completion.reasoning.empty()) message["reasoning_content"] = completion.reasoning;
    if (!completion.annotations.empty()) message["annotations"] = annotations_json(completion.annotations);
    if (!completion.tool_calls.empty()) {
      json::array calls;
      for (const ToolCall& call : completion.tool_calls) {
        if (calls.empty() || !options_.one_tool_call) calls.push_back(tool_call_json(call));
      }
      message["tool_calls"] = std::move(calls);
    }
    json::object choice{{"index", i},
                        {"message", std::move(message)},
                        {"logprobs", options_.logprobs ? chat_logprobs(completion.logprobs) : json::value(nullptr)},
                        {"finish_reason", finish_reason_of(completion)},
                        {"seed", static_cast<std::int64_t>(completion.seed)}};
    if (!completion.note.empty()) choice["mnema"] = json::object{{"note", completion.note}};
    out.push_back(std::move(choice));
  }
  Usage usage = sum_of(choices);
  return json::object{{"id", options_.id},          {"object", "chat.completion"},        {"created", options_.created},
                      {"model", options_.model},    {"system_fingerprint", kFingerprint}, {"choices", std::move(out)},
                      {"usage", usage_json(usage)}, {"timings", timings_json(usage)}};
}

json::object ChatWriter::chunk() const {
  json::object out{{"id", options_.id},       {"object", "chat.completion.chunk"},  {"created", options_.created},
                   {"model", options_.model}, {"system_fingerprint", kFingerprint}, {"choices", json::array{}}};
  if (options_.include_usage) out["usage"] = nullptr;
  return out;
}

std::string ChatWriter::choice_chunk(int choice, json::object delta, json::value logprobs, json::value finish_reason,
                                     std::optional<std::uint64_t> seed, const std::string& note) const {
  json::object out = chunk();
  json::object of_choice{{"index", choice},
                         {"delta", std::move(delta)},
                         {"logprobs", std::move(logprobs)},
                         {"finish_reason", std::move(finish_reason)}};
  if (seed) of_choice["seed"] = static_cast<std::int64_t>(*seed);
  if (!note.empty()) of_choice["mnema"] = json::object{{"note", note}};
  out["choices"].as_array().push_back(std::move(of_choice));
  return json::serialize(out);
}

std::string ChatWriter::first(int choice) const {
  return choice_chunk(choice, json::object{{"role", "assistant"}, {"content", ""}}, nullptr, nullptr);
}

std::string ChatWriter::delta(int choice, const Delta& delta) {
  json::object out;
  if (!delta.text.empty()) out["content"] = delta.text;
  if (!delta.reasoning.empty()) out["reasoning_content"] = delta.reasoning;
  json::array calls;
  for (const ToolCallDelta& call : delta.tool_calls) {
    if (call.index == 0 || !options_.one_tool_call) calls.push_back(tool_delta_json(call));
  }
  if (!calls.empty()) out["tool_calls"] = std::move(calls);
  bool has_logprobs = options_.logprobs && !delta.logprobs.empty();
  if (out.empty() && !has_logprobs) return "";
  told_[static_cast<std::size_t>(choice)] = true;
  return choice_chunk(choice, std::move(out), has_logprobs ? chat_logprobs(delta.logprobs) : json::value(nullptr),
                      nullptr);
}

std::vector<std::string> ChatWriter::finish(int choice, const Completion& completion) {
  std::vector<std::string> chunks;
  if (!told_[static_cast<std::size_t>(choice)]) {
    std::string all = delta(choice, delta_of(completion));
    if (!all.empty()) chunks.push_back(std::move(all));
  }
  if (!completion.refusal.empty()) {
    chunks.push_back(choice_chunk(choice, json::object{{"refusal", completion.refusal}}, nullptr, nullptr));
  }
  if (!completion.annotations.empty()) {
    json::object sources{{"annotations", annotations_json(completion.annotations)}};
    chunks.push_back(choice_chunk(choice, std::move(sources), nullptr, nullptr));
  }
  chunks.push_back(choice_chunk(choice, json::object{}, nullptr, json::value(finish_reason_of(completion)),
                                completion.seed, completion.note));
  return chunks;
}

std::string ChatWriter::usage(const std::vector<Completion>& choices) const {
  Usage usage = sum_of(choices);
  json::object out = chunk();
  out["usage"] = usage_json(usage);
  out["timings"] = timings_json(usage);
  return json::serialize(out);
}

}  // namespace mnema
