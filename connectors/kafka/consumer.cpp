#include "connectors/kafka/consumer.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

#include "runtime/base/check.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kEventsPerPass = 512;  // then others on the loop have their turn
constexpr Duration kTick = std::chrono::seconds(1);
constexpr Duration kStalledAfter = std::chrono::seconds(1);
constexpr Duration kRevocationTime = std::chrono::seconds(5);
constexpr Duration kRetryAfter = std::chrono::milliseconds(200);

std::vector<KafkaPartitionName> names_of(const rd_kafka_topic_partition_list_t& list) {
  std::vector<KafkaPartitionName> names;
  for (int i = 0; i < list.cnt; ++i) names.push_back({list.elems[i].topic, list.elems[i].partition});
  return names;
}

KafkaPartitions list_of(const std::vector<KafkaPartitionName>& names) {
  KafkaPartitions list = kafka_partitions(static_cast<int>(names.size()));
  for (const auto& [topic, number] : names) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), number);
  return list;
}

}  // namespace

KafkaConsumer::KafkaConsumer(KafkaConsumerOptions options, KafkaBatchRules rules, std::shared_ptr<KafkaClient> client,
                             const KafkaConsumerParts& parts)
    : options_(std::move(options)),
      parts_(parts),
      client_(std::move(client)),
      rules_(std::make_shared<KafkaBatchRules>(std::move(rules))),
      mapping_(std::make_shared<Strand>(parts.workers)) {}

Status KafkaConsumer::start(Accept accept) {
  accept_ = std::move(accept);
  rd_kafka_poll_set_consumer(client_->get());
  ASSIGN_OR_RETURN(queue_,
                   KafkaEventQueue::open(parts_.loop, client_, KafkaQueue(rd_kafka_queue_get_consumer(client_->get())),
                                         [weak = weak_from_this()] {
                                           if (const auto self = weak.lock()) self->poll();
                                         }));
  const KafkaPartitions topics = kafka_partitions(static_cast<int>(options_.topics.size()));
  for (const std::string& topic : options_.topics) {
    rd_kafka_topic_partition_list_add(topics.get(), topic.c_str(), RD_KAFKA_PARTITION_UA);
  }
  if (const auto code = rd_kafka_subscribe(client_->get(), topics.get()); code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return fail(ErrorCode::kInvalidArgument,
                std::string("its topics cannot be subscribed to: ") + rd_kafka_err2str(code));
  }
  parts_.loop.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
  return {};
}

// --- polling

void KafkaConsumer::schedule_poll() {
  if (std::exchange(poll_is_posted_, true)) return;
  parts_.loop.post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (!self) return;
    self->poll_is_posted_ = false;
    self->poll();
  });
}

bool KafkaConsumer::has_capacity() const {
  if (!gathered_ || is_stalled_) return true;
  const std::size_t records_max = std::min(options_.batch_records_max, batch_events_max(parts_.limits));
  return gathered_->records.size() < records_max && gathered_->bytes < options_.batch_bytes_max;
}

void KafkaConsumer::poll() {
  for (int event_number = 0; event_number < kEventsPerPass; ++event_number) {
    if (is_stopped_) return;
    // Full: polling goes on when the batch that is on its way is answered.
    if (!has_capacity()) return send_next();
    KafkaEvent event = queue_->poll();
    if (!event) return send_next();
    handle(std::move(event));
  }
  send_next();
  schedule_poll();  // librdkafka does not wake us as long as something is left
}

void KafkaConsumer::handle(KafkaEvent event) {
  switch (rd_kafka_event_type(event.get())) {
    case RD_KAFKA_EVENT_FETCH:
      return gather(std::move(event));
    case RD_KAFKA_EVENT_REBALANCE:
      return on_rebalance(event);
    case RD_KAFKA_EVENT_OFFSET_COMMIT:
      return on_commit(event);
    case RD_KAFKA_EVENT_ERROR:
      if (const KafkaPartition partition(rd_kafka_event_topic_partition(event.get())); partition) {
        return on_partition_error(event, *partition);
      }
      [[fallthrough]];
    default:
      static_cast<void>(client_->handle(event));
  }
}

