// connectors/kafka/consumer.hpp
//
// A member of a consumer group whose records go into the mailbox, as a state machine on the loop:
//
//   assigned   positions are read off the loop (assignment.hpp), then the partitions are fetched from there
//   gather     records are polled up to a batch's bounds, without waiting
//   schemas    with a schema registry, those that the batch names are found first; while the registry does not answer,
//              the batch is refused for now
//   store      one batch at a time is on its way: mapped on a worker, stored with its offsets in one transaction. While
//              it is, the next one is gathered. A batch that is refused for now comes again, whole, and nothing after
//              it overtakes it
//   commit     once a second the broker is told what is ours (or, with `ack = done`, what is handled). Where other
//              nodes may share the group, it is told after each batch: what it does not know when we die, another node
//              is given as well
//   revoked    the batch that is on its way is waited for and committed first, for a bounded time. What is still on its
//              way then, or when the assignment is lost, is not tried again: those records come to whoever has their
//              partition next, and if that is us, its position is read when the last try is answered
//   replay       when what is on its way is answered, the partitions are released, and begin anew when the new epochs
//                are on disk
//
// A stateful agent's keys must not move to another node, which has not their state: a member that finds others in the
// group, and has not been alone in it since it joined, leaves, says so, and tries again every few seconds. So a node
// that stands by takes over when the one before it has gone or hangs; that one stands by when it comes back, as it has
// to join anew.
//
// Everything between a crash and a commit is sent again by the broker and known by its offset. Fetching is paused while
// the mailbox is near a bound (`pause`), and when a batch has been on its way for a second: the member goes on polling
// either way, so that the group does not take its partitions away.
//
// Threads:   confined to the loop thread, except `counts` and `member().problem()`. `accept` answers what is stored on
//            the loop thread, or an event could be settled before it is known to be unfinished.
// Ownership: shared with what it posts; borrows the rest, which outlives it.
// Invariant: those of its partitions (partitions.hpp); one batch at a time is on its way.
#pragma once

#include <array>
#include <atomic>
#include <chrono>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/kafka/assignment.hpp"
#include "connectors/kafka/batch.hpp"
#include "connectors/kafka/member.hpp"
#include "connectors/kafka/partitions.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/base/random.hpp"
#include "runtime/exec/executor.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

struct KafkaConsumerOptions {
  std::vector<std::string> topics;
  std::string group;
  bool from_latest = false;  // where neither we nor the group have an offset
  bool acknowledges_done = false;
  std::string stateful_agent;             // whose state is on this node: no second node may read for it; "" = any may
  std::size_t batch_records_max = 1'000;  // beside `limits.accept_batch_events_max`
};

