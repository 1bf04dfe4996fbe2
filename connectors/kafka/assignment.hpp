// connectors/kafka/assignment.hpp
//
// Where the partitions of an assignment begin: what we have stored and what the group has committed, asked for
// together.
//
// Threads: waits for the broker and the disk: on the executor for blocking calls.
#pragma once

#include <string>
#include <vector>

#include "connectors/kafka/member.hpp"
#include "connectors/kafka/offset_store.hpp"
#include "connectors/kafka/start_position.hpp"
#include "runtime/base/result.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

struct KafkaPositions {
  std::string cluster;
  std::vector<KafkaStart> starts;                                       // in the order of the assignment
  std::vector<std::vector<kafka_offset_store::Unfinished>> unfinished;  // likewise; with `ack = done`
  std::string member;                                                   // its id in the group, if asked
  std::vector<std::string> others;                                      // hosts of the group's other members, if asked
};

/// Errors: `kUnavailable` (the broker does not answer; retryable), `kStorage`.
[[nodiscard]] Result<KafkaPositions> read_kafka_positions(KafkaMember& member, Database& database,
                                                          const std::string& group, bool with_unfinished,
                                                          const std::vector<KafkaPartitionName>& assigned);

}  // namespace mnema