void KafkaConsumer::gather(KafkaEvent event) {
  bool is_kept = false;
  while (const rd_kafka_message_t* message = rd_kafka_event_message_next(event.get())) {
    if (message->err != RD_KAFKA_RESP_ERR_NO_ERROR || is_drained_) continue;
    KafkaPartitionState* state = partitions_.find(rd_kafka_topic_name(message->rkt), message->partition);
    if (state == nullptr) continue;  // revoked since
    switch (KafkaPartitionStates::look_at(*state, *message)) {
      case KafkaPartitionStates::Verdict::kSkip:
        add(kSkipped, 1);
        continue;
      case KafkaPartitionStates::Verdict::kOtherTopic:
        restart(*state, restart_of_new_topic(state->stored()));
        continue;
      case KafkaPartitionStates::Verdict::kTake:
        break;
    }
    if (!gathered_) {
      gathered_ = std::make_shared<KafkaBatch>();
      gathered_->client = client_;
    }
    const std::size_t part = gathered_->part_of(state->topic, state->number, state->stored_next, state->stored());
    gathered_->records.push_back({message, part});
    gathered_->bytes += static_cast<std::int64_t>(message->len + message->key_len);
    is_kept = true;
  }
  if (is_kept) gathered_->events.push_back(std::move(event));
}

void KafkaConsumer::on_partition_error(const KafkaEvent& event, rd_kafka_topic_partition_t& partition) {
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  if (code == RD_KAFKA_RESP_ERR__PARTITION_EOF) return;
  if (code == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET || code == RD_KAFKA_RESP_ERR_OFFSET_OUT_OF_RANGE) {
    return read_ends(partition.topic, partition.partition, Duration{});
  }
  static_cast<void>(client_->handle(event));
}

void KafkaConsumer::tick() {
  if (is_stopped_) return;
  parts_.loop.post_after(kTick, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->tick();
  });
  if (on_its_way_ && !has_capacity() && parts_.clock.monotonic_now() - sent_at_ >= kStalledAfter) {
    is_stalled_ = true;  // so that polling may go on: no more records come, but the group hears of us
    apply_pause();
  }
  poll();
  commit();
  advance_revocation();
  measure_lag();
  client_->retry_login();
}

// --- batches

void KafkaConsumer::send_next() {
  if (on_its_way_ || !gathered_ || is_stopped_ || revoked_) return;
  if (gathered_->records.empty()) return gathered_.reset();
  on_its_way_ = std::exchange(gathered_, nullptr);
  sent_at_ = parts_.clock.monotonic_now();
  for (KafkaBatch::Part& part : on_its_way_->parts) {
    // Without a state none of its records is left (drop_gathered).
    const KafkaPartitionState* state = partitions_.find(part.topic, part.number);
    if (state == nullptr) continue;
    part.expected_next = state->stored_next;
    part.moved = state->stored();
    part.finished_below = state->to_commit();
  }
  send(on_its_way_);
}

