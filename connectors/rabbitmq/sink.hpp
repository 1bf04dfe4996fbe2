// connectors/rabbitmq/sink.hpp
//
// Outbox messages as persistent messages of an exchange, with publisher confirms: a message has left when the broker
// says that it is kept. Its message_id is the idempotency key (a longer one than AMQP takes, as SHA-256 in
// hexadecimal), the same every time: one whose confirmation was lost is sent again by the outbox, at least once.
// Headers: mnema-agent, mnema-key, traceparent.
//
// What no queue takes comes back to us (`mandatory`) and is retryable, as is what the broker refuses: a binding may be
// made, a node may come back, a full queue may be read. `problem` says so meanwhile.
//
// Messages that come together leave together: one waits `linger_ms` for others at most.
// `limits.rabbitmq_unconfirmed_max` messages and `limits.rabbitmq_unsent_bytes_max` bytes are on their way at a time;
// further ones wait, `timeout_ms` at most. A message that is not confirmed in that time ends the connection, as it may
// be neither lost nor there: all that is unconfirmed is answered as retryable. While RabbitMQ is away nothing waits
// here: it goes back to the outbox, which has other destinations.
//
// Threads:   `deliver`, `stop`, `report`, `problem` from any thread; the connection lives on the loop.
// Ownership: borrows its parts, which outlive it. A delivery that runs outlives the sink.
// Invariant: each delivery is answered once: by the broker, by the end of its connection, or because it never left.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/rabbitmq/link.hpp"

namespace mnema {

struct RabbitmqSinkOptions {
  std::string name;  // in the configuration
  RabbitmqClientOptions client;
  std::string exchange;  // "" = the default one, whose routing keys are names of queues
  std::string
      routing_key;  // with braces a template (runtime/events/key_template.hpp) over the body and {key}, {agent},
                    // {destination}, {tenant}
  int linger_ms = 5;
  int timeout_ms = 60'000;
  std::int64_t message_bytes_max = 16 << 20;  // a broker closes the channel over a larger one than it takes
};

class RabbitmqSink final : public Sink {
 public:
  /// Errors: `kInvalidArgument` (a name that is too long, a template). A broker that does not answer is none.
  [[nodiscard]] static Result<std::unique_ptr<RabbitmqSink>> open(RabbitmqSinkOptions options,
                                                                  const RabbitmqClientParts& parts);
  ~RabbitmqSink() override;

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;
  void stop() override;
  void report(MetricsReport& metrics) const override;
  [[nodiscard]] std::optional<std::string> problem() const override;

 private:
  struct Shared;
  explicit RabbitmqSink(std::shared_ptr<Shared> shared);
  const std::shared_ptr<Shared> shared_;
};

}  // namespace mnema
