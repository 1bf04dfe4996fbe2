#include "connectors/webhook_signature.hpp"

#include <charconv>
#include <optional>
#include <string>

#include "connectors/base64.hpp"
#include "runtime/base/sha256.hpp"

namespace mnema {
namespace {

Error unauthenticated(std::string what, std::string hint) {
  return fail(ErrorCode::kUnauthenticated, std::move(what), std::move(hint));
}

Error wrong_signature() {
  return unauthenticated("the webhook's signature is wrong",
                         "the secret here and there differ, or something between them changes the body");
}

/// The raw digest, as base64 is made of it.
std::string signature_bytes(std::string_view key, std::string_view bytes) {
  const Sha256Digest digest = hmac_sha256(key, bytes);
  return std::string(digest.begin(), digest.end());
}

/// None: the secret is malformed.
std::optional<std::string> standard_key(const Secret& secret) {
  const std::string_view text = secret.reveal();
  if (!text.starts_with("whsec_")) return std::string(text);
  return base64_decode(text.substr(6));
}

Status check_github(const std::vector<Secret>& secrets, const HttpRequest& request) {
  const std::string_view signature = request.headers.get("x-hub-signature-256");
  if (signature.empty()) {
    return unauthenticated("the webhook is not signed: X-Hub-Signature-256 is missing",
                           "set the same secret in the repository's webhook settings and here");
  }
  bool matches = false;
  for (const Secret& secret : secrets) {
    matches |= equal_in_constant_time(signature, "sha256=" + to_hex(hmac_sha256(secret.reveal(), request.body)));
  }
  if (matches) return {};
  return wrong_signature();
}

Status check_standard(const std::vector<Secret>& secrets, const HttpRequest& request, Time now, Duration tolerance) {
  const std::string_view id = request.headers.get("webhook-id");
  const std::string_view timestamp = request.headers.get("webhook-timestamp");
  const std::string_view signatures = request.headers.get("webhook-signature");
  if (id.empty() || timestamp.empty() || signatures.empty()) {
    return unauthenticated("the webhook is not signed: webhook-id, webhook-timestamp or webhook-signature is missing",
                           "the sender must follow the Standard Webhooks specification");
  }
  long long seconds = 0;
  const auto [end, error] = std::from_chars(timestamp.data(), timestamp.data() + timestamp.size(), seconds);
  if (error != std::errc{} || end != timestamp.data() + timestamp.size() || seconds < 0 ||
      seconds > 100'000'000'000LL) {
    return unauthenticated("the webhook's timestamp is not a number of seconds", "");
  }
  const Duration age = now - from_micros(seconds * 1'000'000);
  if (age > tolerance || age < -tolerance) {
    return unauthenticated("the webhook's timestamp is too far from now",
                           "check the clocks; an old message cannot be replayed");
  }
  const std::string content = std::string(id) + "." + std::string(timestamp) + "." + request.body;
  bool matches = false;
  for (const Secret& secret : secrets) {
    const std::optional<std::string> key = standard_key(secret);
    if (!key) continue;
    const std::string expected = "v1," + base64_encode(signature_bytes(*key, content));
    std::string_view rest = signatures;
    while (!rest.empty()) {
      const std::string_view signature = rest.substr(0, rest.find(' '));
      rest.remove_prefix(std::min(rest.size(), signature.size() + 1));
      matches |= equal_in_constant_time(signature, expected);
    }
  }
  if (matches) return {};
  return wrong_signature();
}

}  // namespace

Status check_webhook_secret(WebhookScheme scheme, const Secret& secret) {
  if (scheme != WebhookScheme::kStandardWebhooks) return {};
  const std::optional<std::string> key = standard_key(secret);
  if (key && !key->empty()) return {};
  return fail(ErrorCode::kInvalidArgument, "a webhook secret begins with 'whsec_', and what follows is not base64",
              "copy it again from the sender, with its padding");
}

Status check_webhook_signature(WebhookScheme scheme, const std::vector<Secret>& secrets, const HttpRequest& request,
                               Time now, Duration timestamp_tolerance) {
  switch (scheme) {
    case WebhookScheme::kGithub:
      return check_github(secrets, request);
    case WebhookScheme::kStandardWebhooks:
      return check_standard(secrets, request, now, timestamp_tolerance);
    case WebhookScheme::kUnsigned:
      return {};
  }
  return {};
}

}  // namespace mnema
