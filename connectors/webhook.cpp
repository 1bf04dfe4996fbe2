#include "connectors/webhook.hpp"

#include <array>
#include <atomic>
#include <boost/json/object.hpp>
#include <mutex>
#include <optional>

#include "connectors/github_event.hpp"
#include "connectors/http/error_body.hpp"
#include "connectors/replay_window.hpp"
#include "runtime/base/json.hpp"
#include "runtime/base/log.hpp"
#include "runtime/base/sha256.hpp"
#include "runtime/base/utf8.hpp"

namespace mnema {
namespace json = boost::json;
namespace {

std::string text_at(const json::value& body, std::string_view name) {
  const json::object* object = body.if_object();
  const json::value* value = object ? object->if_contains(name) : nullptr;
  return value && value->is_string() ? std::string(value->get_string()) : std::string();
}

/// The value of `name` in an application/x-www-form-urlencoded body, decoded.
std::optional<std::string> form_field(std::string_view form, std::string_view name) {
  while (!form.empty()) {
    const std::string_view pair = form.substr(0, form.find('&'));
    form.remove_prefix(std::min(form.size(), pair.size() + 1));
    const std::size_t equals = pair.find('=');
    if (equals != std::string_view::npos && pair.substr(0, equals) == name) {
      return percent_decode(pair.substr(equals + 1), true);
    }
  }
  return std::nullopt;
}

/// Without parameters: "application/json".
std::string_view content_type_of(const HttpRequest& request) {
  std::string_view type = request.headers.get("content-type");
  type = type.substr(0, type.find(';'));
  while (type.ends_with(' ')) type.remove_suffix(1);
  return type;
}

bool is_form(const HttpRequest& request) {
  return equal_ignoring_case(content_type_of(request), "application/x-www-form-urlencoded");
}

/// "application/json", "application/cloudevents+json", or none said.
bool says_json(const HttpRequest& request) {
  std::string_view type = content_type_of(request);
  return type.empty() || (type.size() >= 4 && equal_ignoring_case(type.substr(type.size() - 4), "json"));
}

/// GitHub can send its JSON as a form's field. Many HTTP clients call every body a form that they were told nothing
/// about, so a body without that field is read as it is.
std::string payload_of(WebhookScheme scheme, const HttpRequest& request) {
  if (scheme != WebhookScheme::kGithub || !is_form(request)) return request.body;
  return form_field(request.body, "payload").value_or(request.body);
}

/// CloudEvents' expirytime: in binary mode a header, in structured mode a member of the body.
std::string expiry_of(const HttpRequest& request, const json::value& body) {
  if (equal_ignoring_case(content_type_of(request), "application/cloudevents+json")) return text_at(body, "expirytime");
  return std::string(request.headers.get("ce-expirytime"));
}

Status read_github(const WebhookOptions& options, const HttpRequest& request, const json::value& body,
                   WebhookDelivery& delivery) {
  Event& event = delivery.event;
  event.id = std::string(request.headers.get("x-github-delivery"));
  const std::string_view claimed = request.headers.get("x-github-event");
  if (event.id.empty() || claimed.empty()) {
    return fail(ErrorCode::kInvalidArgument, "X-GitHub-Event or X-GitHub-Delivery is missing",
                "this path takes GitHub's webhooks only");
  }
  const std::string kind = github_kind(body, claimed);
  if (kind != claimed) {
    log_warning("webhook", "X-GitHub-Event disagrees with the signed body, which is taken at its word",
                {{"path", options.path}, {"delivery", event.id}, {"kind", kind}});
  }
  const std::string action = text_at(body, "action");
  event.type = (options.type_prefix.empty() ? "github" : options.type_prefix) + "." + kind +
               (action.empty() ? "" : "." + action);
  event.attributes["github_event"] = kind;
  delivery.is_ping = kind == "ping";
  const std::optional<std::string_view> shape = github_shape(body);
  delivery.is_unique = !shape || !may_repeat_its_body(*shape);
  return {};
}

void read_other(const WebhookOptions& options, const HttpRequest& request, const json::value& body, Event& event) {
  event.id = std::string(request.headers.get("webhook-id"));
  // Only where nothing is signed: beside a signed id an unsigned one counts for nothing.
  if (event.id.empty() && options.scheme == WebhookScheme::kUnsigned) {
    event.id = std::string(request.headers.get("idempotency-key"));
  }
  const std::string type = text_at(body, "type");
  event.type = (options.type_prefix.empty() ? "webhook" : options.type_prefix) + (type.empty() ? "" : "." + type);
}

}  // namespace

Result<WebhookDelivery> read_webhook(const WebhookOptions& options, const std::vector<Secret>& secrets,
                                     const HttpRequest& request, Time now, const Limits& limits) {
  RETURN_IF_ERROR(check_webhook_signature(options.scheme, secrets, request, now, options.timestamp_tolerance));
  WebhookDelivery delivery;
  Event& event = delivery.event;
  event.data = payload_of(options.scheme, request);
  JsonBounds bounds;
  bounds.bytes_max = limits.event_bytes_max;
  bounds.depth_max = limits.json_depth_max;
  const Result<json::value> parsed = parse_bounded_json(event.data, "the webhook's body", bounds);
  if (!parsed.ok() && !says_json(request)) {
    return fail(ErrorCode::kUnsupported,
                "the webhook's content type is '" + to_utf8(content_type_of(request)) + "', and its body is not JSON",
                "send it as application/json");
  }
  if (!parsed.ok()) return parsed.error();
  const json::value& body = *parsed;
  event.source = "webhook:" + options.path;
  event.time = now;
  event.tenant = options.tenant;
  event.agent = options.agent;
  event.trust = Trust::kExternal;
  event.traceparent = std::string(request.headers.get("traceparent"));
  if (std::string expiry = expiry_of(request, body); !expiry.empty())
    event.attributes["expirytime"] = std::move(expiry);
  if (options.scheme == WebhookScheme::kGithub) {
    RETURN_IF_ERROR(read_github(options, request, body, delivery));
  } else {
    read_other(options, request, body, event);
  }
  return delivery;
}

struct WebhookSource::Shared : std::enable_shared_from_this<WebhookSource::Shared> {
  Shared(WebhookOptions options_in, SecretsStore& secrets_in, Executor& workers_in, const Clock& clock_in,
         Random& random_in, const Limits& limits_in)
      : options(std::move(options_in)),
        secrets(secrets_in),
        workers(workers_in),
        clock(clock_in),
        random(random_in),
        limits(limits_in),
        replays(options.replay_window, options.replay_bodies_max) {}

