#include "connectors/kafka/consumer.hpp"

#include <algorithm>
#include <cstring>
#include <limits>
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
constexpr std::int64_t kAllOffsets = std::numeric_limits<std::int64_t>::max();  // are below it

std::vector<KafkaPartitionName> names_of(const rd_kafka_topic_partition_list_t& list) {
  std::vector<KafkaPartitionName> names;
  for (int i = 0; i < list.cnt; ++i) names.push_back({list.elems[i].topic, list.elems[i].partition});
  return names;
}

bool contains(const std::vector<KafkaPartitionName>& names, const KafkaPartitionName& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
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
        restart(*state, restart_of_new_topic(state->stored(), state->committed));
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
  is_unanswered_ = true;
  // `rules_` is the loop's: an assignment may replace it meanwhile.
  mapping_->post([self = shared_from_this(), batch, rules = rules_] {
    self->accept_(
        event_batch_of(batch, rules, self->parts_.mailbox, self->parts_.limits),
        [self, batch](Result<AcceptResults> results) {
          // At once where we are, or an event could be settled before it is known to be unfinished.
          if (self->parts_.loop.on_loop_thread()) return self->answered(batch, results);
          self->parts_.loop.post([self, batch, results = std::move(results)] { self->answered(batch, results); });
        });
  });
}

void KafkaConsumer::answered(const std::shared_ptr<KafkaBatch>& batch, const Result<AcceptResults>& results) {
  if (on_its_way_ != batch) return;
  is_unanswered_ = false;
  if (results.ok()) {
    on_its_way_.reset();
    stored(*batch);
    if (is_drained_ || is_stopped_) commit();
  } else {
    refused(batch, results.error());
  }
  drop_orphans();
  for (const auto& assigned : std::exchange(put_off_, {})) read_positions(assigned, Duration{});
  advance_revocation();
  if (on_its_way_) return;
  send_next();
  schedule_poll();
}

void KafkaConsumer::refused(const std::shared_ptr<KafkaBatch>& batch, const Error& why) {
  if (is_stopped_) return on_its_way_.reset();
  if (revoked_) {
    // They come again, to whoever is assigned next.
    for (const KafkaPartitionName& of : *revoked_) batch->drop(of.topic, of.number, kAllOffsets);
    if (batch->records.empty()) return on_its_way_.reset();
  }
  log_warning("kafka", "records are not stored for now, and tried again",
              {{"source", client_->name()}, {"records", batch->records.size()}, {"error", why.text()}});
  if (why.code == ErrorCode::kAborted) return read_again();
  const Duration wait = std::max<Duration>(kRetryAfter, std::chrono::milliseconds(why.retry_after_ms));
  parts_.loop.post_after(wait, [weak = weak_from_this(), batch] {
    const auto self = weak.lock();
    if (self && self->on_its_way_ == batch) self->send(batch);
  });
}

/// Somebody else has moved a partition's row: what we know of ours is void. Until their positions are read we have no
/// partitions, or a record that was fetched behind the dropped ones could be taken for the next one.
void KafkaConsumer::read_again() {
  on_its_way_.reset();
  gathered_.reset();
  const KafkaPartitions all = partitions_.all();
  release(*all);
  std::vector<KafkaPartitionName> kept = names_of(*all);
  if (revoked_) std::erase_if(kept, [&](const KafkaPartitionName& of) { return contains(*revoked_, of); });
  if (!kept.empty()) read_positions(kept, kRetryAfter);
}

/// What was taken away from the batch on its way is not tried again.
void KafkaConsumer::drop_orphans() {
  if (is_unanswered_) return;
  for (const KafkaPartitionName& of : std::exchange(orphaned_, {})) {
    if (on_its_way_) on_its_way_->drop(of.topic, of.number, kAllOffsets);
  }
  if (on_its_way_ && on_its_way_->records.empty()) on_its_way_.reset();
  if (on_its_way_) return;
  is_stalled_ = false;
  apply_pause();
}

