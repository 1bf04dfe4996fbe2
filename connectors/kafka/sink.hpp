// connectors/kafka/sink.hpp
//
// Outbox messages as records of a topic, by an idempotent producer: what librdkafka repeats by itself is written once,
// and in order. A message whose answer was lost is sent again by the outbox, under the same idempotency key (a header):
// at least once. For exactly once see transaction_sink.hpp.
//
// A producer that cannot go on is given up for a new one; what waited in it is answered as retryable.
//
// Records of several messages leave together: one waits `linger` for others.
//
// Threads:   `deliver`, `stop`, `report`, `problem` from any thread; delivery reports are read on the loop.
// Ownership: borrows its parts, which outlive it. A delivery that runs outlives the sink.
// Invariant: each delivery is answered once: by its report, or because it never left.
#pragma once

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/kafka/client.hpp"
#include "connectors/kafka/event_queue.hpp"
#include "runtime/exec/loop.hpp"

namespace mnema {

struct KafkaSinkOptions {
  std::string name;  // in the configuration
  KafkaClientOptions client;
  std::string topic;
  std::string record_key;  // template (connectors/message_template.hpp); "" = the message's key
  int linger_ms = 5;
  int timeout_ms = 60'000;  // until a record counts as not sent
};

class KafkaSink final : public Sink {
 public:
  /// Errors: `kInvalidArgument` (a setting), those of the secret. A broker that does not answer is none.
  [[nodiscard]] static Result<std::unique_ptr<KafkaSink>> open(KafkaSinkOptions options, Loop& loop,
                                                               const KafkaClient::Parts& parts);
  ~KafkaSink() override;

  void deliver(OutboxMessage message, Executor& reply_to, std::function<void(Status)> done) override;
  void stop() override;
  void report(MetricsReport& metrics) const override;
  [[nodiscard]] std::optional<std::string> problem() const override;

 private:
  struct Shared;
  explicit KafkaSink(std::shared_ptr<Shared> shared);
  const std::shared_ptr<Shared> shared_;
};

}  // namespace mnema