  void take(const HttpRequest& request, const std::shared_ptr<HttpExchange>& exchange);
  [[nodiscard]] std::vector<Secret> read_secrets();
  void hand_on(WebhookDelivery delivery, const Sha256Digest& body, const std::shared_ptr<HttpExchange>& exchange);
  void answer(HttpExchange& exchange, const std::string& id, const Result<Accepted>& accepted);
  void refuse(HttpExchange& exchange, const Error& error);

  enum Count { kAccepted, kDuplicate, kReplay, kConflict, kUnrouted, kUnauthenticated, kRefused, kCounts };
  void count(Count what) { counts[what].fetch_add(1, std::memory_order_relaxed); }
  [[nodiscard]] long long counted(Count what) const { return counts[what].load(std::memory_order_relaxed); }

  const WebhookOptions options;
  SecretsStore& secrets;
  Executor& workers;
  const Clock& clock;
  Random& random;
  const Limits& limits;
  ReplayWindow replays;
  std::array<std::atomic<long long>, kCounts> counts{};
  std::atomic<bool> paused{false};
  std::mutex mutex;
  Accept accept;  // guarded by mutex; empty before start and after stop
};

void WebhookSource::Shared::refuse(HttpExchange& exchange, const Error& error) {
  count(error.code == ErrorCode::kUnauthenticated ? kUnauthenticated : kRefused);
  switch (error.code) {
    // What our disk cannot take now, the sender shall bring again: 503 says that, 500 would not.
    case ErrorCode::kStorage:
      return exchange.respond(error_response(503, error));
    case ErrorCode::kUnsupported:
      return exchange.respond(error_response(415, error));
    default:
      return exchange.respond(error_response(error));
  }
}

void WebhookSource::Shared::answer(HttpExchange& exchange, const std::string& id, const Result<Accepted>& accepted) {
  if (!accepted.ok()) {
    // Subscribing is the agents' business: to the sender, who signed it rightly, its webhook works.
    if (is_unrouted(accepted.error())) {
      count(kUnrouted);
      return exchange.respond(
          json_response(200, json::object{{"accepted", false}, {"reason", accepted.error().message}}));
    }
    return refuse(exchange, accepted.error());
  }
  if (accepted->differs) {
    count(kConflict);
    log_warning("webhook", "a delivery has the id of another one",
                {{"path", options.path}, {"id", id}, {"event", accepted->sequence}});
    return exchange.respond(
        error_response(409, fail(ErrorCode::kAlreadyExists,
                                 "the delivery '" + id + "' was taken before, as event " +
                                     std::to_string(accepted->sequence) + ", with another body",
                                 "give every delivery an id of its own, and repeat one only as it was")));
  }
  count(accepted->duplicate ? kDuplicate : kAccepted);
  json::object body{{"accepted", true}, {"sequence", accepted->sequence}};
  if (accepted->duplicate) body["duplicate"] = true;
  exchange.respond(json_response(202, body));
}

std::vector<Secret> WebhookSource::Shared::read_secrets() {
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
  return values;
}

void WebhookSource::Shared::take(const HttpRequest& request, const std::shared_ptr<HttpExchange>& exchange) {
  const std::vector<Secret> values = read_secrets();
  if (values.empty() && options.scheme != WebhookScheme::kUnsigned) {
    return refuse(*exchange, fail_retryable(ErrorCode::kUnavailable, "no secret of this webhook can be read",
                                            "see the log of the server"));
  }
  Result<WebhookDelivery> delivery = read_webhook(options, values, request, clock.now(), limits);
  if (!delivery.ok()) return refuse(*exchange, delivery.error());
  if (delivery->is_ping) return exchange->respond(json_response(200, json::object{{"pong", true}}));
  if (delivery->event.id.empty()) delivery->event.id = "drawn-" + random.uuid();
  hand_on(std::move(*delivery), sha256(request.body), exchange);
}

void WebhookSource::Shared::hand_on(WebhookDelivery delivery, const Sha256Digest& body,
                                    const std::shared_ptr<HttpExchange>& exchange) {
  Accept to;
  {
    const std::scoped_lock lock(mutex);
    to = accept;
  }
  if (!to) {
    return refuse(*exchange,
                  fail_retryable(ErrorCode::kUnavailable, "this webhook is not taking events now", "send it again"));
  }
  const bool is_watched = options.scheme == WebhookScheme::kGithub && delivery.is_unique;
  const std::string id = delivery.event.id;
  if (is_watched) {
    switch (replays.begin(body, id, clock.monotonic_now())) {
      case ReplayWindow::Verdict::kNew:
        break;
      case ReplayWindow::Verdict::kBusy:
        return refuse(*exchange,
                      fail_retryable(ErrorCode::kUnavailable, "this body is being taken under another delivery's id",
                                     "send it again", 1'000));
      case ReplayWindow::Verdict::kReplay:
        count(kReplay);
        log_warning("webhook", "a body that was taken came again under another id; no event is made of it",
                    {{"path", options.path}, {"delivery", id}});
        return exchange->respond(json_response(202, json::object{{"accepted", true}, {"duplicate", true}}));
    }
  }
  EventBatch batch = batch_of(std::move(delivery.event));
  batch.key_template = options.key_template;
  to(std::move(batch),
     answer_of_one([self = shared_from_this(), exchange, body, is_watched, id](const Result<Accepted>& accepted) {
       if (is_watched) self->replays.settle(body, id, accepted.ok() && !accepted->differs);
       self->answer(*exchange, id, accepted);
     }));
}

WebhookSource::WebhookSource(WebhookOptions options, SecretsStore& secrets, Executor& workers, const Clock& clock,
                             Random& random, const Limits& limits)
    : shared_(std::make_shared<Shared>(std::move(options), secrets, workers, clock, random, limits)) {}

WebhookSource::~WebhookSource() { stop(); }

HttpHandler WebhookSource::handler() {
  return [shared = shared_](HttpRequest request, std::shared_ptr<HttpExchange> exchange) {
    if (shared->paused.load(std::memory_order_acquire)) {
      return shared->refuse(*exchange, fail_retryable(ErrorCode::kMailboxFull, "the mailbox is nearly full",
                                                      "send it again later", shared->limits.mailbox_retry_after_ms));
    }
    if (static_cast<std::int64_t>(request.body.size()) > shared->limits.event_bytes_max) {
      shared->count(Shared::kRefused);
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
  if (shared_->options.secrets.empty() && shared_->options.scheme != WebhookScheme::kUnsigned) {
    return fail(ErrorCode::kFailedPrecondition, "the webhook " + shared_->options.path + " has no secret",
                "name one: secret = \"env:...\" or \"file:...\"");
  }
  for (const Secret& secret : shared_->read_secrets()) {
    if (const Status usable = check_webhook_secret(shared_->options.scheme, secret); !usable.ok()) {
      Error error = usable.error();
      error.message = "the webhook " + shared_->options.path + ": " + error.message;
      return error;
    }
  }
  const std::scoped_lock lock(shared_->mutex);
  shared_->accept = std::move(accept);
  return {};
}

void WebhookSource::pause() { shared_->paused.store(true, std::memory_order_release); }
void WebhookSource::resume() { shared_->paused.store(false, std::memory_order_release); }

void WebhookSource::drain() {
  const std::scoped_lock lock(shared_->mutex);
  shared_->accept = {};
}

// Its answers are the exchanges', which end with the server.
void WebhookSource::stop() { drain(); }

std::optional<std::string> WebhookSource::tenant() const { return shared_->options.tenant; }

void WebhookSource::report(MetricsReport& metrics) const {
  const auto deliveries = [&metrics](const char* result, long long count) {
    metrics.counter("mnema_webhook_deliveries_total", "Webhook requests by what became of them",
                    static_cast<double>(count), {{"result", result}});
  };
  const Counts now = counts();
  deliveries("accepted", now.accepted);
  deliveries("duplicate", now.duplicates);
  deliveries("replay", now.replays);
  deliveries("conflict", now.conflicts);
  deliveries("unrouted", now.unrouted);
  deliveries("unauthenticated", now.unauthenticated);
  deliveries("refused", now.refused);
}

WebhookSource::Counts WebhookSource::counts() const {
  return {shared_->counted(Shared::kAccepted), shared_->counted(Shared::kDuplicate),
          shared_->counted(Shared::kReplay),   shared_->counted(Shared::kConflict),
          shared_->counted(Shared::kUnrouted), shared_->counted(Shared::kUnauthenticated),
          shared_->counted(Shared::kRefused)};
}

}  // namespace mnema
