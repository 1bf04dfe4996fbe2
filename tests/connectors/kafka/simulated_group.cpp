#include "tests/connectors/kafka/simulated_group.hpp"

#include <algorithm>
#include <utility>

#include "runtime/base/check.hpp"

namespace mnema::testing {
namespace {

using std::chrono::milliseconds;

class SimulatedFetch final : public KafkaFetch {
 public:
  struct One {
    int partition = 0;
    std::shared_ptr<const SimulatedGroup::Record> record;
  };
  [[nodiscard]] std::size_t size() const override { return records.size(); }
  [[nodiscard]] KafkaRecord record(std::size_t index, std::size_t /*headers_max*/) const override {
    KafkaRecord made;
    made.topic = SimulatedGroup::kTopic;
    made.partition = records[index].partition;
    made.offset = records[index].record->offset;
    made.time = records[index].record->time;
    made.value = records[index].record->value;
    return made;
  }
  [[nodiscard]] std::int64_t bytes(std::size_t index) const override {
    return static_cast<std::int64_t>(records[index].record->value.size());
  }
  std::vector<One> records;
};

KafkaMemberEvent of_partitions(KafkaMemberEvent::Kind kind, const std::vector<int>& numbers) {
  KafkaMemberEvent event;
  event.kind = kind;
  for (const int number : numbers) event.partitions.push_back({{SimulatedGroup::kTopic, number}, 0});
  return event;
}

}  // namespace

SimulatedGroup::SimulatedGroup(Simulation& simulation)
    : simulation_(simulation), lane_(simulation.lane("broker")), is_cooperative_(simulation.random().below(2) == 0) {}

std::shared_ptr<SimulatedMember> SimulatedGroup::make_member() {
  auto member = std::make_shared<SimulatedMember>(*this);
  member_ = member;
  return member;
}

void SimulatedGroup::forget_member() {
  ++generation_;
  is_rebalancing_ = false;
  note("the program died");
  member_.reset();
  for (Partition& partition : partitions_) {
    if (partition.owner == Owner::kUs) partition.owner = Owner::kNobody;
  }
}

void SimulatedGroup::produce(int number, bool is_poison) {
  Partition& partition = partitions_[static_cast<std::size_t>(number)];
  if (leaves_gaps && simulation_.random().below(6) == 0)
    partition.high += static_cast<std::int64_t>(simulation_.random().below(3));
  auto record = std::make_shared<Record>();
  record->number = next_number_++;
  record->offset = partition.high++;
  record->time = simulation_.clock().now();
  record->value = R"({"number":)" + std::to_string(record->number) + (is_poison ? "" : "}");
  produced_[record->number] = number;
  note("record ", record->number, " at ", number, "-", record->offset, is_poison ? ", poison" : "");
  partition.log.push_back(std::move(record));
}

bool SimulatedGroup::rebalance() {
  const std::shared_ptr<SimulatedMember> member = member_.lock();
  if (!member || !member->on_ready_ || is_rebalancing_) return false;
  // Who has not answered the last assignment is not asked politely to give it back.
  const bool is_lost = !is_calm_ && simulation_.random().below(4) == 0;
  if (member->is_told_ && !is_lost) return false;
  is_rebalancing_ = true;
  note("rebalance");
  wanted_.clear();
  std::vector<int> leaving;
  for (int number = 0; number < kPartitions; ++number) {
    Partition& partition = partitions_[static_cast<std::size_t>(number)];
    const bool is_ours = is_calm_ || simulation_.random().below(3) != 0;
    if (is_ours) wanted_.insert(number);
    if (partition.owner == Owner::kUs && (!is_cooperative_ || !is_ours)) leaving.push_back(number);
    if (partition.owner == Owner::kOther && is_ours) {
      // It commits what it has read before it goes; a zombie does not.
      if (simulation_.random().below(3) != 0) commit_of_other(partition);
      partition.owner = Owner::kNobody;
    }
  }
  if (leaving.empty()) {
    released();
    return true;
  }
  KafkaMemberEvent revoked = of_partitions(KafkaMemberEvent::Kind::kRevoked, leaving);
  revoked.is_lost = is_lost;
  if (is_lost) {
    member->is_told_ = false;
    hit("an assignment is lost");
    for (const int number : leaving) partitions_[static_cast<std::size_t>(number)].owner = Owner::kNobody;
  }
  member->is_revoking_ = true;
  member->push(std::move(revoked));
  return true;
}

/// What was to be released is; now it goes where it is wanted.
void SimulatedGroup::released() {
  std::vector<int> ours;
  for (int number = 0; number < kPartitions; ++number) {
    Partition& partition = partitions_[static_cast<std::size_t>(number)];
    if (wanted_.contains(number)) {
      if (partition.owner != Owner::kUs) ours.push_back(number);
      partition.owner = Owner::kUs;
    } else if (partition.owner != Owner::kOther) {
      partition.owner = Owner::kOther;
      // It would be misled by what was committed of an earlier topic: not ours to prove.
      partition.other_at = std::max(partition.is_stale ? 0 : partition.committed.offset, partition.low);
    }
  }
  lane_.post_after(milliseconds(simulation_.random().below(20)), [this, ours, generation = generation_] {
    if (generation != generation_) return;
    is_rebalancing_ = false;
    const std::shared_ptr<SimulatedMember> member = member_.lock();
    if (!member || (is_cooperative_ && ours.empty())) return;
    member->is_told_ = true;
    member->push(of_partitions(KafkaMemberEvent::Kind::kAssigned, ours));
  });
}

void SimulatedGroup::commit_of_other(Partition& partition) {
  partition.committed = {partition.other_at, true};
  partition.is_committed_by_us = partition.is_stale = false;
}

bool SimulatedGroup::reset_offset() {
  if (member_.lock()) return false;
  Partition& partition = partitions_[simulation_.random().below(kPartitions)];
  if (partition.owner == Owner::kOther || partition.high == 0) return false;
  const auto to = static_cast<std::int64_t>(simulation_.random().below(static_cast<std::uint64_t>(partition.high)));
  // Forward: what lies between is skipped, as the operator wanted.
  for (const auto& record : partition.log) {
    if (record->offset < to) excused_.insert(record->number);
  }
  partition.committed = {to, false};
  partition.is_committed_by_us = false;
  note("offset of ", &partition - partitions_.data(), " set to ", to);
  has_new_epochs_ = true;
  hit("an offset is reset");
  return true;
}

bool SimulatedGroup::create_anew() {
  if (member_.lock()) return false;
  for (Partition& partition : partitions_) {
    for (const auto& record : partition.log) excused_.insert(record->number);
    partition.log.clear();
    partition.low = partition.high = 0;
    partition.owner = Owner::kNobody;
    // Kafka forgets the group's offsets with the topic. Where it does not, only our own row tells that it is another.
    partition.is_stale = true;
    if (!partition.is_committed_by_us || forgets_offsets || simulation_.random().below(2) == 0)
      partition.committed = {};
  }
  has_new_epochs_ = true;
  hit("the topic is created anew");
  note("created anew");
  return true;
}

void SimulatedGroup::retain() {
  Partition& partition = partitions_[simulation_.random().below(kPartitions)];
  const std::size_t deleted = simulation_.random().below(partition.log.size() + 1);
  for (std::size_t i = 0; i < deleted; ++i) {
    excused_.insert(partition.log[i]->number);
    partition.low = partition.log[i]->offset + 1;
  }
  if (deleted > 0) note("deleted below ", &partition - partitions_.data(), "-", partition.low);
  partition.log.erase(partition.log.begin(), partition.log.begin() + static_cast<long>(deleted));
}

void SimulatedGroup::let_other_read() {
  for (Partition& partition : partitions_) {
    if (partition.owner != Owner::kOther) continue;
    int reads = static_cast<int>(simulation_.random().below(4));
    for (const auto& record : partition.log) {
      if (record->offset < partition.other_at) continue;
      if (reads-- == 0) break;
      excused_.insert(record->number);
      partition.other_at = record->offset + 1;
      note("the other node reads record ", record->number);
      hit("another node reads");
    }
    if (simulation_.random().below(2) == 0) commit_of_other(partition);
  }
}

void SimulatedGroup::calm() {
  is_calm_ = true;
  const std::shared_ptr<SimulatedMember> member = member_.lock();
  CHECK(member != nullptr, "somebody is to read what is left");
  plan(milliseconds(1));
}

/// Tries until it is done.
void SimulatedGroup::plan(Duration delay) {
  lane_.post_after(delay, [this] {
    if (!rebalance()) plan(milliseconds(50));
  });
}

bool SimulatedGroup::is_all_ours() const {
  const std::shared_ptr<SimulatedMember> member = member_.lock();
  return member && !is_rebalancing_ && !member->is_told_ && member->places_.size() == kPartitions;
}

Status SimulatedMember::join(const std::vector<std::string>& /*topics*/, std::function<void()> on_ready) {
  on_ready_ = std::move(on_ready);
  group_.plan(milliseconds(group_.simulation_.random().below(30)));
  lane_.post([weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->fetch();
  });
  return {};
}

void SimulatedMember::push(KafkaMemberEvent event) {
  events_.push_back(std::move(event));
  if (!std::exchange(is_armed_, false)) return;
  group_.simulation_.lane("loop").post([weak = weak_from_this()] {
    const auto self = weak.lock();
    if (self && !self->is_closed_) self->on_ready_();
  });
}

std::optional<KafkaMemberEvent> SimulatedMember::poll() {
  if (events_.empty()) {
    is_armed_ = true;
    return std::nullopt;
  }
  KafkaMemberEvent event = std::move(events_.front());
  events_.pop_front();
  return event;
}

void SimulatedMember::fetch() {
  if (is_closed_) return;
  Random& random = group_.simulation_.random();
  lane_.post_after(milliseconds(1 + random.below(15)), [weak = weak_from_this()] {
    if (const auto self = weak.lock()) self->fetch();
  });
  auto fetched = std::make_unique<SimulatedFetch>();
  for (auto& [number, place] : places_) {
    const SimulatedGroup::Partition& partition = group_.partitions_[static_cast<std::size_t>(number)];
    if (place.is_paused || place.is_lost || random.below(2) == 0) continue;
    if (place.next < partition.low || place.next > partition.high) {
      place.is_lost = true;
      group_.hit("an offset is not there");
      push(of_partitions(KafkaMemberEvent::Kind::kNotThere, {number}));
      continue;
    }
    int left = static_cast<int>(1 + random.below(5));
    for (const auto& record : partition.log) {
      if (record->offset < place.next) continue;
      if (left-- == 0) break;
      fetched->records.push_back({number, record});
      group_.note("fetched record ", record->number);
      place.next = record->offset + 1;
    }
  }
  if (fetched->records.empty()) return;
  KafkaMemberEvent event;
  event.fetch = std::move(fetched);
  push(std::move(event));
}

/// librdkafka gives nothing that it had fetched for an earlier assignment, or before a pause.
void SimulatedMember::drop_fetched(int number, bool rewinds) {
  std::optional<std::int64_t> first;
  for (KafkaMemberEvent& event : events_) {
    if (!event.fetch) continue;
    std::erase_if(static_cast<SimulatedFetch&>(*event.fetch).records, [&](const SimulatedFetch::One& one) {
      if (one.partition != number) return false;
      if (!first) first = one.record->offset;
      return true;
    });
  }
  if (first) group_.note("dropped of ", number, " from ", *first);
  if (rewinds && first) places_[number].next = *first;
}

void SimulatedMember::assign(const std::vector<KafkaPartitionOffset>& partitions) {
  is_told_ = false;
  for (const auto& [of, offset] : partitions) group_.note("assigned ", of.number, " from ", offset);
  if (!is_cooperative()) {
    for (const auto& [number, place] : places_) drop_fetched(number, false);
    places_.clear();
  }
  for (const auto& [of, offset] : partitions) {
    const SimulatedGroup::Partition& partition = group_.partitions_[static_cast<std::size_t>(of.number)];
    drop_fetched(of.number, false);
    places_[of.number] = {offset == KafkaPartitionOffset::kBegin ? partition.low
                          : offset == KafkaPartitionOffset::kEnd ? partition.high
                                                                 : offset,
                          false, false};
  }
}

void SimulatedMember::unassign(const std::vector<KafkaPartitionName>& partitions) {
  std::vector<int> numbers;
  for (const KafkaPartitionName& of : partitions) {
    numbers.push_back(of.number);
    group_.note("unassigned ", of.number);
  }
  if (!is_cooperative()) {
    for (const auto& [number, place] : places_) numbers.push_back(number);
  }
  for (const int number : numbers) {
    drop_fetched(number, false);
    places_.erase(number);
  }
  // Only what answers a rebalance: a consumer may also take its own partitions back and forth.
  if (!group_.is_rebalancing_ || !std::exchange(is_revoking_, false)) return;
  for (const int number : numbers) {
    SimulatedGroup::Partition& partition = group_.partitions_[static_cast<std::size_t>(number)];
    if (partition.owner == SimulatedGroup::Owner::kUs) partition.owner = SimulatedGroup::Owner::kNobody;
  }
  group_.released();
}

void SimulatedMember::set_paused(const std::vector<KafkaPartitionName>& partitions, bool is_paused) {
  for (const KafkaPartitionName& of : partitions) {
    const auto place = places_.find(of.number);
    if (place == places_.end()) continue;
    if (is_paused) drop_fetched(of.number, true);
    place->second.is_paused = is_paused;
    group_.hit(is_paused ? "fetching is paused" : "fetching is resumed");
  }
}

bool SimulatedMember::commit(const std::vector<KafkaPartitionOffset>& partitions) {
  Random& random = group_.simulation_.random();
  if (!group_.is_calm() && random.below(30) == 0) return false;
  commit_is_out_ = true;
  const bool fails = !group_.is_calm() && random.below(6) == 0;
  lane_.post_after(
      milliseconds(random.below(40)), [weak = weak_from_this(), partitions, fails, generation = group_.generation_] {
        const auto self = weak.lock();
        if (!self) return;
        SimulatedGroup& group = self->group_;
        self->commit_is_out_ = false;
        KafkaMemberEvent event;
        event.kind = KafkaMemberEvent::Kind::kCommitted;
        const bool is_fenced =
            generation != group.generation_ ||
            std::any_of(partitions.begin(), partitions.end(), [&](const KafkaPartitionOffset& one) {
              return group.partitions_[static_cast<std::size_t>(one.of.number)].owner != SimulatedGroup::Owner::kUs;
            });
        if (fails || is_fenced) {
          event.error = is_fenced ? "another generation" : "not now";
          group.hit("a commit fails");
        } else {
          for (const auto& [of, offset] : partitions) {
            group.note("committed ", of.number, " ", offset);
            if (group.on_commit) group.on_commit(of.number, offset);
            group.partitions_[static_cast<std::size_t>(of.number)].committed = {offset, true};
            group.partitions_[static_cast<std::size_t>(of.number)].is_committed_by_us = true;
            group.partitions_[static_cast<std::size_t>(of.number)].is_stale = false;
          }
          event.partitions = partitions;
        }
        self->push(std::move(event));
      });
  return true;
}

std::int64_t SimulatedMember::known_end(const KafkaPartitionName& of) const {
  return group_.partitions_[static_cast<std::size_t>(of.number)].high;
}

Result<KafkaGroupOffsets> SimulatedMember::committed(const std::vector<KafkaPartitionName>& of) {
  if (!group_.is_calm() && group_.simulation_.random().below(6) == 0) {
    group_.hit("positions cannot be read");
    return fail_retryable(ErrorCode::kUnavailable, "the broker does not answer");
  }
  KafkaGroupOffsets offsets;
  offsets.cluster = "simulated";
  for (const KafkaPartitionName& one : of) {
    offsets.committed.push_back(group_.partitions_[static_cast<std::size_t>(one.number)].committed);
  }
  return offsets;
}

Result<KafkaWatermarks> SimulatedMember::ends(const KafkaPartitionName& of) {
  if (!group_.is_calm() && group_.simulation_.random().below(6) == 0) {
    return fail_retryable(ErrorCode::kUnavailable, "the broker does not answer");
  }
  const SimulatedGroup::Partition& partition = group_.partitions_[static_cast<std::size_t>(of.number)];
  return KafkaWatermarks{partition.low, partition.high};
}

Result<std::vector<std::int64_t>> SimulatedMember::offsets_at(const std::vector<KafkaPartitionName>& of, Time time) {
  std::vector<std::int64_t> offsets;
  for (const KafkaPartitionName& one : of) {
    const SimulatedGroup::Partition& partition = group_.partitions_[static_cast<std::size_t>(one.number)];
    const auto first = std::find_if(partition.log.begin(), partition.log.end(),
                                    [time](const auto& record) { return record->time >= time; });
    offsets.push_back(first == partition.log.end() ? partition.high : (*first)->offset);
  }
  return offsets;
}

}  // namespace mnema::testing
