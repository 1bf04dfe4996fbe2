#include "connectors/kafka/replay.hpp"

#include <fmt/chrono.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "connectors/kafka/offset_store.hpp"
#include "runtime/base/log.hpp"

namespace mnema {
namespace {

struct Part {
  KafkaPartitionName of;
  std::int64_t from = 0;     // offset of the first record that comes again
  std::int64_t records = 0;  // from there to the end of the partition
  std::string note;
};

std::string place_of(const KafkaPartitionName& of) { return of.topic + "/" + std::to_string(of.number); }

std::string why_of(const ReplayRequest& request) {
  if (request.offset) return "an operator has it replayed from offset " + std::to_string(*request.offset);
  const auto seconds = std::chrono::floor<std::chrono::seconds>(*request.from);
  return "an operator has it replayed from " +
         fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", fmt::gmtime(std::chrono::system_clock::to_time_t(seconds)));
}

Status check(const ReplayRequest& request) {
  if (request.from.has_value() == request.offset.has_value()) {
    return fail(ErrorCode::kInvalidArgument, "a replay begins at a time or at an offset, and one of them is said");
  }
  if (request.offset && !request.partition) {
    return fail(ErrorCode::kInvalidArgument, "an offset is one of a partition, and none is said",
                "say which partition, or a time instead");
  }
  if (request.offset && *request.offset < 0) {
    return fail(ErrorCode::kInvalidArgument, "there is no offset " + std::to_string(*request.offset));
  }
  return {};
}

Result<std::vector<KafkaPartitionName>> meant_of(const ReplayRequest& request,
                                                 const std::vector<KafkaPartitionName>& partitions) {
  std::vector<KafkaPartitionName> meant;
  for (const KafkaPartitionName& of : partitions) {
    const bool is_meant =
        (request.topic.empty() || request.topic == of.topic) && (!request.partition || *request.partition == of.number);
    if (is_meant) meant.push_back(of);
  }
  if (meant.empty()) {
    return fail(ErrorCode::kNotFound, "this node reads no partition that is meant",
                "one that another node of the group reads is replayed there; a new one has nothing to replay");
  }
  if (request.offset && meant.size() > 1) {
    return fail(ErrorCode::kInvalidArgument, "several topics have a partition " + std::to_string(*request.partition),
                "say which topic");
  }
  return meant;
}

/// Where they begin again, as far as the broker says.
Result<std::vector<Part>> find_parts(KafkaMember& member, const ReplayRequest& request,
                                     const std::vector<KafkaPartitionName>& meant) {
  std::vector<std::int64_t> offsets(meant.size(), request.offset.value_or(0));
  if (request.from) {
    ASSIGN_OR_RETURN(offsets, member.offsets_at(meant, *request.from));
  }
  std::vector<Part> parts;
  for (std::size_t i = 0; i < meant.size(); ++i) {
    ASSIGN_OR_RETURN(const KafkaWatermarks ends, member.ends(meant[i]));
    Part part{meant[i], std::clamp(offsets[i], ends.low, ends.high), 0, ""};
    part.records = ends.high - part.from;
    if (request.offset && offsets[i] < ends.low) {
      part.note = "what came before offset " + std::to_string(ends.low) + " is deleted by the topic's retention";
    }
    parts.push_back(std::move(part));
  }
  return parts;
}

/// Opens the epoch of one, or with `is_dry` says whether it could.
Status begin(Transaction& transaction, const kafka_offset_store::PartitionName& name, std::int64_t committed,
             const std::string& why, bool is_dry, Part& part) {
  ASSIGN_OR_RETURN(const KafkaStored stored, kafka_offset_store::load(transaction, name));
  if (part.from >= stored.next || part.records == 0) {
    part.records = 0;
    part.note = "it has not come further than that yet";
    return {};
  }
  ASSIGN_OR_RETURN(const auto unfinished, kafka_offset_store::load_unfinished(transaction, name, stored.epoch));
  if (!unfinished.empty() && unfinished.front().offset < part.from) {
    const std::string first = std::to_string(unfinished.front().offset);
    return fail(ErrorCode::kFailedPrecondition,
                "the event of offset " + first + " of " + place_of(part.of) +
                    " is not handled yet, and with ack = done a replay from offset " + std::to_string(part.from) +
                    " would acknowledge it",
                "wait until it is done or dead, or replay from offset " + first);
  }
  if (is_dry) return {};
  const KafkaStart start = restart_of_replay(stored, committed, part.from, why);
  return kafka_offset_store::open_epoch(transaction, name, {start.epoch, start.offset, 0, start.unmarked_commit});
}

/// A topic that has left the configuration would get an epoch that nobody reads, and may not be there any more. What a
/// regular expression chose once, it still does as far as anybody knows here.
bool may_be_read(const std::vector<std::string>& topics, const std::string& topic) {
  return std::any_of(topics.begin(), topics.end(),
                     [&](const std::string& name) { return name == topic || name.starts_with('^'); });
}

}  // namespace

Result<ReplayReport> replay_kafka(KafkaMember& member, const std::string& group, Database& database,
                                  const ReplayRequest& request, const std::vector<KafkaPartitionName>& partitions) {
  RETURN_IF_ERROR(check(request));
  ASSIGN_OR_RETURN(const std::vector<KafkaPartitionName> meant, meant_of(request, partitions));
  ASSIGN_OR_RETURN(const std::vector<Part> found, find_parts(member, request, meant));
  ASSIGN_OR_RETURN(const KafkaGroupOffsets offsets, member.committed(meant));
  const std::string why = why_of(request);
  const std::function<Result<std::vector<Part>>(Transaction&)> work =
      [&](Transaction& transaction) -> Result<std::vector<Part>> {
    std::vector<Part> parts = found;
    for (std::size_t i = 0; i < parts.size(); ++i) {
      const KafkaPartitionName& of = parts[i].of;
      RETURN_IF_ERROR(begin(transaction, {offsets.cluster, group, of.topic, of.number}, offsets.committed[i].offset,
                            why, request.dry_run, parts[i]));
    }
    return parts;
  };
  const Result<std::vector<Part>> begun =
      request.dry_run ? database.read<std::vector<Part>>(work) : database.write_and_wait<std::vector<Part>>(work);
  if (!begun.ok()) return begun.error();
  ReplayReport report;
  for (const Part& part : *begun) {
    report.parts.push_back({place_of(part.of), part.from, part.records, part.note});
    if (request.dry_run || part.records == 0) continue;
    log_warning("kafka", "a new epoch of a partition begins: its events from here on are new ones",
                {{"topic", part.of.topic}, {"partition", part.of.number}, {"offset", part.from}, {"why", why}});
  }
  return report;
}

Result<ReplayReport> replay_kafka_at_rest(KafkaMember& member, const std::string& group,
                                          const std::vector<std::string>& topics, Database& database,
                                          const ReplayRequest& request) {
  using Names = std::vector<kafka_offset_store::PartitionName>;
  ASSIGN_OR_RETURN(const KafkaGroupOffsets cluster, member.committed({}));
  ASSIGN_OR_RETURN(const std::vector<std::string> others, member.others());
  if (!others.empty()) {
    return fail(ErrorCode::kFailedPrecondition,
                "a program (" + others.front() + ") reads for the group '" + group + "', on another data folder",
                "have the node that reads the partitions replay them");
  }
  const Result<Names> names = database.read<Names>(
      [&](Transaction& transaction) { return kafka_offset_store::list(transaction, cluster.cluster, group); });
  if (!names.ok()) return names.error();
  std::vector<KafkaPartitionName> partitions;
  for (const auto& name : *names) {
    if (may_be_read(topics, name.topic)) partitions.push_back({name.topic, name.partition});
  }
  return replay_kafka(member, group, database, request, partitions);
}

}  // namespace mnema
