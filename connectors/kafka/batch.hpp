// connectors/kafka/batch.hpp
//
// Records on their way into the mailbox: what they become, and what is written with them. One batch is one transaction:
// events, dead letters of what is none, and the offsets of its partitions.
//
// Threads:   gathered on the loop thread, then confined to one executor at a time: a worker (mapping), the store
//            (hook), the loop (what came of it).
// Ownership: owns the fetches that hold its records.
#pragma once

#include <limits>
#include <memory>
#include <set>
#include <string>
#include <vector>

#include "connectors/kafka/member.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "connectors/kafka/record_mapping.hpp"
#include "runtime/events/event_batch.hpp"
#include "runtime/events/mailbox.hpp"

namespace mnema {

struct KafkaBatch {
  static constexpr std::int64_t kAllOffsets = std::numeric_limits<std::int64_t>::max();  // are below it

  /// One partition's part of it.
  struct Part {
    KafkaPartitionName of;
    std::int64_t expected_next = -1;  // of its row
    KafkaStored moved;
    std::int64_t finished_below = -1;  // ack = done: what the table of unfinished events may forget
    std::vector<kafka_offset_store::Unfinished> unfinished;  // by the hook, with ack = done
  };
  struct Record {
    const KafkaFetch* fetch = nullptr;
    std::size_t index = 0;  // in it
    std::int64_t offset = 0;
    std::size_t part = 0;
    [[nodiscard]] KafkaRecord read(std::size_t headers_max) const { return fetch->record(index, headers_max); }
  };
  struct Outcome {
    long long accepted = 0;
    long long duplicates = 0;
    long long dead = 0;
    long long unrouted = 0;
  };

  std::vector<std::unique_ptr<KafkaFetch>> fetches;
  std::vector<Record> records;
  std::vector<Part> parts;
  std::int64_t bytes = 0;
  RegisteredSchemas schemas;  // those that the records name, before they are mapped
  Outcome outcome;            // of the hook's last run

  /// The part of that partition, made if it is the batch's first record of it.
  [[nodiscard]] std::size_t part_of(const KafkaPartitionName& of, std::int64_t expected_next,
                                    const KafkaStored& stored);
  /// The schemas that its records name.
  [[nodiscard]] std::set<SchemaId> schema_ids() const;
  /// Takes a partition's records below `offset` out. Not while it is mapped or stored.
  void drop(const KafkaPartitionName& of, std::int64_t offset);
};

struct KafkaBatchRules {
  KafkaMapping mapping;
  std::string cluster;
  std::string group;
  std::string key_template;
  Dedupe dedupe = Dedupe::kByOffset;
  bool tracks_unfinished = false;            // ack = done
  std::shared_ptr<SchemaRegistry> registry;  // null: its records need none
  std::shared_ptr<SchemaVersions> versions;  // with it
};

/// Maps the records. The event batch's hook refers to all three, which stay until it is answered.
[[nodiscard]] EventBatch event_batch_of(const std::shared_ptr<KafkaBatch>& batch,
                                        const std::shared_ptr<const KafkaBatchRules>& rules, Mailbox& mailbox,
                                        const Limits& limits);

}  // namespace mnema
