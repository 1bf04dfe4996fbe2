#include "agents/rest/admin_query.hpp"

#include <algorithm>
#include <charconv>

#include "runtime/events/event_deadline.hpp"

namespace mnema {
namespace json = boost::json;

Result<std::string> tenant_of(const AdminCall& call, const std::string& asked) {
  const std::string own = call.tenant();
  if (own.empty()) return asked.empty() ? std::string("local") : asked;
  if (asked.empty() || asked == own) return own;
  return fail(ErrorCode::kPermissionDenied, "'tenant' is not the key's own", "leave it out");
}

Result<std::string> tenant_of(const AdminCall& call) {
  return tenant_of(call, call.http.query_parameter("tenant").value_or(""));
}

Result<int> limit_of(const AdminCall& call, const Limits& limits) {
  const std::string text = call.http.query_parameter("limit").value_or("");
  if (text.empty()) return limits.admin_page_rows_max;
  int number = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), number);
  const bool whole = error == std::errc() && end == text.data() + text.size();
  if (whole && number >= 1 && number <= limits.admin_page_rows_max) return number;
  return fail(ErrorCode::kInvalidArgument,
              "'limit' must be a number between 1 and " + std::to_string(limits.admin_page_rows_max));
}

Result<std::optional<Time>> time_of(const AdminCall& call, std::string_view name) {
  const std::string text = call.http.query_parameter(name).value_or("");
  if (text.empty()) return std::optional<Time>();
  ASSIGN_OR_RETURN(const Time time, parse_rfc3339(text));
  return std::optional<Time>(time);
}

Result<std::int64_t> id_of(const AdminCall& call, const char* what) {
  const auto named = call.http.parameters.find("id");
  const std::string text = named == call.http.parameters.end() ? "" : named->second;
  std::int64_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error == std::errc() && end == text.data() + text.size()) return id;
  return fail(ErrorCode::kInvalidArgument, "'" + text + "' is no number of " + what);
}

std::optional<RequestError> unknown_member(const json::object& object, std::initializer_list<std::string_view> names) {
  for (const auto& member : object) {
    const std::string key(member.key());
    if (std::find(names.begin(), names.end(), key) != names.end()) continue;
    return RequestError{fail(ErrorCode::kInvalidArgument, "there is no field '" + key + "' here"), key, ""};
  }
  return std::nullopt;
}

Parsed<json::object> known_body(const AdminCall& call, const Limits& limits,
                                std::initializer_list<std::string_view> names) {
  Parsed<json::object> body = parse_body(call.http.body.empty() ? "{}" : call.http.body, limits);
  const auto* object = std::get_if<json::object>(&body);
  if (object == nullptr) return body;
  std::optional<RequestError> unknown = unknown_member(*object, names);
  if (!unknown) return body;
  std::string& known = unknown->error.hint;
  for (const std::string_view name : names) known += (known.empty() ? "" : ", ") + std::string(name);
  return std::move(*unknown);
}

}  // namespace mnema
