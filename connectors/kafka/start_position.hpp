// connectors/kafka/start_position.hpp
//
// Where a consumer begins in a partition that it is assigned, from what we have stored and what the broker says was
// committed for the group. Our own commits carry a mark in their metadata, which no tool that resets a group's offsets
// writes: so a reset is known from a commit that lags behind.
//
//   ours    committed       begins at
//   -       -               the configured start
//   -       C               C
//   O       -               O (the group's commits have expired, or none was ever made)
//   O       C, marked       max(C, O): the commit lags behind ours, or another node of the group went on
//   O       C, not marked   O if C is what was there when we began; else somebody reset the group: a new epoch from C
//
// An epoch is a numbering of its own: the same offset of another epoch is another event. A new one also begins when the
// topic was created anew, or somebody has records replayed (replay.hpp): what the group had committed before is
// remembered, and passed over until a commit of ours takes its place. Each is an alarm: never a silent drop.
//
// Threads: pure functions.
#pragma once

#include <cstdint>
#include <string>

namespace mnema {

/// The row of a partition (offset_store.hpp).
struct KafkaStored {
  std::int64_t epoch = 0;             // 0: there is none
  std::int64_t next = -1;             // offset of the first record that is not ours
  std::int64_t digest = 0;            // of the record before `next` (record.hpp); 0: unknown
  std::int64_t unmarked_commit = -1;  // of somebody else or of an earlier topic, until ours took its place
};

struct KafkaCommitted {
  std::int64_t offset = -1;  // -1: there is none
  bool is_marked = false;
};

/// What our commits say beside their offset.
inline constexpr const char* kKafkaCommitMark = "mnema";

struct KafkaStart {
  std::int64_t epoch = 1;
  std::int64_t stored_next = -1;  // of this epoch's row; -1: it has none yet
  std::int64_t offset = -1;       // -1: the configured start
  std::int64_t digest = 0;  // of the record before `offset`, to be compared with what is there now; 0: do not compare
  std::int64_t unmarked_commit = -1;
  std::int64_t committed = -1;  // with our mark, by us or another node; -1: none that counts in this epoch
  std::string alarm;            // why a new epoch begins; empty: none does
};

[[nodiscard]] KafkaStart start_of(const KafkaStored& stored, const KafkaCommitted& committed);

/// The broker does not have the offset that we wanted, it has those from `low` to `high` (exclusive).
/// Where the record before our offset is there, it is to be compared: the topic may be another one. `start.offset` -1
/// afterwards never happens. `start.committed` is `committed` where the partition has that offset.
/// `skipped`: records that were deleted before they were ours.
struct KafkaRestart {
  KafkaStart start;
  std::int64_t skipped = 0;
};
[[nodiscard]] KafkaRestart restart_of(const KafkaStored& stored, std::int64_t committed, std::int64_t low,
                                      std::int64_t high);
/// An operator has the partition read again from `offset` on: its records are new events from there.
[[nodiscard]] KafkaStart restart_of_replay(const KafkaStored& stored, std::int64_t committed, std::int64_t offset,
                                           std::string why);
/// What stands before our offset is another record than it was: the topic was created anew.
[[nodiscard]] KafkaStart restart_of_new_topic(const KafkaStored& stored, std::int64_t committed);

}  // namespace mnema