bool KafkaConsumer::is_on_its_way(const std::vector<KafkaPartitionName>& names) const {
  return on_its_way_ && std::any_of(on_its_way_->parts.begin(), on_its_way_->parts.end(),
                                    [&](const auto& part) { return contains(names, {part.topic, part.number}); });
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
    if (state->gathered_next < state->stored_next) {
      // Fetching began anew while the batch was on its way: what it held is ours, and not to be taken again.
      state->gathered_next = state->stored_next;
      if (state->verify_digest != 0) state->verify_digest = state->stored_digest;
      drop_gathered(state->topic, state->number, state->stored_next);
    }
    for (const auto& [sequence, offset] : part.unfinished) partitions_.add_unfinished(*state, sequence, offset);
  }
}

void KafkaConsumer::settled(Sequence sequence) { partitions_.settled(sequence); }

void KafkaConsumer::drop_gathered(const std::string& topic, std::int32_t number, std::int64_t offset) {
  if (!gathered_) return;
  gathered_->drop(topic, number, offset);
  if (gathered_->records.empty()) gathered_.reset();
}

// --- groups

bool KafkaConsumer::is_cooperative() const {
  const char* protocol = rd_kafka_rebalance_protocol(client_->get());
  return protocol != nullptr && std::strcmp(protocol, "COOPERATIVE") == 0;
}

/// An eager rebalance assigns all anew.
void KafkaConsumer::void_reads() {
  if (is_cooperative()) return;
  ++assignment_;
  put_off_.clear();
}

void KafkaConsumer::on_rebalance(const KafkaEvent& event) {
  const rd_kafka_topic_partition_list_t* list = rd_kafka_event_topic_partition_list(event.get());
  if (rd_kafka_event_error(event.get()) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS) {
    void_reads();
    return read_positions(names_of(*list), Duration{});
  }
  void_reads();
  for (int i = 0; i < list->cnt; ++i) drop_gathered(list->elems[i].topic, list->elems[i].partition, kAllOffsets);
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
  // What the last try of an orphan has stored is part of their positions.
  if (is_unanswered_ && std::any_of(assigned.begin(), assigned.end(), [&](const KafkaPartitionName& of) {
        return contains(orphaned_, of) && is_on_its_way({of});
      })) {
    return put_off_.push_back(assigned);
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
    drop_gathered(entry.topic, entry.partition, kAllOffsets);
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
  if (is_on_its_way(*revoked_) && !is_late) return;
  if (!revocation_commits_ && !is_late) {
    if (commit_is_out_) return;  // of before: ours comes after it
    revocation_commits_ = true;
    commit();
  }
  if (commit_is_out_ && !is_late) return;
  unassign();
}

void KafkaConsumer::unassign() {
  const std::vector<KafkaPartitionName> names = *std::exchange(revoked_, std::nullopt);
  orphaned_.insert(orphaned_.end(), names.begin(), names.end());
  release(*list_of(names));
  if (!is_cooperative()) {
    partitions_.clear();
    gathered_.reset();
    rd_kafka_assign(client_->get(), nullptr);
  }
  drop_orphans();
  log_info("kafka", "partitions are revoked", {{"source", client_->name()}, {"partitions", names.size()}});
}

/// They are not ours for now.
void KafkaConsumer::release(const rd_kafka_topic_partition_list_t& list) {
  if (list.cnt == 0) return;
  // librdkafka remembers the pause beyond the revocation.
  const KafkaPartitions copy(rd_kafka_topic_partition_list_copy(&list));
  if (is_paused_) rd_kafka_resume_partitions(client_->get(), copy.get());
  for (int i = 0; i < list.cnt; ++i) partitions_.remove(list.elems[i].topic, list.elems[i].partition);
  if (!is_cooperative()) return;
  const KafkaError error(rd_kafka_incremental_unassign(client_->get(), copy.get()));
  if (error) client_->set_problem(rd_kafka_error_string(error.get()));
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
  drop_gathered(topic, number, kAllOffsets);
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
