// connectors/http/error_body.hpp
//
// How an `Error` looks to an HTTP client: the status, and OpenAI's body
// {"error": {"message", "type", "param", "code"}} with all four keys, which its clients map to typed exceptions.
// A retryable error carries Retry-After; one that must not be repeated carries `x-should-retry: false`, because the
// official clients otherwise repeat 408, 409, 429 and every 5xx.
//
// Threads: pure functions.
#pragma once

#include <string_view>

#include "connectors/http/message.hpp"
#include "runtime/base/result.hpp"

namespace mnema {

[[nodiscard]] int http_status_of(ErrorCode code);

/// "invalid_request_error", "rate_limit_error", ...: the `type` that belongs to a status.
[[nodiscard]] std::string_view error_type_of(int status);

/// {"error": {...}}. `param` names the request field at fault, "" = null.
[[nodiscard]] boost::json::value error_body(const Error& error, std::string_view param = {});

[[nodiscard]] HttpResponse error_response(const Error& error, std::string_view param = {});
/// As above with a status that has no error code of its own (405, 413, 431).
[[nodiscard]] HttpResponse error_response(int status, const Error& error, std::string_view param = {});

}  // namespace mnema