void KafkaConsumer::send(const std::shared_ptr<KafkaBatch>& batch) {
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

void KafkaConsumer::answered(const std::shared_ptr<KafkaBatch>& batch, const Result<AcceptResults>& results) {
  if (on_its_way_ != batch) return;
  if (results.ok()) {
    on_its_way_.reset();
    stored(*batch);
    if (is_drained_ || is_stopped_) commit();
    is_stalled_ = false;
    apply_pause();
    advance_revocation();
    send_next();
    return schedule_poll();
  }
  const Error& why = results.error();
  if (is_stopped_ || revoked_) {
    on_its_way_.reset();  // it comes again, to whoever is assigned next
    return advance_revocation();
  }
  log_warning("kafka", "records are not stored for now, and tried again",
              {{"source", client_->name()}, {"records", batch->records.size()}, {"error", why.text()}});
  if (why.code == ErrorCode::kAborted) {
    on_its_way_.reset();
    gathered_.reset();
    const KafkaPartitions all = partitions_.all();
    return read_positions(names_of(*all), kRetryAfter);
  }
  const Duration wait = std::max<Duration>(kRetryAfter, std::chrono::milliseconds(why.retry_after_ms));
  parts_.loop.post_after(wait, [weak = weak_from_this(), batch] {
    const auto self = weak.lock();
    if (self && self->on_its_way_ == batch) self->send(batch);
  });
}

void KafkaConsumer::stored(const KafkaBatch& batch) {
  client_->note_working();
  add(kAccepted, batch.outcome.accepted);
  add(kDuplicates, batch.outcome.duplicates);
  add(kDead, batch.outcome.dead);
  add(kUnrouted, batch.outcome.unrouted);
  for (const KafkaBatch::Part& part : batch.parts) {
    KafkaPartitionState* state = partitions_.find(part.topic, part.number);
    if (state == nullptr || state->epoch != part.moved.epoch || part.moved.next <= state->stored_next) continue;
    state->stored_next = part.moved.next;
    state->stored_digest = part.moved.digest;
    for (const auto& [sequence, offset] : part.unfinished) partitions_.add_unfinished(*state, sequence, offset);
  }
}

void KafkaConsumer::settled(Sequence sequence) { partitions_.settled(sequence); }

void KafkaConsumer::drop_gathered(const std::string& topic, std::int32_t number) {
  if (!gathered_) return;
  std::erase_if(gathered_->records, [&](const KafkaBatch::Record& record) {
    const KafkaBatch::Part& part = gathered_->parts[record.part];
    return part.number == number && part.topic == topic;
  });
  if (gathered_->records.empty()) return gathered_.reset();
  // A part without records would move nothing, and its row is looked for: take it out.
  std::vector<std::size_t> place(gathered_->parts.size(), 0);
  std::vector<KafkaBatch::Part> parts;
  for (std::size_t i = 0; i < gathered_->parts.size(); ++i) {
    place[i] = parts.size();
    const KafkaBatch::Part& part = gathered_->parts[i];
    if (part.number != number || part.topic != topic) parts.push_back(part);
  }
  for (KafkaBatch::Record& record : gathered_->records) record.part = place[record.part];
  gathered_->parts = std::move(parts);
}

// --- groups

bool KafkaConsumer::is_cooperative() const {
  const char* protocol = rd_kafka_rebalance_protocol(client_->get());
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

void KafkaConsumer::on_rebalance(const KafkaEvent& event) {
  const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event.get());
  if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    if (!is_cooperative()) ++assignment_;
    return read_positions(names_of(*list), Duration{});
  }
  if (!is_cooperative()) ++assignment_;
  for (int i = 0; i < list->cnt; ++i) drop_gathered(list->elems[i].topic, list->elems[i].partition);
  revoked_ = names_of(*list);
  revoked_at_ = parts_.clock.monotonic_now();
  // A lost assignment is somebody else's already: a commit would only fail.
  revocation_commits_ = rd_kafka_assignment_lost(client_->get()) != 0;
  if (revocation_commits_) return unassign();
  advance_revocation();
}

void KafkaConsumer::read_positions(const std::vector<KafkaPartitionName>& assigned, Duration delay) {
  if (delay > Duration{}) {
    return parts_.loop.post_after(delay, [weak = weak_from_this(), assigned, asked = assignment_] {
      const auto self = weak.lock();
      if (self && self->assignment_ == asked && !self->is_stopped_) self->read_positions(assigned, Duration{});
    });
  }
  partitions_.begin_reading();
  parts_.blocking.post([self = shared_from_this(), assigned, asked = assignment_] {
    Result<KafkaPositions> positions = read_kafka_positions(*self->client_, self->parts_.database, self->options_.group,
                                                            self->options_.acknowledges_done, assigned);
    self->parts_.loop.post([self, assigned, asked, positions = std::move(positions)] {
      const bool is_wanted = self->assignment_ == asked && !self->is_stopped_;
      if (is_wanted && positions.ok()) self->assign(assigned, *positions);
      self->partitions_.end_reading();
      if (!is_wanted || positions.ok()) return;
      log_warning("kafka", "where to begin cannot be read, and is asked for again",
                  {{"source", self->client_->name()}, {"error", positions.error().text()}});
      self->client_->set_problem(positions.error().message);
      self->read_positions(assigned, kTick);
    });
  });
}

void KafkaConsumer::assign(const std::vector<KafkaPartitionName>& assigned, const KafkaPositions& positions) {
  if (!assigned.empty() && rules_->cluster != positions.cluster) {
    // A batch that is on its way keeps those it began with.
    rules_ = std::make_shared<KafkaBatchRules>(*rules_);
    rules_->cluster = positions.cluster;
  }
  const KafkaPartitions list = list_of(assigned);
  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& entry = list->elems[i];
    KafkaPartitionState& state =
        partitions_.add(entry.topic, entry.partition, positions.starts[static_cast<std::size_t>(i)]);
    for (const auto& [sequence, offset] : positions.unfinished[static_cast<std::size_t>(i)]) {
      partitions_.add_unfinished(state, sequence, offset);
    }
    entry.offset = state.fetch_from(options_.from_latest);
    if (const std::string& why = positions.starts[static_cast<std::size_t>(i)].alarm; !why.empty()) alarm(state, why);
  }
  if (is_cooperative()) {
    const KafkaError error(rd_kafka_incremental_assign(client_->get(), list.get()));
    if (error) client_->set_problem(rd_kafka_error_string(error.get()));
  } else {
    const auto code = rd_kafka_assign(client_->get(), list.get());
    if (code != RD_KAFKA_RESP_ERR_NO_ERROR) client_->set_problem(rd_kafka_err2str(code));
  }
  if (is_paused_) rd_kafka_pause_partitions(client_->get(), list.get());
  add(kAssignments, 1);
  client_->note_working();
  log_info("kafka", "partitions are assigned", {{"source", client_->name()}, {"partitions", list->cnt}});
}

