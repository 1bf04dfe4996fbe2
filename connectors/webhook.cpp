#include "connectors/webhook.hpp"

#include <algorithm>
#include <atomic>
#include <boost/json/object.hpp>
#include <charconv>
#include <mutex>

#include "connectors/base64.hpp"
#include "connectors/http/error_body.hpp"
#include "runtime/json.hpp"
#include "runtime/key_template.hpp"
#include "runtime/log.hpp"
#include "runtime/sha256.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

/// The raw digest, as base64 and hex are made of it.
std::string signature_bytes(std::string_view key, std::string_view bytes) {
  Sha256Digest digest = hmac_sha256(key, bytes);
  return std::string(digest.begin(), digest.end());
}

Error unauthenticated(std::string what, std::string hint) {
  return fail(ErrorCode::kUnauthenticated, std::move(what), std::move(hint));
}

Status check_github(const std::vector<Secret>& secrets, const HttpRequest& request) {
  std::string_view signature = request.headers.get("x-hub-signature-256");
  if (signature.empty()) {
    return unauthenticated("the webhook is not signed: X-Hub-Signature-256 is missing",
                           "set the same secret in the repository's webhook settings and here");
  }
  bool matches = false;
  for (const Secret& secret : secrets) {
    // Every secret is tried, so that the time does not tell which one it was.
    matches |= equal_in_constant_time(signature, "sha256=" + to_hex(hmac_sha256(secret.reveal(), request.body)));
  }
  if (matches) return {};
  return unauthenticated("the webhook's signature is wrong",
                         "the secret here and there differ, or something between them changes the body");
}

/// A Standard Webhooks secret is base64 after "whsec_"; anything else is taken as the key's bytes.
std::string standard_key(const Secret& secret) {
  std::string_view text = secret.reveal();
  if (!text.starts_with("whsec_")) return std::string(text);
  return base64_decode(text.substr(6)).value_or(std::string(text));
}

Status check_standard(const WebhookOptions& options, const std::vector<Secret>& secrets, const HttpRequest& request,
                      Time now) {
  std::string_view id = request.headers.get("webhook-id");
  std::string_view timestamp = request.headers.get("webhook-timestamp");
  std::string_view signatures = request.headers.get("webhook-signature");
  if (id.empty() || timestamp.empty() || signatures.empty()) {
    return unauthenticated("the webhook is not signed: webhook-id, webhook-timestamp or webhook-signature is missing",
                           "the sender must follow the Standard Webhooks specification");
  }
  long long seconds = 0;
  auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  if (error != std::errc{} || end != timestamp.data() + timestamp.size() || seconds < 0 ||
      seconds > 100'000'000'000LL) {
    return unauthenticated("the webhook's timestamp is not a number of seconds", "");
  }
  Duration age = now - from_micros(seconds * 1'000'000);
  if (age > options.timestamp_tolerance || age < -options.timestamp_tolerance) {
    return unauthenticated("the webhook's timestamp is too far from now",
                           "check the clocks; an old message cannot be replayed");
  }
  std::string content = std::string(id) + "." + std::string(timestamp) + "." + request.body;
  bool matches = false;
  for (const Secret& secret : secrets) {
    std::string expected = "v1," + base64_encode(signature_bytes(standard_key(secret), content));
    std::string_view rest = signatures;
    while (!rest.empty()) {
      std::string_view signature = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), signature.size() + 1));
      matches |= equal_in_constant_time(signature, expected);
    }
  }
  if (matches) return {};
  return unauthenticated("the webhook's signature is wrong",
                         "the secret here and there differ, or something between them changes the body");
}

std::string text_at(const json::value& body, std::string_view name) {
  const json::object* object = body.if_object();
  const json::value* value = object ? object->if_contains(name) : nullptr;
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

}  // namespace

Result<Event> webhook_event(const WebhookOptions& options, const std::vector<Secret>& secrets,
                            const HttpRequest& request, Time now, const Limits& limits) {
  switch (options.scheme) {
    case WebhookOptions::Scheme::kGithub:
      RETURN_IF_ERROR(check_github(secrets, request));
      break;
    case WebhookOptions::Scheme::kStandardWebhooks:
      RETURN_IF_ERROR(check_standard(options, secrets, request, now));
      break;
    case WebhookOptions::Scheme::kUnsigned:
      break;
  }
  JsonBounds bounds;
  bounds.bytes_max = limits.event_bytes_max;
  bounds.depth_max = limits.json_depth_max;
  ASSIGN_OR_RETURN(json::value body, parse_bounded_json(request.body, "the webhook's body", bounds));
  Event event;
  event.source = "webhook:" + options.path;
  event.time = now;
  event.data = request.body;
  event.tenant = options.tenant;
  event.agent = options.agent;
  event.trust = Trust::kExternal;
  event.traceparent = std::string(request.headers.get("traceparent"));
  if (options.scheme == WebhookOptions::Scheme::kGithub) {
    event.id = std::string(request.headers.get("x-github-delivery"));
    std::string kind(request.headers.get("x-github-event"));
    if (kind.empty()) {
      return fail(ErrorCode::kInvalidArgument, "X-GitHub-Event is missing", "this path takes GitHub's webhooks only");
    }
    std::string action = text_at(body, "action");
    event.type = (options.type_prefix.empty() ? "github" : options.type_prefix) + "." + kind +
                 (action.empty() ? "" : "." + action);
    event.attributes["github_event"] = kind;
  } else {
    event.id = std::string(request.headers.get("webhook-id"));
    std::string type = text_at(body, "type");
    event.type = (options.type_prefix.empty() ? "webhook" : options.type_prefix) + (type.empty() ? "" : "." + type);
  }
  if (event.id.empty()) {
    // Without an id of the sender, equal bodies are the same event: a repeated delivery must not act twice.
    event.id = "body-" + sha256_hex(request.body).substr(0, 32);
  }
  // GitHub greets a new webhook with a ping that has none of the payload the key is made of.
  if (!event.type.ends_with(".ping") && !options.key_template.empty()) {
    ASSIGN_OR_RETURN(event.key, render_key(options.key_template, event));
  }
  return event;
}

