// agents/rest/json_fields.hpp
//
// Reading the fields of a request body: each with its type and range, absent and null alike, and the first thing that
// is wrong kept with the `param` it is wrong in, as OpenAI's clients show it. Unknown fields are nobody's business.
//
// Threads: confined to one request. Pure.
#pragma once

#include <boost/json/value.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <variant>

#include "connectors/http/message.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

/// Why a request is refused.
struct RequestError {
  Error error;
  std::string param;  // "messages[2].content", "" = none
  std::string code;   // instead of the error code's own name, "" = that
};

template <class T>
using Parsed = std::variant<T, RequestError>;

[[nodiscard]] HttpResponse refusal_of(const RequestError& error);
/// {"error": {...}} alone, as it stands in a stream.
[[nodiscard]] boost::json::value error_value(const RequestError& error);

[[nodiscard]] RequestError model_not_found(std::string_view model);

/// The field that an engine's refusal is about: its prompt, tools or shape of the answer (`constraint`), "" = none.
[[nodiscard]] std::string param_of(const Error& error, std::string_view prompt, std::string_view constraint);

/// The body as a JSON object. `exact_integers` as in JsonBounds.
[[nodiscard]] Parsed<boost::json::object> parse_body(std::string_view body, const Limits& limits,
                                                     bool exact_integers = false);

class JsonFields {
 public:
  /// `where` goes before names in `param`: "messages[2]". `first_error` is shared by the readers of one request.
  JsonFields(const boost::json::object& object, std::string where, std::optional<RequestError>& first_error)
      : object_(object), where_(std::move(where)), first_error_(first_error) {}

  /// The value of `name`; null counts as absent.
  [[nodiscard]] const boost::json::value* find(std::string_view name) const;
  [[nodiscard]] bool has(std::string_view name) const { return find(name) != nullptr; }

  std::optional<std::string> text(std::string_view name);
  std::optional<double> number(std::string_view name, double min, double max);
  std::optional<std::int64_t> integer(std::string_view name, std::int64_t min, std::int64_t max);
  std::optional<bool> boolean(std::string_view name);
  const boost::json::object* object(std::string_view name);
  const boost::json::array* array(std::string_view name);

  /// Notes that `name` is wrong, unless something else was before.
  void refuse(std::string_view name, std::string message, std::string hint = {},
              ErrorCode code = ErrorCode::kInvalidArgument);

  [[nodiscard]] std::string param(std::string_view name) const;

 private:
  const boost::json::object& object_;
  std::string where_;
  std::optional<RequestError>& first_error_;
};

}  // namespace mnema