void KafkaConsumer::alarm(const KafkaPartitionState& state, const std::string& why) {
  add(kEpochs, 1);
  log_error("kafka", "a new epoch of a partition begins: its events from here on are new ones",
            {{"source", client_->name()},
             {"topic", state.topic},
             {"partition", state.number},
             {"epoch", state.epoch},
             {"why", why}});
}

void KafkaConsumer::advance_revocation() {
  if (!revoked_) return;
  const bool is_late = parts_.clock.monotonic_now() - revoked_at_ > kRevocationTime;
  if (on_its_way_ && !is_late) return;
  if (!revocation_commits_ && !is_late) {
    if (commit_is_out_) return;  // of before: ours comes after it
    revocation_commits_ = true;
    commit();
  }
  if (commit_is_out_ && !is_late) return;
  unassign();
}

void KafkaConsumer::unassign() {
  const KafkaPartitions list = list_of(*revoked_);
  revoked_.reset();
  // librdkafka remembers the pause beyond the revocation.
  if (is_paused_ && list->cnt > 0) rd_kafka_resume_partitions(client_->get(), list.get());
  for (int i = 0; i < list->cnt; ++i) partitions_.remove(list->elems[i].topic, list->elems[i].partition);
  if (is_cooperative()) {
    const KafkaError error(rd_kafka_incremental_unassign(client_->get(), list.get()));
    if (error) client_->set_problem(rd_kafka_error_string(error.get()));
  } else {
    partitions_.clear();
    gathered_.reset();
    rd_kafka_assign(client_->get(), nullptr);
  }
  log_info("kafka", "partitions are revoked", {{"source", client_->name()}, {"partitions", list->cnt}});
}

void KafkaConsumer::read_ends(const std::string& topic, std::int32_t number, Duration delay) {
  const auto ask = [weak = weak_from_this(), topic, number, asked = assignment_] {
    const auto self = weak.lock();
    if (!self) return;
    const Result<KafkaWatermarks> ends = read_kafka_watermarks(*self->client_, topic, number);
    self->parts_.loop.post([self, topic, number, asked, ends] {
      const KafkaPartitionState* state = self->partitions_.find(topic, number);
      if (self->assignment_ != asked || self->is_stopped_ || state == nullptr) return;
      if (!ends.ok()) {
        self->client_->set_problem(ends.error().message);
        return self->read_ends(topic, number, kTick);
      }
      const KafkaRestart restart = restart_of(state->stored(), state->committed, ends->low, ends->high);
      if (restart.skipped > 0) {
        self->add(kLost, restart.skipped);
        log_error(
            "kafka", "records were deleted by their topic's retention before they were read",
            {{"source", self->client_->name()}, {"topic", topic}, {"partition", number}, {"records", restart.skipped}});
      }
      self->restart(*state, restart.start);
    });
  };
  if (delay == Duration{}) return parts_.blocking.post(ask);
  parts_.loop.post_after(delay, [weak = weak_from_this(), ask] {
    if (const auto self = weak.lock()) self->parts_.blocking.post(ask);
  });
}

void KafkaConsumer::restart(const KafkaPartitionState& state, const KafkaStart& start) {
  const std::string topic = state.topic;
  const std::int32_t number = state.number;
  drop_gathered(topic, number);
  const KafkaPartitionState& begun = partitions_.restart(topic, number, start);
  if (!start.alarm.empty()) alarm(begun, start.alarm);
  fetch_again(topic, number);
}

