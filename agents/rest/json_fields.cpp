#include "agents/rest/json_fields.hpp"

#include <boost/json/object.hpp>
#include <cmath>

#include "connectors/http/error_body.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// "1", "0.5": bounds as people write them.
std::string plain(double value) {
  std::string text = std::to_string(value);
  text.erase(text.find_last_not_of('0') + 1);
  if (text.ends_with('.')) text.pop_back();
  return text;
}

}  // namespace

json::value error_value(const RequestError& error) {
  json::value body = error_body(error.error, error.param);
  if (!error.code.empty()) body.at("error").as_object()["code"] = error.code;
  return body;
}

HttpResponse refusal_of(const RequestError& error) {
  HttpResponse response = error_response(error.error, error.param);
  if (!error.code.empty()) response.body = json_response(response.status, error_value(error)).body;
  return response;
}

RequestError model_not_found(std::string_view model) {
  return {fail(ErrorCode::kNotFound, "the model '" + std::string(model) + "' does not exist here",
               "GET /v1/models lists those that do"),
          "model", "model_not_found"};
}

std::string param_of(const Error& error, std::string_view prompt, std::string_view constraint) {
  if (error.code == ErrorCode::kContextLengthExceeded) return std::string(prompt);
  return error.part == "constraint" ? std::string(constraint) : error.part;
}

Parsed<json::object> parse_body(std::string_view body, const Limits& limits, bool exact_integers) {
  JsonBounds bounds;
  bounds.bytes_max = limits.http_body_bytes_max;
  bounds.depth_max = limits.json_depth_max;
  bounds.exact_integers = exact_integers;
  Result<json::value> value = parse_bounded_json(body, "the request body", bounds);
  if (!value.ok()) return RequestError{value.error(), "", ""};
  if (!value->is_object()) {
    return RequestError{fail(ErrorCode::kInvalidArgument, "the request body is not a JSON object",
                             "send {...} with content-type application/json"),
                        "", ""};
  }
  return std::move(*value).as_object();
}

const json::value* JsonFields::find(std::string_view name) const {
  const json::value* value = object_.if_contains(name);
  return value == nullptr || value->is_null() ? nullptr : value;
}

std::string JsonFields::param(std::string_view name) const {
  if (where_.empty()) return std::string(name);
  return where_ + (name.empty() || name.starts_with('[') ? "" : ".") + std::string(name);
}

void JsonFields::refuse(std::string_view name, std::string message, std::string hint, ErrorCode code) {
  if (first_error_) return;
  std::string at = param(name);
  first_error_ = RequestError{fail(code, "'" + at + "' " + message, std::move(hint)), at, ""};
}

std::optional<std::string> JsonFields::text(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_string()) return std::string(value->get_string());
  refuse(name, "must be a string");
  return std::nullopt;
}

std::optional<double> JsonFields::number(std::string_view name, double min, double max) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (!value->is_number()) {
    refuse(name, "must be a number");
    return std::nullopt;
  }
  double number = value->to_number<double>();
  if (number >= min && number <= max) return number;
  refuse(name, "must be from " + plain(min) + " to " + plain(max));
  return std::nullopt;
}

std::optional<std::int64_t> JsonFields::integer(std::string_view name, std::int64_t min, std::int64_t max) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  std::optional<std::int64_t> integer;
  if (value->is_int64()) {
    integer = value->get_int64();
  } else if (value->is_double() && std::trunc(value->get_double()) == value->get_double() &&
             std::abs(value->get_double()) < 9e15) {
    integer = static_cast<std::int64_t>(value->get_double());  // 16.0 is 16, as some languages write it
  } else if (!value->is_uint64()) {
    refuse(name, "must be an integer");
    return std::nullopt;
  }
  if (integer && *integer >= min && *integer <= max) return integer;
  refuse(name, "must be from " + std::to_string(min) + " to " + std::to_string(max));
  return std::nullopt;
}

std::optional<bool> JsonFields::boolean(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return std::nullopt;
  if (value->is_bool()) return value->get_bool();
  refuse(name, "must be true or false");
  return std::nullopt;
}

const json::object* JsonFields::object(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_object()) refuse(name, "must be an object");
  return value->if_object();
}

const json::array* JsonFields::array(std::string_view name) {
  const json::value* value = find(name);
  if (value == nullptr) return nullptr;
  if (!value->is_array()) refuse(name, "must be an array");
  return value->if_array();
}

}  // namespace mnema
