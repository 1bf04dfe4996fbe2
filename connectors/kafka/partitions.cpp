#include "connectors/kafka/partitions.hpp"

#include "runtime/base/check.hpp"

namespace mnema {

KafkaPartitionOffset KafkaPartitionState::fetch_from(bool from_latest) const {
  if (gathered_next < 0) return {name(), from_latest ? KafkaPartitionOffset::kEnd : KafkaPartitionOffset::kBegin};
  return {name(), verify_digest != 0 ? gathered_next - 1 : gathered_next};
}

KafkaPartitionState& KafkaPartitionStates::add(const std::string& topic, std::int32_t number, const KafkaStart& start) {
  remove(topic, number);
  KafkaPartitionState& state = states_[topic][number];
  state.topic = topic;
  state.number = number;
  state.epoch = start.epoch;
  state.stored_next = start.stored_next;
  state.stored_digest = start.digest;
  state.gathered_next = state.begun_at = start.offset;
  state.committed = start.committed;
  state.unmarked_commit = start.unmarked_commit;
  state.verify_digest = start.digest;
  return state;
}

KafkaPartitionState& KafkaPartitionStates::restart(const std::string& topic, std::int32_t number,
                                                   const KafkaStart& start) {
  KafkaPartitionState* const state = find(topic, number);
  if (state == nullptr || state->epoch != start.epoch) return add(topic, number, start);
  state->gathered_next = state->begun_at = start.offset;
  state->committed = start.committed;
  state->verify_digest = start.digest;
  return *state;
}

void KafkaPartitionStates::remove(std::string_view topic, std::int32_t number) {
  const auto found = states_.find(topic);
  if (found == states_.end()) return;
  std::erase_if(places_,
                [&](const auto& place) { return place.second.number == number && place.second.topic == topic; });
  found->second.erase(number);
  if (found->second.empty()) states_.erase(found);
}

void KafkaPartitionStates::clear() {
  states_.clear();
  places_.clear();
}

KafkaPartitionState* KafkaPartitionStates::find(std::string_view topic, std::int32_t number) {
  const auto found = states_.find(topic);
  if (found == states_.end()) return nullptr;
  const auto state = found->second.find(number);
  return state == found->second.end() ? nullptr : &state->second;
}

KafkaPartitionStates::Verdict KafkaPartitionStates::look_at(KafkaPartitionState& state, const KafkaRecord& record) {
  if (state.verify_digest != 0) {
    if (record.offset == state.gathered_next - 1) {
      const bool is_same = digest_of(record) == state.verify_digest;
      state.verify_digest = 0;
      return is_same ? Verdict::kSkip : Verdict::kOtherTopic;
    }
    // It is no longer there (the topic is compacted): nothing to compare.
    if (record.offset >= state.gathered_next) state.verify_digest = 0;
  }
  if (record.offset < state.gathered_next) return Verdict::kSkip;
  state.gathered_next = record.offset + 1;
  return Verdict::kTake;
}

void KafkaPartitionStates::add_unfinished(KafkaPartitionState& state, Sequence sequence, std::int64_t offset) {
  if (settled_meanwhile_.contains(sequence)) return;
  state.unfinished.insert(offset);
  places_[sequence] = {state.topic, state.number, offset};
}

void KafkaPartitionStates::end_reading() {
  if (--readings_ == 0) settled_meanwhile_.clear();
}

void KafkaPartitionStates::settled(Sequence sequence) {
  if (readings_ > 0) settled_meanwhile_.insert(sequence);
  const auto place = places_.find(sequence);
  if (place == places_.end()) return;
  if (KafkaPartitionState* state = find(place->second.topic, place->second.number)) {
    state->unfinished.erase(place->second.offset);
  }
  places_.erase(place);
}

std::vector<KafkaPartitionOffset> KafkaPartitionStates::commits() const {
  std::vector<KafkaPartitionOffset> list;
  for (const auto& [topic, partitions] : states_) {
    for (const auto& [number, state] : partitions) {
      // Until the record before our offset has been compared, the topic may be another one: these are not its offsets.
      if (state.verify_digest != 0) continue;
      const std::int64_t offset = state.to_commit();
      if (offset >= 0 && offset > state.committed) list.push_back({state.name(), offset});
    }
  }
  return list;
}

std::vector<KafkaPartitionName> KafkaPartitionStates::all() const {
  std::vector<KafkaPartitionName> list;
  for (const auto& [topic, partitions] : states_) {
    for (const auto& [number, state] : partitions) list.push_back(state.name());
  }
  return list;
}

void KafkaPartitionStates::check_integrity() const {
  std::size_t unfinished = 0;
  for (const auto& [topic, partitions] : states_) {
    for (const auto& [number, state] : partitions) {
      unfinished += state.unfinished.size();
      if (state.stored_next >= 0 && state.gathered_next >= 0) {
        CHECK(state.stored_next <= state.gathered_next, "nothing is stored that was not gathered");
      }
      if (state.stored_next >= 0)
        CHECK(state.to_commit() <= state.stored_next, "nothing is committed before it is stored");
    }
  }
  CHECK(unfinished == places_.size(), "every event that is not finished has its place");
}

}  // namespace mnema
