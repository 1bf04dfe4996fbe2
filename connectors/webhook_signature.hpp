// connectors/webhook_signature.hpp
//
// Who sent a webhook: its signature against the secrets that may have signed it. Every secret is tried and compared in
// constant time, so that neither the time nor the answer says which one it was or how near a forgery came.
//   GitHub             X-Hub-Signature-256: sha256=<hex HMAC-SHA256 of the raw body>. Nothing else is signed.
//   Standard Webhooks  webhook-signature: "v1,<base64 HMAC-SHA256 of id.timestamp.body>", several apart by blanks; a
//                      timestamp too far from now is refused
//                      (https://github.com/standard-webhooks/standard-webhooks/blob/main/spec/standard-webhooks.md)
//
// Threads: pure functions.
#pragma once

#include <vector>

#include "connectors/http/message.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"

namespace mnema {

enum class WebhookScheme { kGithub, kStandardWebhooks, kUnsigned };

/// Whether `secret` can be a key of `scheme`: after "whsec_" a Standard Webhooks secret is base64. Without that prefix,
/// and for GitHub, its bytes are the key. Errors: `kInvalidArgument`; the text does not show the secret.
[[nodiscard]] Status check_webhook_secret(WebhookScheme scheme, const Secret& secret);

/// Errors: `kUnauthenticated`.
[[nodiscard]] Status check_webhook_signature(WebhookScheme scheme, const std::vector<Secret>& secrets,
                                             const HttpRequest& request, Time now, Duration timestamp_tolerance);

}  // namespace mnema
