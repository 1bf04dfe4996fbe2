#include "cli/dlq/admin_connection.hpp"

#include <fmt/format.h>

#include <boost/json.hpp>
#include <cctype>
#include <future>

#include "connectors/http/host_check.hpp"
#include "runtime/base/json.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

struct Answer {
  int status = 0;
  std::string body;
  std::optional<TransportFailure> failure;
};

/// "what is wrong (what to do)", as connectors/http/error_body.hpp joins them, in its two parts again.
Error split_hint(ErrorCode code, std::string text) {
  if (!text.ends_with(')')) return fail(code, std::move(text));
  int depth = 0;
  for (std::size_t at = text.size(); at-- > 1;) {
    depth += text[at] == ')' ? 1 : text[at] == '(' ? -1 : 0;
    if (depth > 0) continue;
    if (text[at - 1] != ' ') break;
    return fail(code, text.substr(0, at - 1), text.substr(at + 1, text.size() - at - 2));
  }
  return fail(code, std::move(text));
}

}  // namespace

Error refusal_of(int status, const std::string& text, const std::string& address) {
  ErrorCode code = ErrorCode::kInternal;
  if (status == 400) code = ErrorCode::kInvalidArgument;
  if (status == 404) code = ErrorCode::kNotFound;
  if (status == 403) code = ErrorCode::kPermissionDenied;
  if (status == 409) code = ErrorCode::kAborted;
  if (status == 422) code = ErrorCode::kFailedPrecondition;
  if (status == 429) code = ErrorCode::kMailboxFull;
  if (status == 503) code = ErrorCode::kUnavailable;
  if (status == 401) {
    return fail(ErrorCode::kFailedPrecondition,
                "the server at " + address + " does not take the token of the data folder",
                "the folder's admin.json is of an earlier process: try again, or restart the server");
  }
  const Result<json::value> body = parse_bounded_json(text, "the answer");
  if (body.ok() && body->is_object()) {
    const json::value* error = body->get_object().if_contains("error");
    const json::value* message =
        error != nullptr && error->is_object() ? error->get_object().if_contains("message") : nullptr;
    if (message != nullptr && message->is_string()) return split_hint(code, std::string(message->get_string()));
  }
  return fail(code, "the server at " + address + " answered with status " + std::to_string(status));
}

std::string percent_encoded(const std::string& text) {
  std::string all;
  for (const unsigned char c : text) {
    if (std::isalnum(c) != 0 || c == '-' || c == '.' || c == '_' || c == '~') {
      all += static_cast<char>(c);
    } else {
      all += fmt::format("%{:02X}", c);
    }
  }
  return all;
}

Result<std::unique_ptr<AdminConnection>> AdminConnection::open(AdminFile server) {
  Result<HttpUrl> url = HttpUrl::parse("http://" + server.address);
  if (!url.ok() || !url->path.empty() || !is_loopback_host(url->host)) {
    return fail(ErrorCode::kCorrupt, "the folder's admin.json names no loopback address", "restart the server");
  }
  std::unique_ptr<AdminConnection> connection(new AdminConnection(std::move(server), std::move(*url)));
  ASSIGN_OR_RETURN(connection->transport_, CurlTransport::open(CurlTransportOptions{}, connection->clock_));
  return connection;
}

Result<std::string> AdminConnection::call(const std::string& method, const std::string& target, std::string body,
                                          const std::string& what) {
  TransportRequest request;
  request.method = method;
  request.url = url_;
  request.url.path = target;
  request.headers.add("Authorization", "Bearer " + std::string(server_.token.reveal()));
  if (!body.empty()) request.headers.add("Content-Type", "application/json");
  request.body = std::move(body);
  const auto answer = std::make_shared<Answer>();
  const auto ended = std::make_shared<std::promise<void>>();
  TransportEvents events;
  events.on_head = [answer](int status, const HttpHeaders&) { answer->status = status; };
  events.on_body = [answer](const std::string& bytes) { answer->body += bytes; };
  events.on_end = [answer, ended](std::optional<TransportFailure> failure) {
    answer->failure = std::move(failure);
    ended->set_value();
  };
  const auto exchange = transport_->start(std::move(request), transport_->executor(), std::move(events));
  ended->get_future().wait();
  if (answer->failure && !answer->failure->left) {
    return fail(ErrorCode::kUnavailable,
                "the program that has the data folder in use does not answer at " + server_.address + " (" +
                    answer->failure->text + ")",
                "it is starting or ending, or admin.json is of an earlier process; try again, or stop it");
  }
  if (answer->failure && what.empty()) {
    return fail(ErrorCode::kUnavailable, "the server gave no answer (" + answer->failure->text + ")", "try again");
  }
  if (answer->failure) {
    return fail(ErrorCode::kInDoubt,
                "the server gave no answer (" + answer->failure->text + "): " + what + " may be changed or not",
                "see 'mnema dlq list'");
  }
  if (answer->status >= 200 && answer->status < 300) return answer->body;
  return refusal_of(answer->status, answer->body, server_.address);
}

}  // namespace mnema
