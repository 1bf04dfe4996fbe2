// connectors/kafka/replay.hpp
//
// Records of a topic once more, as new events: from a time on, or from an offset of a partition on. Each partition that
// is replayed gets a new epoch (start_position.hpp), whose row is written before it is read again, so that a crash
// neither loses the replay nor repeats it. Where a program reads the folder, its consumer (consumer.hpp) has its
// partitions released meanwhile; where none does, the next start takes the epochs up.
//
// A partition that has not come as far as the place asked for is left alone: nothing is ever skipped. With `ack = done`
// one is refused while events before that place are not handled yet: a commit of the new epoch would count as theirs.
//
// Threads: waits for the broker and the disk: on the executor for blocking calls, or where no loop runs.
#pragma once

#include <string>
#include <vector>

#include "connectors/connector.hpp"
#include "connectors/kafka/member.hpp"
#include "runtime/store/database.hpp"

namespace mnema {

/// Of a source with dedupe = "id".
inline constexpr const char* kKafkaReplayKnowsIds =
    "events are known by their ids (dedupe = \"id\"): what was taken lately is not taken again";

/// Opens the epochs; with `request.dry_run` only says which, and what would come. `partitions` are those that may be
/// replayed here: the rows of this folder say how far they are. Errors: `kInvalidArgument` (a request that names no
/// place, or an offset without its partition), `kNotFound` (none of `partitions` is meant), `kFailedPrecondition`
/// (`ack = done`, see above), `kUnavailable` (retryable), `kStorage`. With an error nothing is changed.
[[nodiscard]] Result<ReplayReport> replay_kafka(KafkaMember& member, const std::string& group, Database& database,
                                                const ReplayRequest& request,
                                                const std::vector<KafkaPartitionName>& partitions);

/// The same for all partitions of `topics` that the folder has rows of, while no program reads it. `member` has not
/// joined the group. Errors: also `kFailedPrecondition`: other nodes of the group run, and one of them may have the
/// partitions.
[[nodiscard]] Result<ReplayReport> replay_kafka_at_rest(KafkaMember& member, const std::string& group,
                                                        const std::vector<std::string>& topics, Database& database,
                                                        const ReplayRequest& request);

}  // namespace mnema
