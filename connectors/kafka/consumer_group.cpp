#include <algorithm>
#include <utility>

#include "connectors/kafka/consumer.hpp"
#include "runtime/base/log.hpp"

// The consumer's part in its group: what it is assigned, where that begins, and what is taken away again.

namespace mnema {
namespace {

bool contains(const std::vector<KafkaPartitionName>& names, const KafkaPartitionName& name) {
  return std::find(names.begin(), names.end(), name) != names.end();
}

}  // namespace

void KafkaConsumer::on_assigned(const std::vector<KafkaPartitionName>& assigned) {
  if (!member_->is_cooperative()) void_readings();
  read_positions(assigned, Duration{});
}

void KafkaConsumer::on_revoked(const std::vector<KafkaPartitionName>& revoked, bool is_lost) {
  if (!member_->is_cooperative()) void_readings();
  for (auto& [reading, names] : readings_) {
    std::erase_if(names, [&](const KafkaPartitionName& of) { return contains(revoked, of); });
  }
  for (const KafkaPartitionName& of : revoked) drop_gathered(of, KafkaBatch::kAllOffsets);
  revoked_ = revoked;
  revoked_at_ = parts_.clock.monotonic_now();
  // A lost assignment is somebody else's already: a commit would only fail.
  revocation_commits_ = is_lost;
  if (is_lost) return unassign();
  advance_revocation();
}

/// An eager rebalance assigns all anew.
void KafkaConsumer::void_readings() {
  readings_.clear();
  put_off_.clear();
}

void KafkaConsumer::read_positions(const std::vector<KafkaPartitionName>& of, Duration delay) {
  const std::uint64_t reading = ++readings_begun_;
  readings_[reading] = of;
  read(reading, delay);
}

/// The positions of those of a reading that are still ours.
void KafkaConsumer::read(std::uint64_t reading, Duration delay) {
  if (delay > Duration{}) {
    return parts_.loop.post_after(delay, [weak = weak_from_this(), reading] {
      if (const auto self = weak.lock()) self->read(reading, Duration{});
    });
  }
  const auto wanted = readings_.find(reading);
  if (wanted == readings_.end() || is_stopped_) return;
  if (replay_ && replay_->has_begun) return put_off_.push_back(reading);
  // What the last try of an orphan has stored is part of their positions.
  if (is_unanswered_ && std::any_of(wanted->second.begin(), wanted->second.end(), [&](const KafkaPartitionName& of) {
        return contains(orphaned_, of) && is_on_its_way({of});
      })) {
    return put_off_.push_back(reading);
  }
  partitions_.begin_reading();
  parts_.blocking.post(
      [self = shared_from_this(), member = member_, names = wanted->second, reading, was_alone_as = was_alone_as_] {
        Result<KafkaPositions> positions = read_kafka_positions(*member, self->parts_.database, self->options_.group,
                                                                self->options_.acknowledges_done, names);
        if (positions.ok() && !self->options_.stateful_agent.empty()) positions->member = member->id();
        // Whom the group has taken for dead meanwhile does not know who has the keys' state by now.
        if (positions.ok() && !self->options_.stateful_agent.empty() &&
            (positions->member.empty() || positions->member != was_alone_as)) {
          Result<std::vector<std::string>> others = member->others();
          if (others.ok()) {
            positions->others = std::move(*others);
          } else {
            positions = others.error();
          }
        }
        self->parts_.loop.post([self, names, reading, positions = std::move(positions)] {
          self->have_read(reading, names, positions);
          self->partitions_.end_reading();
        });
      });
}

void KafkaConsumer::have_read(std::uint64_t reading, const std::vector<KafkaPartitionName>& names,
                              const Result<KafkaPositions>& positions) {
  const auto wanted = readings_.find(reading);
  if (wanted == readings_.end() || is_stopped_) return;
  if (!positions.ok()) {
    log_warning("kafka", "where to begin cannot be read, and is asked for again",
                {{"source", member_->name()}, {"error", positions.error().text()}});
    member_->set_problem(positions.error().message);
    return read(reading, kTick);
  }
  const std::vector<KafkaPartitionName> ours = std::move(wanted->second);
  readings_.erase(wanted);
  if (!positions->others.empty()) return refuse(ours, positions->others);
  if (!ours.empty()) was_alone_as_ = positions->member;
  std::vector<KafkaPartitionName> assigned;
  KafkaPositions kept;
  kept.cluster = positions->cluster;
  for (std::size_t i = 0; i < names.size(); ++i) {
    if (!contains(ours, names[i])) continue;  // taken away meanwhile
    assigned.push_back(names[i]);
    kept.starts.push_back(positions->starts[i]);
    kept.unfinished.push_back(positions->unfinished[i]);
  }
  assign(assigned, kept);
}

void KafkaConsumer::refuse(const std::vector<KafkaPartitionName>& assigned, const std::vector<std::string>& others) {
  const std::string problem = "agent '" + options_.stateful_agent + "' keeps its state on this node, and " +
                              (others.size() == 1 ? "another node" : std::to_string(others.size()) + " other nodes") +
                              " (" + others.front() + ") of group '" + options_.group +
                              "' would get some of its keys; this node stands by. Give each node a group and topics of "
                              "its own, or declare the agent stateless";
  log_error("kafka", problem, {{"source", member_->name()}});
  member_->set_problem(problem);
  // As any other assignment, so that it can be taken away like one; nothing of it is gathered.
  std::vector<KafkaPartitionOffset> unread;
  for (const KafkaPartitionName& of : assigned) unread.push_back({of, KafkaPartitionOffset::kEnd});
  member_->assign(unread);
  member_->leave();
  // Two that began together must not meet again: one is to be alone first.
  const auto spread = std::chrono::milliseconds(parts_.random.below(5'000));
  parts_.loop.post_after(kJoinAgainAfter + spread, [weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->is_stopped_) self->member_->join_again();
  });
}

void KafkaConsumer::assign(const std::vector<KafkaPartitionName>& assigned, const KafkaPositions& positions) {
  if (!assigned.empty() && rules_->cluster != positions.cluster) {
    // A batch that is on its way keeps those it began with.
    rules_ = std::make_shared<KafkaBatchRules>(*rules_);
    rules_->cluster = positions.cluster;
  }
  std::vector<KafkaPartitionOffset> begun;
  for (std::size_t i = 0; i < assigned.size(); ++i) {
    const KafkaPartitionName& of = assigned[i];
    drop_gathered(of, KafkaBatch::kAllOffsets);
    KafkaPartitionState& state = partitions_.add(of.topic, of.number, positions.starts[i]);
    for (const auto& [sequence, offset] : positions.unfinished[i]) {
      partitions_.add_unfinished(state, sequence, offset);
    }
    begun.push_back(state.fetch_from(options_.from_latest));
    if (const std::string& why = positions.starts[i].alarm; !why.empty()) alarm(state, why);
  }
  member_->assign(begun);
  if (is_paused_) member_->set_paused(assigned, true);
  measure();  // before anybody can see the assignment
  add(kAssignments, 1);
  member_->note_working();
  log_info("kafka", "partitions are assigned", {{"source", member_->name()}, {"partitions", assigned.size()}});
}

void KafkaConsumer::alarm(const KafkaPartitionState& state, const std::string& why) {
  add(kEpochs, 1);
  log_error("kafka", "a new epoch of a partition begins: its events from here on are new ones",
            {{"source", member_->name()},
             {"topic", state.topic},
             {"partition", state.number},
             {"epoch", state.epoch},
             {"why", why}});
}

void KafkaConsumer::advance_revocation() {
  if (!revoked_) return;
  const bool is_late =
      parts_.clock.monotonic_now() - revoked_at_ > std::chrono::milliseconds(parts_.limits.kafka_revocation_ms);
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
  release(names);
  if (!member_->is_cooperative()) {
    partitions_.clear();
    gathered_.reset();
    member_->unassign(names);
  }
  drop_orphans();
  log_info("kafka", "partitions are revoked", {{"source", member_->name()}, {"partitions", names.size()}});
}

/// They are not ours for now.
void KafkaConsumer::release(const std::vector<KafkaPartitionName>& names) {
  if (names.empty()) return;
  // The pause would be remembered beyond the revocation.
  if (is_paused_) member_->set_paused(names, false);
  for (const KafkaPartitionName& of : names) {
    // What came since the revocation comes behind what was dropped then.
    drop_gathered(of, KafkaBatch::kAllOffsets);
    partitions_.remove(of.topic, of.number);
  }
  if (member_->is_cooperative()) member_->unassign(names);
}

/// Somebody else has moved a partition's row: what we know of ours is void. Until their positions are read we have no
/// partitions, or a record that was fetched behind the dropped ones could be taken for the next one.
void KafkaConsumer::read_again() {
  on_its_way_.reset();
  gathered_.reset();
  std::vector<KafkaPartitionName> kept = partitions_.all();
  release(kept);
  if (revoked_) std::erase_if(kept, [&](const KafkaPartitionName& of) { return contains(*revoked_, of); });
  if (!kept.empty()) read_positions(kept, kRetryAfter);
}

/// What was taken away from the batch on its way is not tried again.
void KafkaConsumer::drop_orphans() {
  if (is_unanswered_) return;
  for (const KafkaPartitionName& of : std::exchange(orphaned_, {})) {
    if (on_its_way_) on_its_way_->drop(of, KafkaBatch::kAllOffsets);
  }
  if (on_its_way_ && on_its_way_->records.empty()) on_its_way_.reset();
  if (on_its_way_) return;
  is_stalled_ = false;
  apply_pause();
}

bool KafkaConsumer::is_on_its_way(const std::vector<KafkaPartitionName>& names) const {
  return on_its_way_ && std::any_of(on_its_way_->parts.begin(), on_its_way_->parts.end(),
                                    [&](const auto& part) { return contains(names, part.of); });
}

void KafkaConsumer::read_ends(const KafkaPartitionName& of, Duration delay) {
  if (delay > Duration{}) {
    return parts_.loop.post_after(delay, [weak = weak_from_this(), of] {
      const auto self = weak.lock();
      if (self && !self->is_stopped_) self->read_ends(of, Duration{});
    });
  }
  parts_.blocking.post([self = shared_from_this(), member = member_, of] {
    const Result<KafkaWatermarks> ends = member->ends(of);
    self->parts_.loop.post([self, of, ends] {
      const KafkaPartitionState* state = self->partitions_.find(of.topic, of.number);
      if (self->is_stopped_ || state == nullptr) return;
      if (!ends.ok()) {
        self->member_->set_problem(ends.error().message);
        return self->read_ends(of, kTick);
      }
      const KafkaRestart restart = restart_of(state->stored(), state->committed, ends->low, ends->high);
      if (restart.skipped > 0) {
        self->add(kLost, restart.skipped);
        log_error("kafka", "records were deleted by their topic's retention before they were read",
                  {{"source", self->member_->name()},
                   {"topic", of.topic},
                   {"partition", of.number},
                   {"records", restart.skipped}});
      }
      self->restart(*state, restart.start);
    });
  });
}

void KafkaConsumer::restart(const KafkaPartitionState& state, const KafkaStart& start) {
  const KafkaPartitionName of = state.name();
  drop_gathered(of, KafkaBatch::kAllOffsets);
  const KafkaPartitionState& begun = partitions_.restart(of.topic, of.number, start);
  if (!start.alarm.empty()) alarm(begun, start.alarm);
  fetch_again(of);
}

/// By assigning anew, after which nothing is delivered that was fetched from the old place. (librdkafka refuses a seek
/// where the old place was out of range.)
void KafkaConsumer::fetch_again(const KafkaPartitionName& of) {
  const bool is_cooperative = member_->is_cooperative();
  // It comes again with its next assignment.
  if (revoked_ && (!is_cooperative || contains(*revoked_, of))) return;
  std::vector<KafkaPartitionOffset> offsets;
  for (const KafkaPartitionName& one : is_cooperative ? std::vector{of} : partitions_.all()) {
    offsets.push_back(partitions_.find(one.topic, one.number)->fetch_from(options_.from_latest));
  }
  if (is_cooperative) member_->unassign({of});
  member_->assign(offsets);
  if (is_paused_) member_->set_paused(partitions_.all(), true);
}

}  // namespace mnema
