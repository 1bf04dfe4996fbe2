#include "connectors/kafka/assignment.hpp"

#include <cstdlib>
#include <string_view>

namespace mnema {
namespace {

constexpr int kAnswerMs = 10'000;

Error unavailable(const std::string& what, rd_kafka_resp_err_t code) {
  return fail_retryable(ErrorCode::kUnavailable, what + ": " + rd_kafka_err2str(code));
}

}  // namespace

Result<KafkaPositions> read_kafka_positions(KafkaClient& client, Database& database, const std::string& group,
                                            bool with_unfinished, const std::vector<KafkaPartitionName>& assigned) {
  KafkaPositions positions;
  if (assigned.empty()) return positions;
  const std::unique_ptr<char, KafkaDestroy<std::free>> cluster(rd_kafka_clusterid(client.get(), kAnswerMs));
  if (!cluster) return unavailable("the broker does not say which cluster it is of", RD_KAFKA_RESP_ERR__TIMED_OUT);
  positions.cluster = cluster.get();
  const KafkaPartitions committed = kafka_partitions(static_cast<int>(assigned.size()));
  for (const KafkaPartitionName& of : assigned) {
    rd_kafka_topic_partition_list_add(committed.get(), of.topic.c_str(), of.number);
  }
  if (const auto code = rd_kafka_committed(client.get(), committed.get(), kAnswerMs);
      code != RD_KAFKA_RESP_ERR_NO_ERROR) {
    return unavailable("the group's offsets cannot be read", code);
  }
  const Result<bool> read = database.read<bool>([&](Transaction& transaction) -> Result<bool> {
    for (int i = 0; i < committed->cnt; ++i) {
      const rd_kafka_topic_partition_t& of = committed->elems[i];
      if (of.err != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the offset of a partition cannot be read", of.err);
      const kafka_offset_store::PartitionName name{positions.cluster, group, of.topic, of.partition};
      ASSIGN_OR_RETURN(const KafkaStored stored, kafka_offset_store::load(transaction, name));
      const std::string_view mark(static_cast<const char*>(of.metadata), of.metadata == nullptr ? 0 : of.metadata_size);
      positions.starts.push_back(start_of(stored, {of.offset < 0 ? -1 : of.offset, mark == kKafkaCommitMark}));
      positions.unfinished.emplace_back();
      if (!with_unfinished || !positions.starts.back().alarm.empty()) continue;
      ASSIGN_OR_RETURN(positions.unfinished.back(),
                       kafka_offset_store::load_unfinished(transaction, name, positions.starts.back().epoch));
    }
    return true;
  });
  if (!read.ok()) return read.error();
  return positions;
}

Result<KafkaWatermarks> read_kafka_watermarks(KafkaClient& client, const std::string& topic, std::int32_t partition) {
  KafkaWatermarks marks;
  const auto code =
      rd_kafka_query_watermark_offsets(client.get(), topic.c_str(), partition, &marks.low, &marks.high, kAnswerMs);
  if (code != RD_KAFKA_RESP_ERR_NO_ERROR) return unavailable("the ends of a partition cannot be read", code);
  return marks;
}

}  // namespace mnema