struct WebhookSource::Shared {
  Shared(WebhookOptions options_in, SecretsStore& secrets_in, Executor& workers_in, const Clock& clock_in,
         const Limits& limits_in)
      : options(std::move(options_in)), secrets(secrets_in), workers(workers_in), clock(clock_in), limits(limits_in) {}

  void take(const HttpRequest& request, const std::shared_ptr<HttpExchange>& exchange);

  const WebhookOptions options;
  SecretsStore& secrets;
  Executor& workers;
  const Clock& clock;
  const Limits& limits;
  std::atomic<bool> paused{false};
  std::mutex mutex;
  Accept accept;  // guarded by mutex; empty before start and after stop
};

namespace {

void answer(const std::shared_ptr<HttpExchange>& exchange, const Result<Sequence>& accepted) {
  if (!accepted.ok()) {
    Error error = accepted.error();
    // What our disk cannot take now, the sender shall bring again: 503 says that, 500 would not.
    if (error.code == ErrorCode::kStorage) return exchange->respond(error_response(503, error));
    return exchange->respond(error_response(error));
  }
  exchange->respond(json_response(202, json::object{{"accepted", true}, {"sequence", *accepted}}));
}

}  // namespace

void WebhookSource::Shared::take(const HttpRequest& request, const std::shared_ptr<HttpExchange>& exchange) {
  std::vector<Secret> values;
  for (const SecretReference& reference : options.secrets) {
    Result<Secret> secret = secrets.get(reference);
    // One of several may be missing while they are rotated; none at all is our configuration's fault, not the sender's.
    if (secret.ok()) {
      values.push_back(std::move(*secret));
    } else {
      log_warning("webhook", "a secret cannot be read", {{"path", options.path}, {"error", secret.error().text()}});
    }
  }
  if (values.empty() && options.scheme != WebhookOptions::Scheme::kUnsigned) {
    return answer(exchange, fail_retryable(ErrorCode::kUnavailable, "no secret of this webhook can be read",
                                           "see the log of the server"));
  }
  Result<Event> event = webhook_event(options, values, request, clock.now(), limits);
  if (!event.ok()) return answer(exchange, event.error());
  if (event->type.ends_with(".ping") && options.scheme == WebhookOptions::Scheme::kGithub) {
    return exchange->respond(json_response(200, json::object{{"pong", true}}));
  }
  Accept to;
  {
    std::lock_guard lock(mutex);
    to = accept;
  }
  if (!to) {
    return answer(exchange,
                  fail_retryable(ErrorCode::kUnavailable, "this webhook is not taking events now", "send it again"));
  }
  to(std::move(*event), [exchange](Result<Sequence> accepted) { answer(exchange, accepted); });
}

WebhookSource::WebhookSource(WebhookOptions options, SecretsStore& secrets, Executor& workers, const Clock& clock,
                             const Limits& limits)
    : shared_(std::make_shared<Shared>(std::move(options), secrets, workers, clock, limits)) {}

WebhookSource::~WebhookSource() { stop(); }

HttpHandler WebhookSource::handler() {
  return [shared = shared_](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    if (shared->paused.load(std::memory_order_acquire)) {
      return answer(exchange,
                    fail_retryable(ErrorCode::kMailboxFull, "the mailbox is full", "send it again later", 5'000));
    }
    if (static_cast<std::int64_t>(request.body.size()) > shared->limits.event_bytes_max) {
      return exchange->respond(error_response(
          413, fail(ErrorCode::kInvalidArgument,
                    "the event is larger than " + std::to_string(shared->limits.event_bytes_max) + " bytes",
                    "send less, or raise event_bytes_max")));
    }
    shared->workers.post(
        [shared, request = std::move(request), exchange = std::move(exchange)] { shared->take(request, exchange); });
  };
}

const std::string& WebhookSource::path() const { return shared_->options.path; }
std::string WebhookSource::name() const { return "webhook:" + shared_->options.path; }

Status WebhookSource::start(Accept accept) {
  if (shared_->options.secrets.empty() && shared_->options.scheme != WebhookOptions::Scheme::kUnsigned) {
    return fail(ErrorCode::kFailedPrecondition, "the webhook " + shared_->options.path + " has no secret",
                "name one: secret = \"env:...\" or \"file:...\"");
  }
  std::lock_guard lock(shared_->mutex);
  shared_->accept = std::move(accept);
  return {};
}

void WebhookSource::pause() { shared_->paused.store(true, std::memory_order_release); }
void WebhookSource::resume() { shared_->paused.store(false, std::memory_order_release); }

void WebhookSource::stop() {
  std::lock_guard lock(shared_->mutex);
  shared_->accept = {};
}

}  // namespace mnema
