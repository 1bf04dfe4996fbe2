// connectors/kafka/consumer.hpp
//
// A member of a consumer group whose records go into the mailbox, as a state machine on the loop:
//
//   assigned   positions are read off the loop (assignment.hpp), then the partitions are fetched from there
//   gather     records are polled up to a batch's bounds, without waiting
//   store      one batch at a time is on its way: mapped on a worker, stored with its offsets in one transaction. While
//              it is, the next one is gathered. A batch that is refused for now comes again, whole, and nothing after
//              it overtakes it
//   commit     once a second the broker is told what is ours (or, with `ack = done`, what is handled)
//   revoked    the batch that is on its way is waited for and committed first, for a bounded time. What is still on its
//              way then, or when the assignment is lost, is not tried again: those records come to whoever has their
//              partition next, and if that is us, its position is read when the last try is answered
//
// Everything between a crash and a commit is sent again by the broker and known by its offset. Fetching is paused while
// the mailbox is near a bound (`pause`), and when a batch has been on its way for a second: the member goes on polling
// either way, so that the group does not take its partitions away.
//
// Threads:   confined to the loop thread, except `counts` and `client().problem()`.
// Ownership: shared with what it posts; borrows the rest, which outlives it.
// Invariant: those of its partitions (partitions.hpp); one batch at a time is on its way.
#pragma once

#include <array>
#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/kafka/assignment.hpp"
#include "connectors/kafka/batch.hpp"
#include "connectors/kafka/event_queue.hpp"
#include "connectors/kafka/partitions.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

struct KafkaConsumerOptions {
  std::vector<std::string> topics;
  std::string group;
  bool from_latest = false;  // where neither we nor the group have an offset
  bool acknowledges_done = false;
  std::size_t batch_records_max = 1'000;
  std::int64_t batch_bytes_max = 8 << 20;  // a larger record is a batch by itself
};

struct KafkaConsumerParts {
  Loop& loop;
  Executor& workers;
  Executor& blocking;
  Database& database;
  Mailbox& mailbox;
  const Clock& clock;
  const Limits& limits;
};

class KafkaConsumer : public std::enable_shared_from_this<KafkaConsumer> {
 public:
  struct Counts {
    long long accepted = 0;
    long long duplicates = 0;  // known by their id
    long long dead = 0;        // no events, or refused
    long long unrouted = 0;    // no agent asks for them
    long long skipped = 0;     // sent again, and known by their offset
    long long assignments = 0;
    long long epochs = 0;  // begun because of a reset or a new topic
    long long lost = 0;    // deleted by the topic's retention before they were read
    long long commits = 0;
    long long pauses = 0;
    long long lag = 0;  // records behind the ends of the partitions, as far as they are known
  };

  KafkaConsumer(KafkaConsumerOptions options, KafkaBatchRules rules, std::shared_ptr<KafkaClient> client,
                const KafkaConsumerParts& parts);

  /// Joins the group. Not on the loop: before it runs, or from another thread. Errors: `kInvalidArgument` (a topic's
  /// name), `kResourceExhausted`.
  [[nodiscard]] Status start(Accept accept);
  void pause(bool is_paused);
  /// Fetches no more; the batch that is on its way is stored and committed.
  void drain();
  /// Polls no more. What is on its way is still answered.
  void stop();
  /// Leaves the group (client.hpp), unless something on its way keeps the client until it is answered. On a thread that
  /// may wait, when the loop has ended.
  void close();
  void settled(Sequence sequence);

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const std::shared_ptr<KafkaClient>& client() const { return client_; }
  void check_integrity() const { partitions_.check_integrity(); }

 private:
  // Polling.
  void schedule_poll();
  void poll();
  [[nodiscard]] bool has_capacity() const;
  void handle(KafkaEvent event);
  void gather(KafkaEvent event);
  void on_partition_error(const KafkaEvent& event, rd_kafka_topic_partition_t& partition);
  void tick();
  // Batches.
  void send_next();
  void send(const std::shared_ptr<KafkaBatch>& batch);
  void answered(const std::shared_ptr<KafkaBatch>& batch, const Result<AcceptResults>& results);
  void refused(const std::shared_ptr<KafkaBatch>& batch, const Error& why);
  void read_again();
  void stored(const KafkaBatch& batch);
  // Groups.
  void void_reads();
  void on_rebalance(const KafkaEvent& event);
  void read_positions(const std::vector<KafkaPartitionName>& assigned, Duration delay);
  void assign(const std::vector<KafkaPartitionName>& assigned, const KafkaPositions& positions);
  void advance_revocation();
  void unassign();
  void release(const rd_kafka_topic_partition_list_t& list);
  void read_ends(const std::string& topic, std::int32_t number, Duration delay);
  void restart(const KafkaPartitionState& state, const KafkaStart& start);
  void fetch_again(const std::string& topic, std::int32_t number);
  void drop_gathered(const std::string& topic, std::int32_t number, std::int64_t offset);
  void drop_orphans();
  [[nodiscard]] bool is_on_its_way(const std::vector<KafkaPartitionName>& names) const;
  [[nodiscard]] bool is_cooperative() const;
  void alarm(const KafkaPartitionState& state, const std::string& why);
  // Commits and pauses.
  void commit();
  void on_commit(const KafkaEvent& event);
  void apply_pause();
  void measure_lag();

  const KafkaConsumerOptions options_;
  const KafkaConsumerParts parts_;
  std::shared_ptr<KafkaClient> client_;
  std::shared_ptr<KafkaBatchRules> rules_;
  std::shared_ptr<Strand> mapping_;
  std::unique_ptr<KafkaEventQueue> queue_;
  Accept accept_;

  KafkaPartitionStates partitions_;
  std::shared_ptr<KafkaBatch> gathered_;
  std::shared_ptr<KafkaBatch> on_its_way_;
  bool is_unanswered_ = false;                // its try; else it waits for the next one
  std::vector<KafkaPartitionName> orphaned_;  // of its partitions, those that were taken away during that try
  std::vector<std::vector<KafkaPartitionName>> put_off_;  // assigned, to be read when the try is answered
  MonotonicTime sent_at_{};
  std::uint64_t assignment_ = 0;  // counts rebalances: what was asked for an earlier one is void
  std::optional<std::vector<KafkaPartitionName>> revoked_;  // waits for what is on its way
  MonotonicTime revoked_at_{};
  bool revocation_commits_ = false;
  bool commit_is_out_ = false;
  bool poll_is_posted_ = false;
  bool is_pressed_ = false;  // by the mailbox
  bool is_stalled_ = false;  // by a batch that does not get on
  bool is_paused_ = false;   // at librdkafka
  bool is_drained_ = false;
  bool is_stopped_ = false;

  enum Count {
    kAccepted,
    kDuplicates,
    kDead,
    kUnrouted,
    kSkipped,
    kAssignments,
    kEpochs,
    kLost,
    kCommits,
    kPauses,
    kLag,
    kCountsEnd
  };
  void add(Count what, long long number) { counts_[what].fetch_add(number, std::memory_order_relaxed); }
  std::array<std::atomic<long long>, kCountsEnd> counts_{};
};

}  // namespace mnema
