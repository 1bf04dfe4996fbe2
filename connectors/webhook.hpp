// connectors/webhook.hpp
//
// Events by HTTP POST. A request becomes an event only if its signature is right, and is answered 202 only when the
// mailbox has it on disk. Two signature schemes, each with several secrets so that they can be rotated:
//   GitHub             X-Hub-Signature-256: sha256=<hex HMAC-SHA256 of the raw body>; id from X-GitHub-Delivery;
//                      type "github.<X-GitHub-Event>.<action>"
//   Standard Webhooks  webhook-id, webhook-timestamp, webhook-signature: "v1,<base64 HMAC-SHA256 of
//   id.timestamp.body>";
//                      old and future timestamps are refused; type from the body's "type"
//                      (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
// A sender without ids is deduplicated by its bodies. GitHub's ping is answered and wakes nobody.
// Answers: 202 accepted (a repeat too), 400 not JSON or a part of the key missing, 401 wrong or missing signature,
// 413 too large, 429 with Retry-After mailbox full or paused, 503 cannot store now.
//
// Threads:   requests on the loop thread, which hands the hashing and parsing of each to `workers`; `pause`, `resume`
//            and `stop` from any thread.
// Ownership: the host owns it; its handler is mounted in the routes and keeps the shared state alive.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/http/exchange.hpp"
#include "connectors/secrets_store.hpp"
#include "runtime/clock.hpp"
#include "runtime/executor.hpp"
#include "runtime/limits.hpp"

namespace mnema {

struct WebhookOptions {
  enum class Scheme { kGithub, kStandardWebhooks, kUnsigned };
  std::string path;                      // "/hooks/github"
  Scheme scheme = Scheme::kGithub;       // kUnsigned only for loopback and tests: the host refuses it elsewhere
  std::vector<SecretReference> secrets;  // any of them may have signed
  Duration timestamp_tolerance = std::chrono::minutes(5);
  std::string tenant = "local";
  std::string agent;         // agent type that shall handle it; "" = the router decides
  std::string key_template;  // runtime/key_template.hpp: "{/repository/full_name}#{/issue/number}";
                             // "" = the router makes the key by the agent's own template
  std::string type_prefix;   // "" = "github" / "webhook"
};

/// What a signed request becomes, apart from sockets and threads. `secrets` are the values of `options.secrets`.
/// Errors: `kUnauthenticated`, `kInvalidArgument`.
[[nodiscard]] Result<Event> webhook_event(const WebhookOptions& options, const std::vector<Secret>& secrets,
                                          const HttpRequest& request, Time now, const Limits& limits);

class WebhookSource final : public Source {
 public:
  WebhookSource(WebhookOptions options, SecretsStore& secrets, Executor& workers, const Clock& clock,
                const Limits& limits);
  ~WebhookSource() override;

  /// What to mount at POST `path()`.
  [[nodiscard]] HttpHandler handler();
  [[nodiscard]] const std::string& path() const;

  [[nodiscard]] std::string name() const override;  // "webhook:/hooks/github"
  [[nodiscard]] Status start(Accept accept) override;
  void pause() override;
  void resume() override;
  void stop() override;

 private:
  struct Shared;
  std::shared_ptr<Shared> shared_;
};

}  // namespace mnema
