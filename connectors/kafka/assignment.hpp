// connectors/kafka/assignment.hpp
//
// Where the partitions of an assignment begin: what we have stored and what the group has committed, asked for
// together.
//
// Assignments are kept by name: a list of librdkafka's holds on to its client, whose end would wait for it.
//
// Threads: each waits for the broker or the disk: on the executor for blocking calls.
#pragma once

#include <memory>
#include <string>
#include <vector>

#include "connectors/kafka/client.hpp"
#include "connectors/kafka/handles.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "connectors/kafka/start_position.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct KafkaPartitionName {
  std::string topic;
  std::int32_t number = 0;
  bool operator==(const KafkaPartitionName&) const = default;
};

struct KafkaPositions {
  std::string cluster;
  std::vector<KafkaStart> starts;                                       // in the order of the assignment
  std::vector<std::vector<kafka_offset_store::Unfinished>> unfinished;  // likewise; with `ack = done`
};

/// Errors: `kUnavailable` (the broker does not answer; retryable), `kStorage`.
[[nodiscard]] Result<KafkaPositions> read_kafka_positions(KafkaClient& client, Database& database,
                                                          const std::string& group, bool with_unfinished,
                                                          const std::vector<KafkaPartitionName>& assigned);

struct KafkaWatermarks {
  std::int64_t low = 0;   // the first offset that is there
  std::int64_t high = 0;  // behind the last one
};
/// Errors: `kUnavailable`, retryable.
[[nodiscard]] Result<KafkaWatermarks> read_kafka_watermarks(KafkaClient& client, const std::string& topic,
                                                            std::int32_t partition);

}  // namespace mnema
