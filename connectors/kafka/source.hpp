// connectors/kafka/source.hpp
//
// Events from the topics of a Kafka cluster. A record is ours when the commit that holds its event and its offset is on
// disk; only then is the broker told (consumer.hpp). What is no event (not JSON, too large, a key's place missing) is a
// dead letter with the record's bytes and the reason, and its partition goes on; what no agent asks for is counted and
// passed over.
//
// The group rebalances eagerly (`range`) with librdkafka before 2.10, whose cooperative protocol loses assignments, and
// cooperatively after. That is cheap here: a rebalance waits for one batch.
//
// Threads:   `start` may read secrets and files: not on the loop. The others from any thread; none blocks.
// Ownership: the registry owns it; borrows its parts, which outlive it. It is destroyed when the loop has
//            ended; it leaves its group when it is stopped, at the latest then.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>

#include "connectors/connector.hpp"
#include "connectors/kafka/client.hpp"
#include "connectors/kafka/consumer.hpp"
#include "runtime/exec/loop.hpp"

namespace mnema {

struct KafkaSourceOptions {
  std::string name;  // in the configuration; "kafka:NAME" is what its events' source begins with
  KafkaClientOptions client;
  KafkaConsumerOptions consumer;
  KafkaMapping mapping;  // `source` is made of the name
  std::string key_template;
  Dedupe dedupe = Dedupe::kByOffset;
  std::string instance_id;                   // static membership; "" = none
  std::shared_ptr<SchemaRegistry> registry;  // with mapping.schema_kind
};

class KafkaSource final : public Source {
 public:
  /// `parts.loop` is `loop`.
  KafkaSource(KafkaSourceOptions options, SecretsStore& secrets, Loop& loop, const KafkaConsumerParts& parts);
  ~KafkaSource() override;

  [[nodiscard]] std::string name() const override;  // "kafka:orders"
  [[nodiscard]] std::optional<std::string> tenant() const override;
  /// Errors: `kInvalidArgument` (a setting), those of the secret. A broker that does not answer is none: it may come
  /// later, and `problem` says so until then.
  [[nodiscard]] Status start(Accept accept) override;
  void pause() override;
  void resume() override;
  void drain() override;
  void stop() override;
  [[nodiscard]] bool is_leaving() const override;
  /// As replay.hpp says, of the partitions that this node reads.
  void replay(const ReplayRequest& request, std::function<void(Result<ReplayReport>)> done) override;
  void report(MetricsReport& metrics) const override;
  [[nodiscard]] std::optional<std::string> problem() const override;

  [[nodiscard]] KafkaConsumer::Counts counts() const;

 private:
  void post(void (*work)(KafkaConsumer&)) const;

  const KafkaSourceOptions options_;
  SecretsStore& secrets_;
  Loop& loop_;
  const KafkaConsumerParts parts_;
  const std::shared_ptr<SchemaVersions> versions_;
  std::shared_ptr<KafkaConsumer> consumer_;  // null until started
  std::atomic<bool> is_stopped_ = false;
};

}  // namespace mnema
