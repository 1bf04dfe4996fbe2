// connectors/kafka/batch.hpp
//
// Records on their way into the mailbox: what they become, and what is written with them. One batch is one transaction:
// events, dead letters of what is none, and the offsets of its partitions.
//
// Threads:   gathered on the loop thread, then confined to one executor at a time: a worker (mapping), the store
//            (hook), the loop (what came of it).
// Ownership: owns the events of librdkafka that hold its records, and through `client` what they came from.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/handles.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "connectors/kafka/record_mapping.hpp"
#include "runtime/events/event_batch.hpp"
#include "runtime/events/mailbox.hpp"

namespace mnema {

struct KafkaBatch {
  /// One partition's part of it.
  struct Part {
    std::string topic;
    std::int32_t number = 0;
    std::int64_t expected_next = -1;  // of its row
    KafkaStored moved;
    std::int64_t finished_below = -1;  // ack = done: what the table of unfinished events may forget
    std::vector<kafka_offset_store::Unfinished> unfinished;  // by the hook, with ack = done
  };
  struct Record {
    const rd_kafka_message_t* message = nullptr;
    std::size_t part = 0;
  };
  struct Outcome {
    long long accepted = 0;
    long long duplicates = 0;
    long long dead = 0;
    long long unrouted = 0;
  };

  std::shared_ptr<KafkaClient> client;  // before what it must outlive
  std::vector<KafkaEvent> events;
  std::vector<Record> records;
  std::vector<Part> parts;
  std::int64_t bytes = 0;
  Outcome outcome;  // of the hook's last run

  /// The part of that partition, made if it is the batch's first record of it.
  [[nodiscard]] std::size_t part_of(const std::string& topic, std::int32_t number, std::int64_t expected_next,
                                    const KafkaStored& stored);
  /// Takes a partition's records below `offset` out. Not while it is mapped or stored.
  void drop(const std::string& topic, std::int32_t number, std::int64_t offset);
};

struct KafkaBatchRules {
  KafkaMapping mapping;
  std::string cluster;
  std::string group;
  std::string key_template;
  Dedupe dedupe = Dedupe::kByOffset;
  bool tracks_unfinished = false;  // ack = done
};

/// Maps the records. The event batch's hook refers to all three, which stay until it is answered.
[[nodiscard]] EventBatch event_batch_of(const std::shared_ptr<KafkaBatch>& batch,
                                        const std::shared_ptr<const KafkaBatchRules>& rules, Mailbox& mailbox,
                                        const Limits& limits);

}  // namespace mnema
