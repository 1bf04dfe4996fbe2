// connectors/kafka/client_member.hpp
//
// The member of a group that librdkafka is.
//
// Threads, ownership: member.hpp. Whoever releases it last leaves the group (client.hpp), unless something that was
// fetched keeps the client.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/event_queue.hpp"
#include "connectors/kafka/member.hpp"

namespace mnema {

class KafkaClientMember final : public KafkaMember {
 public:
  /// `client` is a consumer that gives fetches, rebalances and commits as events.
  KafkaClientMember(Loop& loop, std::shared_ptr<KafkaClient> client, std::string group)
      : loop_(loop), client_(std::move(client)), group_(std::move(group)) {}

  [[nodiscard]] Status join(const std::vector<std::string>& topics, std::function<void()> on_ready) override;
  void leave() override;
  void join_again() override;
  [[nodiscard]] std::optional<KafkaMemberEvent> poll() override;
  [[nodiscard]] bool is_cooperative() const override;
  void assign(const std::vector<KafkaPartitionOffset>& partitions) override;
  void unassign(const std::vector<KafkaPartitionName>& partitions) override;
  void set_paused(const std::vector<KafkaPartitionName>& partitions, bool is_paused) override;
  [[nodiscard]] bool commit(const std::vector<KafkaPartitionOffset>& partitions) override;
  [[nodiscard]] std::int64_t known_end(const KafkaPartitionName& of) const override;
  [[nodiscard]] Result<KafkaGroupOffsets> committed(const std::vector<KafkaPartitionName>& of) override;
  [[nodiscard]] std::string id() override;
  [[nodiscard]] Result<std::vector<std::string>> others() override;
  [[nodiscard]] Result<KafkaWatermarks> ends(const KafkaPartitionName& of) override;
  [[nodiscard]] Result<std::vector<std::int64_t>> offsets_at(const std::vector<KafkaPartitionName>& of,
                                                             Time time) override;

  [[nodiscard]] const std::string& name() const override { return client_->name(); }
  [[nodiscard]] std::optional<std::string> problem() const override { return client_->problem(); }
  void set_problem(const std::string& problem) override { client_->set_problem(problem); }
  void note_working() override { client_->note_working(); }
  [[nodiscard]] bool is_fatal() const override { return client_->is_fatal(); }
  void tick() override { client_->retry_login(); }
  [[nodiscard]] bool leave_for_good() override { return client_->leave(); }
  void close() override { queue_.reset(); }

 private:
  [[nodiscard]] rd_kafka_resp_err_t subscribe() const;
  [[nodiscard]] std::optional<KafkaMemberEvent> read(KafkaEvent event);
  void note(const KafkaError& error);

  Loop& loop_;
  const std::shared_ptr<KafkaClient> client_;
  const std::string group_;
  std::vector<std::string> topics_;
  std::unique_ptr<KafkaEventQueue> queue_;
};

}  // namespace mnema
