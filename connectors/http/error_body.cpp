#include "connectors/http/error_body.hpp"

namespace mnema {

int http_status_of(ErrorCode code) {
  switch (code) {
    case ErrorCode::kInvalidArgument:
    case ErrorCode::kUnsupported:
    case ErrorCode::kContextLengthExceeded:
      return 400;
    case ErrorCode::kUnauthenticated:
      return 401;
    case ErrorCode::kPermissionDenied:
      return 403;
    case ErrorCode::kNotFound:
      return 404;
    // 409 tells the official clients to repeat the call; only a lost race is worth that.
    case ErrorCode::kAborted:
      return 409;
    case ErrorCode::kAlreadyExists:
    case ErrorCode::kFailedPrecondition:
    case ErrorCode::kInDoubt:
      return 422;
    case ErrorCode::kResourceExhausted:
    case ErrorCode::kBudgetExceeded:
    case ErrorCode::kMailboxFull:
      return 429;
    case ErrorCode::kCancelled:
      return 499;
    case ErrorCode::kSchemaDrift:
      return 502;
    case ErrorCode::kUnavailable:
      return 503;
    case ErrorCode::kDeadlineExceeded:
      return 504;
    case ErrorCode::kStorage:
    case ErrorCode::kCorrupt:
    case ErrorCode::kInternal:
      return 500;
  }
  return 500;
}

std::string_view error_type_of(int status) {
  switch (status) {
    case 401:
      return "authentication_error";
    case 403:
      return "permission_error";
    case 404:
      return "not_found_error";
    case 409:
      return "conflict_error";
    case 429:
      return "rate_limit_error";
    default:
      return status >= 500 ? "server_error" : "invalid_request_error";
  }
}

namespace {

boost::json::value error_body_of(int status, const Error& error, std::string_view param) {
  boost::json::object inner;
  inner["message"] = error.hint.empty() ? error.message : error.message + " (" + error.hint + ")";
  inner["type"] = error.code == ErrorCode::kBudgetExceeded ? "insufficient_quota" : error_type_of(status);
  if (param.empty()) {
    inner["param"] = nullptr;
  } else {
    inner["param"] = param;
  }
  inner["code"] = name_of(error.code);
  boost::json::object outer;
  outer["error"] = std::move(inner);
  return outer;
}

}  // namespace

boost::json::value error_body(const Error& error, std::string_view param) {
  return error_body_of(http_status_of(error.code), error, param);
}

HttpResponse error_response(const Error& error, std::string_view param) {
  return error_response(http_status_of(error.code), error, param);
}

HttpResponse error_response(int status, const Error& error, std::string_view param) {
  HttpResponse response = json_response(status, error_body_of(status, error, param));
  if (error.retryable) {
    // Whole seconds for everybody, milliseconds for the clients that know them.
    long wait_ms = error.retry_after_ms > 0 ? error.retry_after_ms : 1000;
    response.headers.add("retry-after", std::to_string((wait_ms + 999) / 1000));
    response.headers.add("retry-after-ms", std::to_string(wait_ms));
  } else {
    response.headers.add("x-should-retry", "false");
  }
  if (status == 401) response.headers.add("www-authenticate", "Bearer");
  return response;
}

}  // namespace mnema
