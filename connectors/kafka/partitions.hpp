// connectors/kafka/partitions.hpp
//
// What a consumer knows of the partitions it is assigned: up to where their records were gathered, stored, may be
// committed and have been committed.
//
//   to commit <= stored <= gathered        (offsets of the next record)
//
// What the group has committed only rises in an epoch: where another node went on, it is ahead of what we have stored,
// and nothing is committed until we are past it.
//
// With `ack = inbox` everything stored may be committed; with `ack = done` what comes before the first event that is
// still in the mailbox, so that a commit says "handled".
//
// Threads:   confined to the loop thread.
// Invariant: the order above, where the offsets are known   (check_integrity)
#pragma once

#include <algorithm>
#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <string_view>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "connectors/kafka/member.hpp"
#include "connectors/kafka/record.hpp"
#include "connectors/kafka/start_position.hpp"
#include "runtime/events/event.hpp"

namespace mnema {

struct KafkaPartitionState {
  std::string topic;
  std::int32_t number = 0;
  std::int64_t epoch = 1;
  std::int64_t stored_next = -1;  // as its row says; -1: it has none
  std::int64_t stored_digest = 0;
  std::int64_t gathered_next = -1;  // -1: nothing yet, any record is the next one
  std::int64_t begun_at = -1;       // its first place of this assignment: what lies before is not for us to read
  std::int64_t committed = -1;      // by us or another node, as the broker has confirmed
  std::int64_t unmarked_commit = -1;
  std::int64_t verify_digest = 0;     // the record before gathered_next must be this one; 0: nothing to verify
  std::set<std::int64_t> unfinished;  // offsets, for ack = done

  [[nodiscard]] KafkaStored stored() const { return {epoch, stored_next, stored_digest, unmarked_commit}; }
  /// -1: nothing.
  [[nodiscard]] std::int64_t to_commit() const {
    return unfinished.empty() ? stored_next : std::min(stored_next, *unfinished.begin());
  }
  [[nodiscard]] KafkaPartitionName name() const { return {topic, number}; }
  [[nodiscard]] KafkaPartitionOffset fetch_from(bool from_latest) const;
};

class KafkaPartitionStates {
 public:
  /// Takes a partition in that was assigned.
  KafkaPartitionState& add(const std::string& topic, std::int32_t number, const KafkaStart& start);
  /// Begins anew in one that is ours. In the same epoch its events stay unfinished.
  KafkaPartitionState& restart(const std::string& topic, std::int32_t number, const KafkaStart& start);
  void remove(std::string_view topic, std::int32_t number);
  void clear();
  [[nodiscard]] KafkaPartitionState* find(std::string_view topic, std::int32_t number);
  [[nodiscard]] bool empty() const { return states_.empty(); }

  enum class Verdict { kTake, kSkip, kOtherTopic };
  /// Whether a record is the next one. `kSkip`: it is ours already. `kOtherTopic`: what stands before our offset is
  /// another record than it was.
  [[nodiscard]] static Verdict look_at(KafkaPartitionState& state, const KafkaRecord& record);

  /// Those that are in the mailbox still; the mailbox says when they have left.
  void add_unfinished(KafkaPartitionState& state, Sequence sequence, std::int64_t offset);
  void settled(Sequence sequence);
  /// Around each reading of unfinished events off the loop: what is settled between may be in what was read, and is no
  /// longer unfinished when that is added.
  void begin_reading() { ++readings_; }
  void end_reading();

  /// What the broker does not know yet.
  [[nodiscard]] std::vector<KafkaPartitionOffset> commits() const;
  [[nodiscard]] std::vector<KafkaPartitionName> all() const;
  [[nodiscard]] std::int64_t unfinished() const { return static_cast<std::int64_t>(places_.size()); }

  template <class Each>
  void for_each(const Each& each) {
    for (auto& [topic, partitions] : states_) {
      for (auto& [number, state] : partitions) each(state);
    }
  }
  void check_integrity() const;

 private:
  struct Place {
    std::string topic;
    std::int32_t number = 0;
    std::int64_t offset = 0;
  };
  std::map<std::string, std::map<std::int32_t, KafkaPartitionState>, std::less<>> states_;
  std::unordered_map<Sequence, Place> places_;
  int readings_ = 0;
  std::unordered_set<Sequence> settled_meanwhile_;  // since the first of `readings_`
};

}  // namespace mnema