/// By assigning anew, after which librdkafka delivers nothing that it had fetched from the old place. (A seek is
/// refused where the old place was out of range.)
void KafkaConsumer::fetch_again(const std::string& topic, std::int32_t number) {
  if (revoked_) return;
  const KafkaPartitions list = is_cooperative() ? kafka_partitions(1) : partitions_.all();
  if (is_cooperative()) rd_kafka_topic_partition_list_add(list.get(), topic.c_str(), number);
  for (int i = 0; i < list->cnt; ++i) {
    rd_kafka_topic_partition_t& entry = list->elems[i];
    entry.offset = partitions_.find(entry.topic, entry.partition)->fetch_from(options_.from_latest);
  }
  if (is_cooperative()) {
    KafkaError(rd_kafka_incremental_unassign(client_->get(), list.get())).reset();
    KafkaError(rd_kafka_incremental_assign(client_->get(), list.get())).reset();
  } else {
    rd_kafka_assign(client_->get(), list.get());
  }
  if (is_paused_) rd_kafka_pause_partitions(client_->get(), list.get());
}

// --- commits and pauses

void KafkaConsumer::commit() {
  if (commit_is_out_ || client_->is_fatal()) return;
  const KafkaPartitions list = partitions_.commits();
  if (!list) return;
  commit_is_out_ =
      rd_kafka_commit_queue(client_->get(), list.get(), queue_->get(), nullptr, nullptr) == RD_KAFKA_RESP_ERR_NO_ERROR;
}

void KafkaConsumer::on_commit(const KafkaEvent& event) {
  commit_is_out_ = false;
  const rd_kafka_resp_err_t code = rd_kafka_event_error(event.get());
  if (code == RD_KAFKA_RESP_ERR_NO_ERROR) {
    add(kCommits, 1);
    client_->note_working();
  } else {
    log_info("kafka", "offsets are not committed for now",
             {{"source", client_->name()}, {"text", rd_kafka_err2str(code)}});
  }
  if (const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event.get())) {
    for (int i = 0; i < list->cnt; ++i) {
      const rd_kafka_topic_partition_t& of = list->elems[i];
      KafkaPartitionState* state = partitions_.find(of.topic, of.partition);
      if (state == nullptr || of.err != RD_KAFKA_RESP_ERR_NO_ERROR || code != RD_KAFKA_RESP_ERR_NO_ERROR) continue;
      state->committed = of.offset;
      state->unmarked_commit = -1;
    }
  }
  advance_revocation();
}

void KafkaConsumer::pause(bool is_paused) {
  is_pressed_ = is_paused;
  apply_pause();
}

void KafkaConsumer::apply_pause() {
  const bool wanted = is_pressed_ || is_stalled_ || is_drained_;
  if (is_stopped_ || wanted == is_paused_) return;
  is_paused_ = wanted;
  if (wanted) add(kPauses, 1);
  if (partitions_.empty()) return;
  const KafkaPartitions all = partitions_.all();
  if (wanted) {
    rd_kafka_pause_partitions(client_->get(), all.get());
  } else {
    rd_kafka_resume_partitions(client_->get(), all.get());
    schedule_poll();
  }
}

void KafkaConsumer::drain() {
  if (std::exchange(is_drained_, true)) return;
  gathered_.reset();
  apply_pause();
  commit();
}

void KafkaConsumer::stop() {
  drain();
  if (std::exchange(is_stopped_, true)) return;
  ++assignment_;
}

void KafkaConsumer::close() {
  is_stopped_ = true;
  ++assignment_;
  gathered_.reset();
  on_its_way_.reset();
  revoked_.reset();
  queue_.reset();
  client_.reset();
}

void KafkaConsumer::measure_lag() {
  long long lag = 0;
  partitions_.for_each([&](const KafkaPartitionState& state) {
    std::int64_t low = 0;
    std::int64_t high = 0;
    const auto code = rd_kafka_get_watermark_offsets(client_->get(), state.topic.c_str(), state.number, &low, &high);
    if (code == RD_KAFKA_RESP_ERR_NO_ERROR && high >= 0 && state.stored_next >= 0 && high > state.stored_next) {
      lag += high - state.stored_next;
    }
  });
  counts_[kLag].store(lag, std::memory_order_relaxed);
}

KafkaConsumer::Counts KafkaConsumer::counts() const {
  const auto of = [this](Count what) { return counts_[what].load(std::memory_order_relaxed); };
  return {of(kAccepted), of(kDuplicates), of(kDead),    of(kUnrouted), of(kSkipped), of(kAssignments),
          of(kEpochs),   of(kLost),       of(kCommits), of(kPauses),   of(kLag)};
}

}  // namespace mnema
