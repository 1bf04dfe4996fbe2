#include "connectors/kafka/consumer.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/log.hpp"

namespace mnema {
namespace {

constexpr int kEventsPerPass = 512;  // then others on the loop have their turn
constexpr Duration kStalledAfter = std::chrono::seconds(1);

}  // namespace

KafkaConsumer::KafkaConsumer(KafkaConsumerOptions options, KafkaBatchRules rules, std::shared_ptr<KafkaMember> member,
                             const KafkaConsumerParts& parts)
    : options_(std::move(options)),
      parts_(parts),
      member_(std::move(member)),
      rules_(std::make_shared<KafkaBatchRules>(std::move(rules))),
      mapping_(std::make_shared<Strand>(parts.workers)) {}

Status KafkaConsumer::start(Accept accept) {
  accept_ = std::move(accept);
  RETURN_IF_ERROR(member_->join(options_.topics, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->poll();
  }));
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
  return gathered_->records.size() < records_max && gathered_->bytes < parts_.limits.broker_batch_bytes_max;
}

void KafkaConsumer::poll() {
  for (int event_number = 0; event_number < kEventsPerPass; ++event_number) {
    if (is_stopped_) return;
    // Full: polling goes on when the batch that is on its way is answered.
    if (!has_capacity()) return send_next();
    std::optional<KafkaMemberEvent> event = member_->poll();
    if (!event) return send_next();
    handle(std::move(*event));
  }
  send_next();
  schedule_poll();  // nobody wakes us as long as something is left
}

void KafkaConsumer::handle(KafkaMemberEvent event) {
  std::vector<KafkaPartitionName> names;
  for (const KafkaPartitionOffset& one : event.partitions) names.push_back(one.of);
  switch (event.kind) {
    case KafkaMemberEvent::Kind::kFetched:
      return gather(std::move(event.fetch));
    case KafkaMemberEvent::Kind::kAssigned:
      return on_assigned(names);
    case KafkaMemberEvent::Kind::kRevoked:
      return on_revoked(names, event.is_lost);
    case KafkaMemberEvent::Kind::kCommitted:
      return on_commit(event);
    case KafkaMemberEvent::Kind::kNotThere:
      for (const KafkaPartitionName& of : names) read_ends(of, Duration{});
  }
}

void KafkaConsumer::gather(std::unique_ptr<KafkaFetch> fetch) {
  if (is_drained_ || replay_) return;  // a replay reads all positions again
  bool is_kept = false;
  std::vector<KafkaPartitionName> restarted;  // what follows of theirs in this fetch is of before
  for (std::size_t i = 0; i < fetch->size(); ++i) {
    const KafkaRecord record = fetch->record(i, 0);
    KafkaPartitionState* state = partitions_.find(record.topic, record.partition);
    if (state == nullptr) continue;  // revoked since
    if (!restarted.empty() && std::find(restarted.begin(), restarted.end(), state->name()) != restarted.end()) continue;
    switch (KafkaPartitionStates::look_at(*state, record)) {
      case KafkaPartitionStates::Verdict::kSkip:
        add(kSkipped, 1);
        continue;
      case KafkaPartitionStates::Verdict::kOtherTopic:
        restarted.push_back(state->name());
        restart(*state, restart_of_new_topic(state->stored(), state->committed));
        continue;
      case KafkaPartitionStates::Verdict::kTake:
        break;
    }
    if (!gathered_) gathered_ = std::make_shared<KafkaBatch>();
    const std::size_t part = gathered_->part_of(state->name(), state->stored_next, state->stored());
    gathered_->records.push_back({fetch.get(), i, record.offset, part});
    gathered_->bytes += fetch->bytes(i);
    is_kept = true;
  }
  if (is_kept && gathered_) gathered_->fetches.push_back(std::move(fetch));
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
  advance_replay();
  look_for_shorter();
  measure();
  member_->tick();
}

// --- batches

