#include "cli/dlq/admin_client.hpp"

#include <boost/json.hpp>
#include <future>

#include "connectors/base64.hpp"
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

/// What the server says is wrong: its own sentence, under the code that the same change would end with here.
Error refusal_of(const Answer& answer, const std::string& address) {
  ErrorCode code = ErrorCode::kInternal;
  if (answer.status == 400) code = ErrorCode::kInvalidArgument;
  if (answer.status == 404) code = ErrorCode::kNotFound;
  if (answer.status == 401) {
    return fail(ErrorCode::kFailedPrecondition,
                "the server at " + address + " does not take the token of the data folder",
                "the folder's admin.json is of an earlier process: try again, or restart the server");
  }
  const Result<json::value> body = parse_bounded_json(answer.body, "the answer");
  if (body.ok() && body->is_object()) {
    const json::value* error = body->get_object().if_contains("error");
    const json::value* message =
        error != nullptr && error->is_object() ? error->get_object().if_contains("message") : nullptr;
    if (message != nullptr && message->is_string()) return split_hint(code, std::string(message->get_string()));
  }
  return fail(code, "the server at " + address + " answered with status " + std::to_string(answer.status));
}

}  // namespace

Result<std::unique_ptr<LetterChanges>> AdminClient::open(AdminFile server) {
  Result<HttpUrl> url = HttpUrl::parse("http://" + server.address);
  if (!url.ok() || !url->path.empty() || !is_loopback_host(url->host)) {
    return fail(ErrorCode::kCorrupt, "the folder's admin.json names no loopback address", "restart the server");
  }
  std::unique_ptr<AdminClient> client(new AdminClient(std::move(server), std::move(*url)));
  ASSIGN_OR_RETURN(client->transport_, CurlTransport::open(CurlTransportOptions{}, client->clock_));
  return std::unique_ptr<LetterChanges>(std::move(client));
}

Status AdminClient::redrive(const DeadLetterId& id, const Redrive& how) {
  json::object body;
  if (!how.from_step.empty()) body["from_step"] = how.from_step;
  if (how.data) body["data_base64"] = base64_encode(*how.data);
  return post(id, "redrive", json::serialize(body));
}

Status AdminClient::drop(const DeadLetterId& id) { return post(id, "drop", ""); }

Status AdminClient::post(const DeadLetterId& id, const std::string& action, std::string body) {
  TransportRequest request;
  request.method = "POST";
  request.url = url_;
  request.url.path = "/admin/v1/dead-letters/" + id.text() + "/" + action;
  request.headers.add("Authorization", "Bearer " + std::string(server_.token.reveal()));
  request.headers.add("Content-Type", "application/json");
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
  if (answer->failure) {
    return fail(ErrorCode::kInDoubt,
                "the server gave no answer (" + answer->failure->text + "): '" + id.text() + "' may be changed or not",
                "see 'mnema dlq list'");
  }
  if (answer->status == 200) return {};
  return refusal_of(*answer, server_.address);
}

}  // namespace mnema
