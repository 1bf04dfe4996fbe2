// connectors/kafka/offset_store.hpp
//
// How far each partition of each consumer group is ours: one row per (cluster, group, topic, partition, epoch), moved
// in the transaction that stores the events. For `ack = done` also which events of a partition have not been handled
// yet.
//
// Threads: inside a unit of work; `load` and `load_unfinished` also inside Database::read.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "connectors/kafka/start_position.hpp"
#include "runtime/events/event.hpp"
#include "runtime/store/database.hpp"

namespace mnema::kafka_offset_store {

/// To be given to Database::open with the others, after PermitStore's.
[[nodiscard]] std::vector<Migration> migrations();

struct PartitionName {
  std::string cluster;  // the cluster's own id
  std::string group;
  std::string topic;
  std::int32_t partition = 0;
};

/// The row of the latest epoch; epoch 0: there is none.
[[nodiscard]] Result<KafkaStored> load(Transaction& transaction, const PartitionName& name);

/// Moves the row of `moved.epoch` from `expected_next` (-1: there is no row yet) to `moved`.
/// Errors: `kAborted`: it is not there; somebody else has moved it.
[[nodiscard]] Status move(Transaction& transaction, const PartitionName& name, std::int64_t expected_next,
                          const KafkaStored& moved);

/// Writes the first row of an epoch, which begins at `begun.next`. Errors: `kAborted`: there is one.
[[nodiscard]] Status open_epoch(Transaction& transaction, const PartitionName& name, const KafkaStored& begun);

/// The partitions of the group that have rows.
[[nodiscard]] Result<std::vector<PartitionName>> list(Transaction& transaction, const std::string& cluster,
                                                      const std::string& group);

/// An event that is in the mailbox, by the offset of its record. Offsets are of an epoch: another one's say nothing of
/// how far this one is handled.
struct Unfinished {
  Sequence sequence = 0;
  std::int64_t offset = 0;
};
[[nodiscard]] Status add_unfinished(Transaction& transaction, const PartitionName& name, std::int64_t epoch,
                                    const std::vector<Unfinished>& events);
/// Those of the epoch that are in the mailbox still and not dead, by offset.
[[nodiscard]] Result<std::vector<Unfinished>> load_unfinished(Transaction& transaction, const PartitionName& name,
                                                              std::int64_t epoch);
/// Forgets those of the epoch below `offset`, and all of earlier ones.
[[nodiscard]] Status remove_finished(Transaction& transaction, const PartitionName& name, std::int64_t epoch,
                                     std::int64_t offset);

}  // namespace mnema::kafka_offset_store
