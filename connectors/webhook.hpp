// connectors/webhook.hpp
//
// Events by HTTP POST. A request becomes an event only if its signature is right (webhook_signature.hpp), and is
// answered 202 only when the mailbox has it on disk.
//
// Whose event it is, and which one:
//   GitHub             id from X-GitHub-Delivery, type "github.<kind>.<action>", the kind by the signed body
//                      (github_event.hpp). Neither header is signed: a body that was taken within the last day under
//                      another id is a replay and makes no event, except kinds that honestly repeat
//                      (replay_window.hpp). The payload may also come form-encoded. Only GitHub's own ping event is
//                      answered at once and wakes nobody.
//   Standard Webhooks  id from webhook-id, which is signed; type from the body's "type".
//   unsigned           id from webhook-id or Idempotency-Key; type from the body's "type".
// An event is good until its `expirytime` (CloudEvents: the header ce-expirytime, or the member of a structured body).
// The mailbox remembers ids (limits.dedupe_entries_max): a sender that names its delivery may repeat it until it is
// answered. One that names none gets an id drawn here for each request, so that two equal bodies are two events; if
// such a sender repeats because it got no answer, that is a second event too.
//
// Answers: 202 accepted (a repeat too: "duplicate": true), 200 right but for no agent (counted), 400 not JSON or a part
// of the key missing, 401 wrong or missing signature, 409 the id was used for another body, 413 too large, 415 no
// JSON and labelled as something else (a form, XML), 429 with Retry-After mailbox full or paused, 503 cannot store now,
// or drained.
//
// Threads:   requests on the loop thread, which hands the hashing and parsing of each to `workers`; `pause`, `resume`,
//            `drain`, `stop`, `report` and `counts` from any thread. `start` may run commands to read secrets: not on
//            the loop.
// Ownership: the host owns it; its handler is mounted in the routes and keeps the shared state alive.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/http/exchange.hpp"
#include "connectors/secrets_store.hpp"
#include "connectors/webhook_signature.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/executor.hpp"

namespace mnema {

struct WebhookOptions {
  using Scheme = WebhookScheme;
  std::string path;                      // "/hooks/github"
  Scheme scheme = Scheme::kGithub;       // kUnsigned only for loopback and tests: the host refuses it elsewhere
  std::vector<SecretReference> secrets;  // any of them may have signed
  Duration timestamp_tolerance = std::chrono::minutes(5);
  std::string tenant = "local";
  std::string agent;         // agent type that shall handle it; "" = the router decides
  std::string key_template;  // runtime/events/key_template.hpp: "{/repository/full_name}#{/issue/number}";
                             // "" = the router makes the key by the agent's own template
  std::string type_prefix;   // "" = "github" / "webhook"
  // GitHub: for how long, and how many, bodies are remembered against replays under another id.
  Duration replay_window = std::chrono::hours(24);
  std::size_t replay_bodies_max = 16'384;
};

/// What a signed request becomes.
struct WebhookDelivery {
  Event event;            // its id is empty if the sender named none
  bool is_ping = false;   // GitHub's greeting: no event
  bool is_unique = true;  // GitHub: the same body under another id is a replay
};

/// Checks and reads a request, apart from sockets and threads. `secrets` are the values of `options.secrets`.
/// Errors: `kUnauthenticated`, `kInvalidArgument`, `kUnsupported` (by its content type it is not JSON).
[[nodiscard]] Result<WebhookDelivery> read_webhook(const WebhookOptions& options, const std::vector<Secret>& secrets,
                                                   const HttpRequest& request, Time now, const Limits& limits);

class WebhookSource final : public Source {
 public:
  /// `random` is used from any thread.
  WebhookSource(WebhookOptions options, SecretsStore& secrets, Executor& workers, const Clock& clock, Random& random,
                const Limits& limits);
  ~WebhookSource() override;

  /// What to mount at POST `path()`.
  [[nodiscard]] HttpHandler handler();
  [[nodiscard]] const std::string& path() const;

  [[nodiscard]] std::string name() const override;  // "webhook:/hooks/github"
  [[nodiscard]] std::optional<std::string> tenant() const override;
  /// Reads the secrets: one that is not there is a warning, as it may come later. Errors: `kFailedPrecondition` (none
  /// is configured), `kInvalidArgument` (one is malformed).
  [[nodiscard]] Status start(Accept accept) override;
  void pause() override;
  void resume() override;
  void drain() override;
  void stop() override;
  void report(MetricsReport& metrics) const override;

  struct Counts {
    long long accepted = 0;
    long long duplicates = 0;       // acknowledged again
    long long replays = 0;          // of a body under another id
    long long conflicts = 0;        // an id with another body
    long long unrouted = 0;         // signed, and no agent subscribes to them
    long long unauthenticated = 0;  // wrong or missing signature
    long long refused = 0;          // all others that made no event
  };
  [[nodiscard]] Counts counts() const;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mnema
