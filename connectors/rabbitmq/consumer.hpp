// connectors/rabbitmq/consumer.hpp
//
// The consumer of a queue whose messages go into the mailbox, as a state machine on the loop:
//
//   open         the queue is looked for, or declared and bound, where that is configured; the prefetch is set to what
//                the mailbox has capacity for; consuming begins
//   gather       deliveries are kept up to two batches' bounds; then the socket is not read, and the broker waits
//   store        one batch at a time is on its way: mapped on a worker, stored in one transaction. A batch that is
//                refused for now comes again, whole, and nothing after it overtakes it
//   acknowledge  when the commit is on disk (`ack = inbox`), or when the event has left the mailbox: done, dead or
//                superseded (`ack = done`)
//   closed       what was not acknowledged comes again with the next connection, and is known by its id. A batch that
//                is on its way is stored all the same; tags of an ended connection are void
//
// A pause cancels the consumer, and the broker keeps what it has not delivered; a resumption consumes with a new
// prefetch. (A channel's prefetch cannot be changed otherwise: quorum queues know that of a consumer only.) What has
// been delivered stays with us meanwhile: giving it back would count against a quorum queue's delivery limit.
//
// Threads:   confined to the loop thread, except `counts`.
// Ownership: shared with what it posts; borrows the rest, which outlives it.
// Invariant: tags of this connection that are not acknowledged are gathered, on their way, or wait for an event
//            (`ack = done`); `prefetch` at most, and those that came before a pause.
#pragma once

#include <array>
#include <atomic>
#include <cstdint>
#include <deque>
#include <memory>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/rabbitmq/batch.hpp"
#include "connectors/rabbitmq/link.hpp"
#include "runtime/base/limits.hpp"
#include "runtime/exec/loop.hpp"
#include "runtime/exec/strand.hpp"

namespace mnema {

struct RabbitmqConsumerOptions {
  std::string queue;
  std::string declare_type;  // "classic", "quorum": the queue is declared, durable; "": it must be there
  std::string exchange;      // that the queue is bound to; "" = nothing is bound
  std::vector<std::string> routing_keys;
  int prefetch_max = 2'000;
  bool acknowledges_done = false;
};

struct RabbitmqConsumerParts {
  Loop& loop;
  Executor& workers;
  Mailbox& mailbox;
  const Clock& clock;
  Random& random;
  const Limits& limits;
};

class RabbitmqConsumer : public RabbitmqLink::User, public std::enable_shared_from_this<RabbitmqConsumer> {
 public:
  struct Counts {
    long long accepted = 0;
    long long duplicates = 0;   // known by their id
    long long dead = 0;         // no events, or refused
    long long unrouted = 0;     // no agent asks for them
    long long redelivered = 0;  // as the broker says; among the others
    long long acknowledged = 0;
    long long connections = 0;
    long long pauses = 0;
    long long unfinished = 0;  // that wait for their turn, with ack = done
  };

  RabbitmqConsumer(RabbitmqConsumerOptions options, RabbitmqBatchRules rules, std::shared_ptr<RabbitmqLink> link,
                   const RabbitmqConsumerParts& parts);

  void start(Accept accept);
  void pause(bool is_paused);
  /// Consumes no more; the batch that is on its way is stored and acknowledged.
  void drain();
  /// Ends the connection.
  void stop();
  void settled(Sequence sequence);

  [[nodiscard]] Counts counts() const;
  [[nodiscard]] const RabbitmqLink& link() const { return *link_; }

 private:
  enum class State { kClosed, kIdle, kStarting, kConsuming, kCancelling };
  void on_open(RabbitmqConnection& connection) override;
  void on_method(const AmqpMethod& method) override;
  void on_content(RabbitmqContent content) override;
  void on_read_end() override;
  void on_closed(const Error& why) override;
  // Consuming.
  void declare(RabbitmqConnection& connection);
  void apply_pause();
  void consume(RabbitmqConnection& connection);
  [[nodiscard]] int prefetch() const;
  // Batches.
  [[nodiscard]] std::size_t batch_bytes_max() const;
  [[nodiscard]] bool has_capacity() const;
  void send_next();
  void send(const std::shared_ptr<RabbitmqBatch>& batch);
  void answered(const std::shared_ptr<RabbitmqBatch>& batch, const Result<AcceptResults>& results);
  void refused(const std::shared_ptr<RabbitmqBatch>& batch, const Error& why);
  void stored(const RabbitmqBatch& batch);
  void acknowledge(std::uint64_t tag, bool and_all_before);

  const RabbitmqConsumerOptions options_;
  const RabbitmqConsumerParts parts_;
  const std::shared_ptr<const RabbitmqBatchRules> rules_;
  const std::shared_ptr<RabbitmqLink> link_;
  const std::shared_ptr<Strand> mapping_;
  Accept accept_;

  State state_ = State::kClosed;
  std::uint64_t connection_ = 0;  // counts them
  int consumer_ = 0;              // counts them
  std::size_t undeclared_ = 0;    // answers to the queue and its bindings that are to come
  std::deque<RabbitmqDelivery> gathered_;
  std::size_t gathered_bytes_ = 0;
  std::shared_ptr<RabbitmqBatch> on_its_way_;
  bool is_unanswered_ = false;                                     // its try; else it waits for the next one
  std::unordered_multimap<Sequence, std::uint64_t> waiting_tags_;  // ack = done: of unfinished events
  std::unordered_set<Sequence> settled_meanwhile_;                 // since the try began
  bool is_pressed_ = false;                                        // by the mailbox
  bool is_drained_ = false;
  bool is_stopped_ = false;
  bool has_told_of_ids_ = false;

  enum Count {
    kAccepted,
    kDuplicates,
    kDead,
    kUnrouted,
    kRedelivered,
    kAcknowledged,
    kConnections,
    kPauses,
    kUnfinished,
    kCountsEnd
  };
  void add(Count what, long long number) { counts_[what].fetch_add(number, std::memory_order_relaxed); }
  std::array<std::atomic<long long>, kCountsEnd> counts_{};
};

}  // namespace mnema