void KafkaConsumer::send_next() {
  if (on_its_way_ || !gathered_ || is_stopped_ || revoked_ || replay_) return;
  if (gathered_->records.empty()) return gathered_.reset();
  on_its_way_ = std::exchange(gathered_, nullptr);
  sent_at_ = parts_.clock.monotonic_now();
  for (KafkaBatch::Part& part : on_its_way_->parts) {
    // Without a state none of its records is left (drop_gathered).
    const KafkaPartitionState* state = partitions_.find(part.of.topic, part.of.number);
    if (state == nullptr) continue;
    part.expected_next = state->stored_next;
    part.moved = state->stored();
    part.finished_below = state->to_commit();
  }
  send(on_its_way_);
}

void KafkaConsumer::send(const std::shared_ptr<KafkaBatch>& batch) {
  is_unanswered_ = true;
  if (!rules_->registry) return map(batch);
  // The registry may keep this longer than we are open, and the batch has messages of our client.
  const auto done = [weak = weak_from_this(), of = std::weak_ptr(batch)](Result<RegisteredSchemas> schemas) {
    const auto self = weak.lock();
    const auto batch = of.lock();
    if (!self || !batch) return;
    if (!schemas.ok()) return self->answered(batch, schemas.error());
    batch->schemas = std::move(*schemas);
    self->map(batch);
  };
  rules_->registry->find(batch->schema_ids(), done);
}

