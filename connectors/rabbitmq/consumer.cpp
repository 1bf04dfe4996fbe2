#include "connectors/rabbitmq/consumer.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/log.hpp"
#include "runtime/events/runtime_counts.hpp"

namespace mnema {
namespace {

constexpr Duration kRetryAfter = std::chrono::milliseconds(200);
constexpr std::size_t kBatchesGathered = 2;  // in count and bytes; more is not read

/// A message's headers may be larger than its body by far.
std::size_t bytes_of(const RabbitmqContent& content) {
  std::size_t bytes = content.body.size();
  if (!content.properties.ok()) return bytes;
  for (const auto& [name, value] : content.properties->headers) bytes += name.size() + (value ? value->size() : 0);
  return bytes;
}

}  // namespace

RabbitmqConsumer::RabbitmqConsumer(RabbitmqConsumerOptions options, RabbitmqBatchRules rules,
                                   std::shared_ptr<RabbitmqLink> link, const RabbitmqConsumerParts& parts)
    : options_(std::move(options)),
      parts_(parts),
      rules_(std::make_shared<const RabbitmqBatchRules>(std::move(rules))),
      link_(std::move(link)),
      mapping_(std::make_shared<Strand>(parts.workers)) {}

void RabbitmqConsumer::start(Accept accept) {
  accept_ = std::move(accept);
  link_->open(weak_from_this());
}

// --- consuming

void RabbitmqConsumer::on_open(RabbitmqConnection& connection) {
  ++connection_;
  add(kConnections, 1);
  state_ = State::kIdle;
  declare(connection);
  apply_pause();
}

/// Sent ahead of the answers: whatever is refused closes the channel, and says why.
void RabbitmqConsumer::declare(RabbitmqConnection& connection) {
  amqp_queue_declare_t queue{};
  queue.queue = amqp_bytes(options_.queue);
  amqp_table_entry_t type{};
  if (options_.declare_type.empty()) {
    queue.passive = 1;
  } else {
    queue.durable = 1;
    type.key = amqp_cstring_bytes("x-queue-type");
    type.value.kind = AMQP_FIELD_KIND_UTF8;
    type.value.value.bytes = amqp_bytes(options_.declare_type);
    queue.arguments = {1, &type};
  }
  connection.send(AMQP_QUEUE_DECLARE_METHOD, queue);
  undeclared_ = 1;
  if (options_.exchange.empty()) return;
  static const std::vector<std::string> kEmptyKey = {""};
  for (const std::string& key : options_.routing_keys.empty() ? kEmptyKey : options_.routing_keys) {
    amqp_queue_bind_t bind{};
    bind.queue = amqp_bytes(options_.queue);
    bind.exchange = amqp_bytes(options_.exchange);
    bind.routing_key = amqp_bytes(key);
    connection.send(AMQP_QUEUE_BIND_METHOD, bind);
    ++undeclared_;
  }
}

/// What may come without an answer of ours.
int RabbitmqConsumer::prefetch() const {
  RuntimeCounts counts;
  parts_.mailbox.count(counts);
  const std::int64_t rows = counts.events_ready + counts.events_leased + counts.events_waiting;
  const std::int64_t rows_max = std::min(parts_.limits.mailbox_rows_max, parts_.limits.mailbox_rows_per_tenant_max);
  return static_cast<int>(std::clamp<std::int64_t>(rows_max - rows, 1, options_.prefetch_max));
}

void RabbitmqConsumer::consume(RabbitmqConnection& connection) {
  amqp_basic_qos_t qos{};
  qos.prefetch_count = static_cast<std::uint16_t>(prefetch());
  connection.send(AMQP_BASIC_QOS_METHOD, qos);
  const std::string tag = "mnema-" + std::to_string(++consumer_);
  amqp_basic_consume_t consume{};
  consume.queue = amqp_bytes(options_.queue);
  consume.consumer_tag = amqp_bytes(tag);
  connection.send(AMQP_BASIC_CONSUME_METHOD, consume);
  state_ = State::kStarting;
}

/// Consumes or does not, as it should be, as soon as the broker has answered the last change.
void RabbitmqConsumer::apply_pause() {
  RabbitmqConnection* const connection = link_->connection();
  if (connection == nullptr) return;
  const bool wanted = !is_pressed_ && !is_drained_;
  if (wanted && state_ == State::kIdle) return consume(*connection);
  if (wanted || state_ != State::kConsuming) return;
  const std::string tag = "mnema-" + std::to_string(consumer_);
  amqp_basic_cancel_t cancel{};
  cancel.consumer_tag = amqp_bytes(tag);
  connection->send(AMQP_BASIC_CANCEL_METHOD, cancel);
  state_ = State::kCancelling;
}

void RabbitmqConsumer::on_method(const AmqpMethod& method) {
  switch (method.number) {
    case AMQP_QUEUE_DECLARE_OK_METHOD:
    case AMQP_QUEUE_BIND_OK_METHOD:
      // While it is paused nothing else says that all is well again.
      if (undeclared_ > 0 && --undeclared_ == 0 && state_ == State::kIdle) link_->note_working();
      return;
    case AMQP_BASIC_CONSUME_OK_METHOD:
      if (state_ != State::kStarting) return;
      state_ = State::kConsuming;
      link_->note_working();
      log_info("rabbitmq", "a queue is consumed", {{"source", link_->name()}, {"queue", options_.queue}});
      return apply_pause();
    case AMQP_BASIC_CANCEL_OK_METHOD:
      if (state_ != State::kCancelling) return;
      state_ = State::kIdle;
      return apply_pause();
    case AMQP_BASIC_CANCEL_METHOD:
      if (RabbitmqConnection* const connection = link_->connection()) {
        connection->fail_with(fail_retryable(ErrorCode::kNotFound,
                                             "RabbitMQ has cancelled the consumer of queue '" + options_.queue + "'",
                                             "the queue was deleted, or its node has ended"));
      }
      return;
    default:
      return;  // answers that need no step
  }
}

void RabbitmqConsumer::on_closed(const Error& /*why*/) {
  state_ = State::kClosed;
  gathered_.clear();
  gathered_bytes_ = 0;
  waiting_tags_.clear();
  counts_[kUnfinished].store(0, std::memory_order_relaxed);
  // It comes again by the broker, in its place among the others.
  if (on_its_way_ && !is_unanswered_) on_its_way_.reset();
}

void RabbitmqConsumer::pause(bool is_paused) {
  if (std::exchange(is_pressed_, is_paused) == is_paused) return;
  if (is_paused) add(kPauses, 1);
  apply_pause();
}

void RabbitmqConsumer::drain() {
  if (std::exchange(is_drained_, true)) return;
  gathered_.clear();
  gathered_bytes_ = 0;
  apply_pause();
  if (RabbitmqConnection* const connection = link_->connection()) connection->pause_reading(false);
}

void RabbitmqConsumer::stop() {
  drain();
  is_stopped_ = true;
  link_->close();
}

// --- batches

std::size_t RabbitmqConsumer::batch_bytes_max() const {
  return static_cast<std::size_t>(parts_.limits.broker_batch_bytes_max);
}

bool RabbitmqConsumer::has_capacity() const {
  return gathered_.size() < kBatchesGathered * batch_events_max(parts_.limits) &&
         gathered_bytes_ < kBatchesGathered * batch_bytes_max();
}

void RabbitmqConsumer::on_content(RabbitmqContent content) {
  if (is_drained_ || content.is_return) return;  // not acknowledged: it comes again, to whoever consumes then
  RabbitmqDelivery delivery;
  delivery.received_at = parts_.clock.now();
  if (content.redelivered) add(kRedelivered, 1);
  const bool has_id = content.properties.ok() && !content.properties->message_id.empty();
  if (!has_id && rules_->mapping.id.empty()) delivery.own_id = parts_.random.uuid();
  gathered_bytes_ += bytes_of(content);
  delivery.content = std::move(content);
  gathered_.push_back(std::move(delivery));
}

void RabbitmqConsumer::on_read_end() {
  send_next();
  if (has_capacity()) return;
  if (RabbitmqConnection* const connection = link_->connection()) connection->pause_reading(true);
}

void RabbitmqConsumer::send_next() {
  if (on_its_way_ || gathered_.empty() || is_stopped_) return;
  const std::size_t count_max = batch_events_max(parts_.limits);
  on_its_way_ = std::make_shared<RabbitmqBatch>();
  on_its_way_->connection = connection_;
  std::size_t bytes = 0;
  while (!gathered_.empty() && on_its_way_->deliveries.size() < count_max && bytes < batch_bytes_max()) {
    bytes += bytes_of(gathered_.front().content);
    on_its_way_->deliveries.push_back(std::move(gathered_.front()));
    gathered_.pop_front();
  }
  gathered_bytes_ -= bytes;
  if (RabbitmqConnection* const connection = link_->connection(); connection != nullptr && has_capacity()) {
    connection->pause_reading(false);
  }
  send(on_its_way_);
}

void RabbitmqConsumer::send(const std::shared_ptr<RabbitmqBatch>& batch) {
  is_unanswered_ = true;
  settled_meanwhile_.clear();
  mapping_->post([self = shared_from_this(), batch] {
    self->accept_(
        event_batch_of(batch, self->rules_, self->parts_.mailbox, self->parts_.limits),
        [self, batch](Result<AcceptResults> results) {
          // At once where we are, or an event could be settled before it is known to be unfinished.
          if (self->parts_.loop.on_loop_thread()) return self->answered(batch, results);
          self->parts_.loop.post([self, batch, results = std::move(results)] { self->answered(batch, results); });
        });
  });
}

void RabbitmqConsumer::answered(const std::shared_ptr<RabbitmqBatch>& batch, const Result<AcceptResults>& results) {
  if (on_its_way_ != batch) return;
  is_unanswered_ = false;
  if (!results.ok()) return refused(batch, results.error());
  on_its_way_.reset();
  stored(*batch);
  send_next();
}

void RabbitmqConsumer::refused(const std::shared_ptr<RabbitmqBatch>& batch, const Error& why) {
  // Its tags are void, or nobody waits for it: it comes again.
  if (is_stopped_ || is_drained_ || batch->connection != connection_ || state_ == State::kClosed) {
    on_its_way_.reset();
    return send_next();
  }
  log_warning("rabbitmq", "messages are not stored for now, and tried again",
              {{"source", link_->name()}, {"messages", batch->deliveries.size()}, {"error", why.text()}});
  const Duration wait = std::max<Duration>(kRetryAfter, std::chrono::milliseconds(why.retry_after_ms));
  parts_.loop.post_after(wait, [weak = weak_from_this(), batch] {
    const auto self = weak.lock();
    if (self && self->on_its_way_ == batch && !self->is_stopped_) self->send(batch);
  });
}

void RabbitmqConsumer::stored(const RabbitmqBatch& batch) {
  add(kAccepted, batch.outcome.accepted);
  add(kDuplicates, batch.outcome.duplicates);
  add(kDead, batch.outcome.dead);
  add(kUnrouted, batch.outcome.unrouted);
  if (batch.has_made_ids && !std::exchange(has_told_of_ids_, true)) {
    log_warning("rabbitmq", "messages have no message_id: one that the broker sends again is a new event",
                {{"source", link_->name()}, {"hint", "have it set, or take the id from the payload with event_id"}});
  }
  if (batch.connection != connection_ || state_ == State::kClosed) return;
  if (!options_.acknowledges_done) {
    add(kAcknowledged, static_cast<long long>(batch.deliveries.size()));
    return acknowledge(batch.deliveries.back().content.tag, true);
  }
  std::unordered_set<std::uint64_t> kept;
  for (const auto& [sequence, tag] : batch.unfinished) {
    if (settled_meanwhile_.contains(sequence)) continue;
    waiting_tags_.emplace(sequence, tag);
    kept.insert(tag);
  }
  counts_[kUnfinished].store(static_cast<long long>(waiting_tags_.size()), std::memory_order_relaxed);
  for (const RabbitmqDelivery& delivery : batch.deliveries) {
    if (kept.contains(delivery.content.tag)) continue;
    add(kAcknowledged, 1);
    acknowledge(delivery.content.tag, false);
  }
}

void RabbitmqConsumer::settled(Sequence sequence) {
  if (on_its_way_) settled_meanwhile_.insert(sequence);
  const auto [first, last] = waiting_tags_.equal_range(sequence);
  if (first == last) return;
  for (auto at = first; at != last; ++at) {
    add(kAcknowledged, 1);
    acknowledge(at->second, false);
  }
  waiting_tags_.erase(first, last);
  counts_[kUnfinished].store(static_cast<long long>(waiting_tags_.size()), std::memory_order_relaxed);
}

void RabbitmqConsumer::acknowledge(std::uint64_t tag, bool and_all_before) {
  RabbitmqConnection* const connection = link_->connection();
  if (connection == nullptr) return;
  amqp_basic_ack_t ack{};
  ack.delivery_tag = tag;
  ack.multiple = and_all_before ? 1 : 0;
  connection->send(AMQP_BASIC_ACK_METHOD, ack);
}

RabbitmqConsumer::Counts RabbitmqConsumer::counts() const {
  const auto of = [this](Count what) { return counts_[what].load(std::memory_order_relaxed); };
  return {of(kAccepted),     of(kDuplicates),  of(kDead),   of(kUnrouted),  of(kRedelivered),
          of(kAcknowledged), of(kConnections), of(kPauses), of(kUnfinished)};
}

}  // namespace mnema
