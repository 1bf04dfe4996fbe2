#include "agents/rest/sampling_fields.hpp"

#include <boost/json/array.hpp>
#include <boost/json/object.hpp>
#include <charconv>
#include <limits>

namespace mnema {
namespace json = boost::json;
namespace {

void read_logit_bias(JsonFields& fields, SamplingOptions& sampling) {
  const json::object* bias = fields.object("logit_bias");
  if (bias == nullptr) return;
  for (const auto& member : *bias) {
    std::string_view name = member.key();
    TokenId id = 0;
    auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), id);
    bool is_id = error == std::errc{} && end == name.data() + name.size() && id >= 0;
    if (!is_id || !member.value().is_number()) {
      return fields.refuse("logit_bias", "must map token ids, written as strings, to numbers");
    }
    double value = member.value().to_number<double>();
    if (!(value >= -100 && value <= 100)) return fields.refuse("logit_bias", "must have values from -100 to 100");
    sampling.logit_bias[id] = static_cast<float>(value);
  }
}

}  // namespace

SamplingOptions default_sampling() {
  SamplingOptions sampling;
  sampling.temperature = 0.8F;
  sampling.top_k = 40;
  sampling.top_p = 0.95F;
  sampling.min_p = 0.05F;
  return sampling;
}

bool read_sampling(JsonFields& fields, SamplingOptions& sampling) {
  bool named = false;
  auto take = [&](std::string_view name, double min, double max, float& into) {
    auto value = fields.number(name, min, max);
    if (value) into = static_cast<float>(*value);
    return value.has_value();
  };
  named |= take("temperature", 0, 2, sampling.temperature);
  named |= take("top_p", 0, 1, sampling.top_p);
  named |= take("min_p", 0, 1, sampling.min_p);
  if (auto top_k = fields.integer("top_k", -1, 1'000'000)) {
    sampling.top_k = static_cast<int>(std::max<std::int64_t>(0, *top_k));  // -1 means "off" elsewhere
    named = true;
  }
  take("repeat_penalty", 0.01, 10, sampling.repetition_penalty);
  take("repetition_penalty", 0.01, 10, sampling.repetition_penalty);
  take("presence_penalty", -2, 2, sampling.presence_penalty);
  take("frequency_penalty", -2, 2, sampling.frequency_penalty);
  auto seed =
      fields.integer("seed", std::numeric_limits<std::int64_t>::min(), std::numeric_limits<std::int64_t>::max());
  if (seed) sampling.seed = static_cast<std::uint64_t>(*seed);
  read_logit_bias(fields, sampling);
  return named;
}

std::vector<std::string> read_stop(JsonFields& fields, const Limits& limits) {
  const json::value* value = fields.find("stop");
  std::vector<std::string> stop;
  if (value == nullptr) return stop;
  if (value->is_string()) {
    stop.emplace_back(value->get_string());
  } else if (const json::array* array = value->if_array()) {
    for (const json::value& element : *array) {
      if (!element.is_string()) {
        fields.refuse("stop", "must be a string or an array of strings");
        return {};
      }
      stop.emplace_back(element.get_string());
    }
  } else {
    fields.refuse("stop", "must be a string or an array of strings");
  }
  if (static_cast<int>(stop.size()) > limits.stop_strings_max) {
    fields.refuse("stop", "must have at most " + std::to_string(limits.stop_strings_max) + " strings");
  }
  for (const std::string& text : stop) {
    if (text.empty()) fields.refuse("stop", "must not have an empty string, which would stop everything");
  }
  return stop;
}

std::optional<int> read_speculation(JsonFields& fields) {
  const auto tokens = fields.integer("speculation_tokens_max", 0, 32);
  return tokens ? std::optional(static_cast<int>(*tokens)) : std::nullopt;
}

StreamFields read_stream(JsonFields& fields) {
  StreamFields out;
  out.stream = fields.boolean("stream").value_or(false);
  if (const json::object* options = fields.object("stream_options")) {
    if (!out.stream) fields.refuse("stream_options", "is only for streams", "set \"stream\": true or leave it out");
    if (const json::value* usage = options->if_contains("include_usage"); usage && !usage->is_null()) {
      if (!usage->is_bool()) fields.refuse("stream_options.include_usage", "must be true or false");
      out.include_usage = usage->is_bool() && usage->get_bool();
    }
  }
  return out;
}

}  // namespace mnema