void KafkaConsumer::map(const std::shared_ptr<KafkaBatch>& batch) {
  // `rules_` is the loop's: an assignment may replace it meanwhile.
  mapping_->post([self = shared_from_this(), batch, rules = rules_] {
    self->accept_(
        event_batch_of(batch, rules, self->parts_.mailbox, self->parts_.limits),
        [self, batch](Result<AcceptResults> results) {
          // On the loop already: by another hand-off an event could be settled before it is known to be unfinished.
          if (results.ok()) return self->answered(batch, results);
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
    if (is_drained_ || is_stopped_ || may_share()) commit();
  } else {
    refused(batch, results.error());
  }
  drop_orphans();
  for (const std::uint64_t reading : std::exchange(put_off_, {})) read(reading, Duration{});
  advance_revocation();
  advance_replay();
  if (is_stopped_) return leave();
  if (on_its_way_) return;
  send_next();
  schedule_poll();
}

void KafkaConsumer::refused(const std::shared_ptr<KafkaBatch>& batch, const Error& why) {
  if (is_stopped_) return on_its_way_.reset();
  if (revoked_) {
    // They come again, to whoever is assigned next.
    for (const KafkaPartitionName& of : *revoked_) batch->drop(of, KafkaBatch::kAllOffsets);
    if (batch->records.empty()) return on_its_way_.reset();
  }
  log_warning("kafka", "records are not stored for now, and tried again",
              {{"source", member_->name()}, {"records", batch->records.size()}, {"error", why.text()}});
  if (why.code == ErrorCode::kAborted) return read_again();
  const Duration wait = std::max<Duration>(kRetryAfter, std::chrono::milliseconds(why.retry_after_ms));
  parts_.loop.post_after(wait, [weak = weak_from_this(), batch] {
    const auto self = weak.lock();
    if (self && self->on_its_way_ == batch) self->send(batch);
  });
}

void KafkaConsumer::stored(const KafkaBatch& batch) {
  member_->note_working();
  add(kAccepted, batch.outcome.accepted);
  add(kDuplicates, batch.outcome.duplicates);
  add(kDead, batch.outcome.dead);
  add(kUnrouted, batch.outcome.unrouted);
  for (const KafkaBatch::Part& part : batch.parts) {
    KafkaPartitionState* state = partitions_.find(part.of.topic, part.of.number);
    if (state == nullptr || state->epoch != part.moved.epoch || part.moved.next <= state->stored_next) continue;
    state->stored_next = part.moved.next;
    state->stored_digest = part.moved.digest;
    if (state->gathered_next < state->stored_next) {
      // Fetching began anew while the batch was on its way: what it held is ours, and not to be taken again.
      state->gathered_next = state->stored_next;
      if (state->verify_digest != 0) state->verify_digest = state->stored_digest;
    }
    // It may also have come as far again by now, or farther.
    drop_gathered(state->name(), state->stored_next);
    for (const auto& [sequence, offset] : part.unfinished) partitions_.add_unfinished(*state, sequence, offset);
  }
}

void KafkaConsumer::settled(Sequence sequence) { partitions_.settled(sequence); }

void KafkaConsumer::drop_gathered(const KafkaPartitionName& of, std::int64_t offset) {
  if (!gathered_) return;
  gathered_->drop(of, offset);
  if (gathered_->records.empty()) gathered_.reset();
}

// --- commits and pauses

void KafkaConsumer::commit() {
  if (commit_is_out_ || member_->is_fatal()) return;
  const std::vector<KafkaPartitionOffset> offsets = partitions_.commits();
  if (!offsets.empty()) commit_is_out_ = member_->commit(offsets);
}

void KafkaConsumer::on_commit(const KafkaMemberEvent& event) {
  commit_is_out_ = false;
  if (event.error.empty()) {
    add(kCommits, 1);
    member_->note_working();
  } else {
    log_info("kafka", "offsets are not committed for now", {{"source", member_->name()}, {"text", event.error}});
  }
  for (const auto& [of, offset] : event.partitions) {
    KafkaPartitionState* state = partitions_.find(of.topic, of.number);
    if (state == nullptr) continue;
    state->committed = offset;
    state->unmarked_commit = -1;
  }
  measure();
  if (event.error.empty() && may_share()) commit();  // what was stored meanwhile
  advance_revocation();
  advance_replay();
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
  member_->set_paused(partitions_.all(), wanted);
  if (!wanted) schedule_poll();
}

void KafkaConsumer::drain() {
  if (std::exchange(is_drained_, true)) return;
  gathered_.reset();
  apply_pause();
  commit();
}

void KafkaConsumer::stop() {
  drain();
  cancel_replay();
  if (std::exchange(is_stopped_, true)) return;
  leave();
}

/// With the others that stop now: the time for it is theirs together.
void KafkaConsumer::leave() {
  if (is_unanswered_) return;
  if (!member_ || member_->leave_for_good()) {
    has_left_ = true;
    return;
  }
  parts_.loop.post_after(kLeaveStep, [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->leave();
  });
}

void KafkaConsumer::close() {
  is_stopped_ = true;
  gathered_.reset();
  on_its_way_.reset();
  revoked_.reset();
  member_->close();
  member_.reset();
}

/// A topic that was created anew and is shorter than ours was gives no record to compare, and no error where it ends
/// just before our offset.
void KafkaConsumer::look_for_shorter() {
  partitions_.for_each([&](const KafkaPartitionState& state) {
    const std::int64_t end = state.verify_digest != 0 ? member_->known_end(state.name()) : -1;
    if (end >= 0 && end < state.gathered_next) read_ends(state.name(), Duration{});
  });
}

void KafkaConsumer::measure() {
  long long lag = 0, uncommitted = 0;
  partitions_.for_each([&](const KafkaPartitionState& state) {
    const std::int64_t end = member_->known_end(state.name());
    const std::int64_t read = std::max(state.stored_next, state.begun_at);
    if (read >= 0 && end > read) lag += end - read;
    uncommitted += std::max<long long>(0, state.stored_next - std::max<std::int64_t>(0, state.committed));
  });
  counts_[kLag].store(lag, std::memory_order_relaxed);
  counts_[kUncommitted].store(uncommitted, std::memory_order_relaxed);
}

KafkaConsumer::Counts KafkaConsumer::counts() const {
  const auto of = [this](Count what) { return counts_[what].load(std::memory_order_relaxed); };
  return {of(kAccepted), of(kDuplicates), of(kDead),    of(kUnrouted), of(kSkipped), of(kAssignments),
          of(kEpochs),   of(kLost),       of(kCommits), of(kPauses),   of(kLag),     of(kUncommitted)};
}

}  // namespace mnema
