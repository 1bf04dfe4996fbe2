// connectors/rabbitmq/source.hpp
//
// Events from a queue of RabbitMQ. A message is ours when the commit that holds its event is on disk; then it is
// acknowledged, or, with `ack = done`, when its event has left the mailbox, so that it outlives the loss of the disk
// (consumer.hpp). A message that comes again is known by its id (delivery_mapping.hpp), as long as it is among the last
// `limits.dedupe_entries_max`. What is no event (not JSON, too large, a template's place missing, an id that is taken)
// is a dead letter with the message's bytes and the reason, and its queue goes on; if the acknowledgement is lost,
// there are two of it. What no agent asks for is counted and acknowledged.
//
// With `ack = done` a broker waits for an acknowledgement as long as its `consumer_timeout` says (30 minutes without a
// word); then it closes the channel and sends again, and what still waits here is known by its id.
//
// Threads:   all methods from any thread; none blocks.
// Ownership: the registry owns it; borrows its parts, which outlive it.
#pragma once

#include <memory>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/rabbitmq/consumer.hpp"

namespace mnema {

struct RabbitmqSourceOptions {
  std::string name;  // in the configuration; "rabbitmq:NAME" is what its events' source begins with
  RabbitmqClientOptions client;
  RabbitmqConsumerOptions consumer;
  MessageMapping mapping;  // `source` is made of the name
  std::string key_template;
};

class RabbitmqSource final : public Source {
 public:
  /// Errors: `kInvalidArgument` (a name that is too long).
  [[nodiscard]] static Result<std::unique_ptr<RabbitmqSource>> open(RabbitmqSourceOptions options,
                                                                    const RabbitmqClientParts& client,
                                                                    const RabbitmqConsumerParts& parts);

  [[nodiscard]] std::string name() const override;  // "rabbitmq:orders"
  [[nodiscard]] std::optional<std::string> tenant() const override;
  /// A broker that does not answer, or refuses us, is no error: that may change, and `problem` says so until then.
  [[nodiscard]] Status start(Accept accept) override;
  void pause() override;
  void resume() override;
  void drain() override;
  void stop() override;
  void report(MetricsReport& metrics) const override;
  [[nodiscard]] std::optional<std::string> problem() const override;

  [[nodiscard]] RabbitmqConsumer::Counts counts() const { return consumer_->counts(); }

 private:
  RabbitmqSource(RabbitmqSourceOptions options, const RabbitmqClientParts& client, const RabbitmqConsumerParts& parts);
  void post(void (*work)(RabbitmqConsumer&)) const;

  const RabbitmqSourceOptions options_;
  const RabbitmqConsumerParts parts_;
  std::shared_ptr<RabbitmqConsumer> consumer_;
};

}  // namespace mnema
