// connectors/rabbitmq/dial.hpp
//
// Where a broker is, and a stream to it: name, TCP, TLS. What may block (the resolver of the C library, secrets, files
// of certificates) happens on the executor for blocking calls; the rest on the loop, within a time.
//
// Threads:   the loop thread, except `parse_rabbitmq_brokers`.
// Ownership: a dial holds itself until it is answered.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/secrets_store.hpp"
#include "runtime/base/clock.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/base/result.hpp"
#include "runtime/base/secret.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/stream.hpp"

namespace mnema {

struct RabbitmqAddress {
  std::string host;
  std::uint16_t port = 5672;
  [[nodiscard]] std::string text() const;
};

/// "host:5672,[::1]:5673"; without ports those of AMQP, with or without TLS. Errors: `kInvalidArgument`.
[[nodiscard]] Result<std::vector<RabbitmqAddress>> parse_rabbitmq_brokers(const std::string& brokers, bool is_tls);

struct RabbitmqClientOptions {
  std::vector<RabbitmqAddress> brokers;  // tried one after the other
  std::string vhost = "/";
  std::string username;
  std::optional<SecretReference> password;
  bool tls = false;     // the broker's certificate is checked, and that it is of that host
  std::string ca_file;  // "" = the system's
  std::string certificate_file;
  std::string key_file;
  int heartbeat_s = 30;
};

struct RabbitmqClientParts {
  Loop& loop;
  Executor& blocking;
  SecretsStore& secrets;
  const Clock& clock;
  Random& random;
  const Limits& limits;
};

struct RabbitmqDialled {
  std::unique_ptr<Stream> stream;
  Secret password;
};

/// `done` runs once on the loop, after `time_max` at the latest (and what blocks). `options` outlives that. Errors:
/// `kUnavailable` (retryable), `kPermissionDenied` (TLS: one side does not trust the other), `kInvalidArgument` (a file
/// of certificates), those of the secret.
void dial_rabbitmq(std::shared_ptr<const RabbitmqClientOptions> options, std::size_t broker,
                   const RabbitmqClientParts& parts, Duration time_max,
                   std::function<void(Result<RabbitmqDialled>)> done);

}  // namespace mnema