struct KafkaConsumerParts {
  Executor& loop;
  Executor& workers;
  Executor& blocking;
  Database& database;
  Mailbox& mailbox;
  const Clock& clock;
  Random& random;
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
    long long lag = 0;          // records behind the ends of the partitions, as far as they are known
    long long uncommitted = 0;  // that are ours, and that another node would be given as well if we died now
  };

  KafkaConsumer(KafkaConsumerOptions options, KafkaBatchRules rules, std::shared_ptr<KafkaMember> member,
                const KafkaConsumerParts& parts);

  /// Joins the group. Not on the loop: before it runs, or from another thread. Errors: `kInvalidArgument` (a topic's
  /// name), `kResourceExhausted`.
  [[nodiscard]] Status start(Accept accept);
  void pause(bool is_paused);
  /// Fetches no more; the batch that is on its way is stored and committed.
  void drain();
  /// Polls no more, and leaves the group when what is on its way is answered.
  void stop();
  /// The broker knows that it has left. From any thread.
  [[nodiscard]] bool has_left() const { return has_left_; }
  /// The end of it: has left the group (client.hpp), unless something on its way keeps the member until it is answered.
  /// On a thread that may wait, when the loop has ended.
  void close();
  void settled(Sequence sequence);
  using ReplayDone = std::function<void(Result<ReplayReport>)>;
  /// Has partitions of ours read again, in a new epoch each (replay.hpp). `done` on any thread. Errors: those there;
  /// `kResourceExhausted` (retryable; one is under way), `kCancelled`.
  void replay(const ReplayRequest& request, ReplayDone done);

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const std::shared_ptr<KafkaMember>& member() const { return member_; }
  void check_integrity() const { partitions_.check_integrity(); }

 private:
  static constexpr Duration kTick = std::chrono::seconds(1);
  static constexpr Duration kRetryAfter = std::chrono::milliseconds(200);
  static constexpr Duration kLeaveStep = std::chrono::milliseconds(10);
  static constexpr Duration kJoinAgainAfter = std::chrono::seconds(5);

  // Polling.
  void schedule_poll();
  void poll();
  [[nodiscard]] bool has_capacity() const;
  void handle(KafkaMemberEvent event);
  void gather(std::unique_ptr<KafkaFetch> fetch);
  void tick();
  // Batches.
  void send_next();
  void send(const std::shared_ptr<KafkaBatch>& batch);
  void map(const std::shared_ptr<KafkaBatch>& batch);
  void answered(const std::shared_ptr<KafkaBatch>& batch, const Result<AcceptResults>& results);
  void refused(const std::shared_ptr<KafkaBatch>& batch, const Error& why);
  void read_again();
  void stored(const KafkaBatch& batch);
  // The group (consumer_group.cpp).
  void void_readings();
  void on_assigned(const std::vector<KafkaPartitionName>& assigned);
  void on_revoked(const std::vector<KafkaPartitionName>& revoked, bool is_lost);
  void read_positions(const std::vector<KafkaPartitionName>& of, Duration delay);
  void read(std::uint64_t reading, Duration delay);
  void have_read(std::uint64_t reading, const std::vector<KafkaPartitionName>& names,
                 const Result<KafkaPositions>& positions);
  void assign(const std::vector<KafkaPartitionName>& assigned, const KafkaPositions& positions);
  void refuse(const std::vector<KafkaPartitionName>& assigned, const std::vector<std::string>& others);
  void advance_revocation();
  void unassign();
  void release(const std::vector<KafkaPartitionName>& names);
  void read_ends(const KafkaPartitionName& of, Duration delay);
  void restart(const KafkaPartitionState& state, const KafkaStart& start);
  void fetch_again(const KafkaPartitionName& of);
  void drop_gathered(const KafkaPartitionName& of, std::int64_t offset);
  void drop_orphans();
  [[nodiscard]] bool is_on_its_way(const std::vector<KafkaPartitionName>& names) const;
  void alarm(const KafkaPartitionState& state, const std::string& why);
  // Replays (consumer_replay.cpp).
  void advance_replay();
  void replayed(const Result<ReplayReport>& report);
  void cancel_replay();
  // Commits and pauses.
  void leave();
  void commit();
  void on_commit(const KafkaMemberEvent& event);
  void apply_pause();
  void look_for_shorter();
  void measure();
  /// Other nodes of the group may have the rest of the partitions.
  [[nodiscard]] bool may_share() const { return options_.stateful_agent.empty(); }

  const KafkaConsumerOptions options_;
  const KafkaConsumerParts parts_;
  std::shared_ptr<KafkaMember> member_;
  std::shared_ptr<KafkaBatchRules> rules_;
  std::shared_ptr<Strand> mapping_;
  Accept accept_;

  KafkaPartitionStates partitions_;
  std::shared_ptr<KafkaBatch> gathered_;
  std::shared_ptr<KafkaBatch> on_its_way_;
  bool is_unanswered_ = false;                // its try; else it waits for the next one
  std::vector<KafkaPartitionName> orphaned_;  // of its partitions, those that were taken away during that try
  std::map<std::uint64_t, std::vector<KafkaPartitionName>> readings_;  // of positions: what of each is still wanted
  std::uint64_t readings_begun_ = 0;
  std::vector<std::uint64_t> put_off_;  // readings that wait until the try is answered, or the replay is on disk
  MonotonicTime sent_at_{};
  std::optional<std::vector<KafkaPartitionName>> revoked_;  // waits for what is on its way
  MonotonicTime revoked_at_{};
  bool revocation_commits_ = false;
  struct Replay {
    ReplayRequest request;
    ReplayDone done;
    bool has_begun = false;  // the partitions are released until it is done
  };
  std::optional<Replay> replay_;
  std::string was_alone_as_;  // its id in the group when it was alone in it, with partitions
  bool commit_is_out_ = false;
  bool poll_is_posted_ = false;
  bool is_pressed_ = false;  // by the mailbox
  bool is_stalled_ = false;  // by a batch that does not get on
  bool is_paused_ = false;   // at the member
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
    kUncommitted,
    kCountsEnd
  };
  void add(Count what, long long number) { counts_[what].fetch_add(number, std::memory_order_relaxed); }
  std::atomic<bool> has_left_ = false;
  std::array<std::atomic<long long>, kCountsEnd> counts_{};
};

}  // namespace mnema
